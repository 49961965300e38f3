# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What strikes a host, and when: steps are counted, and a process dies before one of them."""

from __future__ import annotations

import typing as t

__all__ = ["Broken", "Fate", "Killed", "Rebooted", "Strike"]


class Strike(t.NamedTuple):
    """at: after how many steps, counted from the strike before it; power: it takes the whole host; loss: what is chosen
    of what was not synced, the nastiest where it ends; verb: the next verb comes before the guard looks."""

    at: int
    power: bool = False
    loss: tuple[int, ...] = ()
    verb: bool = False


class Broken(AssertionError):
    """The engine broke a promise."""


class Killed(BaseException):
    """The process is dead: nothing that runs in it may catch this."""


class Rebooted(BaseException):
    """The host is started anew, in an orderly way: as ``Killed``."""


class Fate:
    """``steps``: made so far; ``struck``: of them, when it was struck last; ``span``: from there to the rest that
    followed; ``hits``: what has struck since ``expect``."""

    def __init__(self) -> None:
        self.steps = self.struck = self.span = 0
        self.hits: list[Strike] = []
        self._coming: list[Strike] = []
        self._dead = False

    def expect(self, strikes: t.Sequence[Strike]) -> None:
        """From now on, be struck by these."""
        self._coming, self.struck, self.hits = list(strikes), self.steps, []

    def calm(self) -> None:
        """From now on, nothing strikes."""
        self._coming, self.span = [], self.steps - self.struck

    def step(self, _what: str) -> None:
        """Something is about to be changed. Raises Killed where it does not come to that."""
        if self._dead or self._due():
            self._dead = True
            raise Killed
        self.steps += 1

    def _due(self) -> bool:
        return bool(self._coming) and self.steps - self.struck == self._coming[0].at

    def end(self) -> Strike | None:
        """The process has ended; by what, if it was struck, be it after its last step and before its answer."""
        struck = self._dead or self._due()
        self._dead = False
        if not struck:
            return None
        strike, self.struck = self._coming.pop(0), self.steps
        self.hits.append(strike)
        return strike
