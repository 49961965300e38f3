# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bake of a wave: seconds that it has to stay healthy before the next one is switched (private)."""

from __future__ import annotations

import collections.abc
import datetime
import typing as t

from ...module_utils._model.errors import BackendError, ConflictError
from .._registry import RESUME, Registry
from .account import lease_of
from .plan import Plan
from .recording import LEASE_SECONDS
from .strategy import Wave

__all__ = ["Bake", "wait"]

_LOOK, _SAY = 10.0, 60.0  # seconds between two looks, and between two lines for people


class Bake:
    """The bake of one wave, as the registry has it. A registry that is away does not end it; ``warning`` says so.

    open_registry: opens it anew; fence: of the lease that the rollout holds.
    """

    def __init__(
        self,
        plan: Plan,
        wave: Wave,
        open_registry: t.Callable[[], Registry],
        fence: collections.abc.Mapping[str, t.Any],
    ) -> None:
        self._plan, self._wave = plan, wave
        self._open, self._lease = open_registry, lease_of(plan, fence)
        self.warning = ""

    def left(self, now: datetime.datetime) -> float:
        """Seconds, counted from the moment at which the wave was confirmed, also by another run; all of them where
        nobody knows that."""
        try:
            with self._open() as registry:
                waves = registry.rollout(self._plan.id)["waves"]
        except BackendError as exc:
            self._warn(exc)
            return self._wave.bake
        finished = next((row["finished"] for row in waves if row["index"] == self._wave.index), None)
        if not finished:
            return self._wave.bake
        passed = (now - datetime.datetime.fromisoformat(finished)).total_seconds()
        return min(self._wave.bake, max(0.0, self._wave.bake - passed))

    def look(self) -> str:
        """Keep the lease; why the bake is to end early, empty where it goes on."""
        try:
            with self._open() as registry:
                registry.renew(self._lease, ttl=LEASE_SECONDS)
                orders = registry.rollout(self._plan.id)["orders"]
        except ConflictError as exc:
            return str(exc)
        except BackendError as exc:
            self._warn(exc)
            return ""
        newest = orders[-1] if orders else {"kind": RESUME}
        if newest["kind"] == RESUME:
            return ""
        return f"{newest['by']} asks to {newest['kind']} the rollout: {newest['reason']}"

    def _warn(self, exc: BackendError) -> None:
        self.warning = f"The registry could not be asked during the bake: {exc}"


def wait(
    seconds: float,
    *,
    look: t.Callable[[], str],
    say: t.Callable[[float], None],
    clock: t.Callable[[], float],
    sleep: t.Callable[[float], None],
) -> str:
    """Wait so long; returns why it ended before, empty if it did not.

    look: asked every few seconds for a reason to end; say: told every minute how many seconds are left.
    """
    end = clock() + seconds
    say_at = clock()
    while True:
        why, now = look(), clock()
        if why or now >= end:
            return why
        if now >= say_at:
            say(end - now)
            say_at = now + _SAY
        sleep(min(_LOOK, end - now, say_at - now))
