# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arming: see that a guard watches the instance, before anything is put at risk (private)."""

from __future__ import annotations

import contextlib
import os
import typing as t

from .._model.errors import BackendError, RelmgmtError
from .process import Runner

if t.TYPE_CHECKING:
    import pathlib

    from .guard_detached import Detached
    from .guard_systemd import Units
    from .instance import Instance

__all__ = ["DETACHED", "SYSTEMD", "Arming", "kind_of_guard"]

DETACHED, SYSTEMD = "detached", "systemd"
_PATIENCE = 20.0
_AGAIN = 2.0
_TICK = 0.02


def kind_of_guard() -> str:
    """``systemd``: its guards outlive everything, a reboot too; ``detached``: plain processes, which do not."""
    return SYSTEMD if os.geteuid() == 0 and os.path.isdir("/run/systemd/system") else DETACHED


class Arming:
    """See ``instance.Keeper``. engine: the bytes of the engine that is to guard."""

    def __init__(
        self, engine: bytes, runner: Runner, clock: t.Callable[[], float], wait: t.Callable[[float], None]
    ) -> None:
        self._engine, self._runner, self._clock, self._wait = engine, runner, clock, wait

    def arm(self, instance: Instance, *deployments: int) -> None:
        from .engine_file import install
        from .post import guarded

        if guarded(instance):
            return  # never replaced while it watches
        try:
            engine = install(instance, self._engine)
            guard = self._guard(instance, engine)
            guard.install(*deployments)
            self._start(instance, guard)
        except (RelmgmtError, OSError) as exc:
            raise BackendError(
                "guard-not-armed",
                f"{instance.path}: nobody would see to the way back: {exc}",
                hint="Nothing was touched. Mend the cause and run the same command again.",
            ) from None

    def dismiss(self, instance: Instance) -> None:
        from .traffic_agent import forget

        with contextlib.suppress(RelmgmtError, OSError):  # it guards nothing any more: that is no failure of anything
            self._guard(instance, instance.path).remove()
            forget(instance.path, self._runner)

    def reread(self) -> None:
        if kind_of_guard() == SYSTEMD:
            from .systemctl import systemctl

            systemctl(self._runner, "daemon-reload")

    def _guard(self, instance: Instance, engine: pathlib.Path) -> Detached | Units:
        if kind_of_guard() == SYSTEMD:
            from .guard_systemd import Units

            return Units(instance, engine, self._runner)
        from .guard_detached import Detached

        return Detached(instance, engine, self._runner)

    def _start(self, instance: Instance, guard: Detached | Units) -> None:
        """Start it until it is there: one that just ends takes a start for itself."""
        from .post import guarded

        deadline, again = self._clock() + _PATIENCE, 0.0
        while not guarded(instance):
            now = self._clock()
            if now >= deadline:
                raise BackendError("guard-silent", f"the guard does not come up: {guard.describe()}")
            if now >= again:
                guard.start()
                again = now + _AGAIN
            self._wait(_TICK)
