# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way in which a short scenario can be struck: a process killed before each step, the power lost before each step
with each choice of what is lost with it, and the recovery struck likewise."""

from __future__ import annotations

import typing as t

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError

from .play import Play
from .strikes import Broken, Strike

__all__ = ["Act", "Explorer", "next_loss"]

Act = t.Callable[..., None]  # of a Play and its strikes


class Explorer:
    """``act`` on copies of ``play``. ``ways``: in how many it was carried out; ``steps``: of all of them together.

    all_losses: every choice of what is lost, not the nastiest and the most lenient alone. kills_first: all strikes but
    the last one are kills. At the end of each way the power fails once more: what was answered, or brought to rest, is
    there to stay.
    """

    def __init__(self, play: Play, act: Act, *, all_losses: bool = True, kills_first: bool = False) -> None:
        self._play, self._act = play, act
        self._next = next_loss if all_losses else _last
        self._kills_first = kills_first
        self.ways = self.steps = 0

    def explore(self, depth: int, *begun: Strike) -> Play:
        """Strike it ``depth`` times more than it was already; what became of it without those.

        Raises:
            Broken: a promise was broken, and the strikes by which.
        """
        run = self._run(begun)
        for at in range(run.world.span + 1) if depth else ():
            for verb in (False, True):
                self.explore(depth - 1, *begun, Strike(at, verb=verb))
                loss: tuple[int, ...] | None = None if self._kills_first and depth > 1 else ()
                while loss is not None:
                    struck = self.explore(depth - 1, *begun, Strike(at, power=True, loss=loss, verb=verb))
                    loss = self._next(loss, struck.world.asked)
        return run

    def _run(self, strikes: t.Sequence[Strike]) -> Play:
        run = self._play.copy()
        before = run.world.steps
        try:
            self._act(run, *strikes)
            run.copy().power_fails()
        except RelmgmtError as exc:
            raise Broken(f"{exc}; struck by {', '.join(map(str, strikes))}") from exc
        self.ways += 1
        self.steps += run.world.steps - before
        return run


def next_loss(loss: t.Sequence[int], asked: t.Sequence[int]) -> tuple[int, ...] | None:
    """The choice after this one, as an odometer turns; None after the last."""
    digits = [*loss, *[0] * (len(asked) - len(loss))]
    while digits and digits[-1] == asked[len(digits) - 1] - 1:
        digits.pop()
    return (*digits[:-1], digits[-1] + 1) if digits else None


def _last(loss: t.Sequence[int], asked: t.Sequence[int]) -> tuple[int, ...] | None:
    return None if loss or not asked else tuple(possibilities - 1 for possibilities in asked)
