# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is put below the engine in place of the real host: its file system, its service, its probe, its lock."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

from ansible_collections.relmgmt.release.plugins.module_utils._host import (
    adopting,
    capsule,
    companions,
    disk,
    guard,
    probe,
    service,
    service_replaced,
    traffic_readiness,
)
from ansible_collections.relmgmt.release.plugins.module_utils._host.astray import Astray
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Runner
from ansible_collections.relmgmt.release.plugins.module_utils._model import probe as probes
from ansible_collections.relmgmt.release.plugins.module_utils._model import runtime

from .predecessor import PACKAGE, Predecessor

if t.TYPE_CHECKING:
    from .world import World

__all__ = ["NAME", "Place", "Service", "beneath"]

NAME = "simulated"  # of the driver and of the kind of probe


class Place(type(pathlib.Path())):  # type: ignore[misc]  # the class of paths differs between systems
    """A path that the engine takes for a directory without asking through ``Disk``."""

    def is_dir(self, **_how: t.Any) -> bool:
        return True


class Service:
    """See ``service.Driver``. The world stands in as the runner; what it replaces is run in the same way."""

    def __init__(
        self,
        service: runtime.Service,
        *,
        instance: pathlib.Path,
        profile: pathlib.Path,
        runner: Runner,
        clock: t.Callable[[], float],
    ) -> None:
        self._world = t.cast("World", runner)
        before = self._world.legacy
        self._before = before if isinstance(before, Predecessor) and PACKAGE in str(instance) else None

    def require_own(self, adopted: t.Collection[str]) -> None:
        """Nobody else has its name."""

    def start(self) -> None:
        self._world.step("enable")
        self._run_by.enabled = True
        self._world.step("start")
        if self._before is not None:
            self._before.start()
        else:
            self._world.launch()

    def reload(self) -> None:
        self._world.step("reload")
        self._world.reload()

    def stop(self) -> None:
        self._world.step("stop")
        if self._before is not None:
            self._before.running = False
        else:
            self._world.running = 0

    def active(self) -> bool:
        return self._before.running if self._before is not None else self._world.alive()

    def astray(self) -> list[Astray]:
        return []

    def describe(self) -> str:
        return f"deployment {self._world.running} runs" if self._world.alive() else "nothing runs"

    def remove(self) -> None:
        self.stop()
        self._world.step("disable")
        self._run_by.enabled = False
        if self._world.legacy is not None:
            self._world.legacy.disabled()

    @property
    def _run_by(self) -> World | Predecessor:
        return self._before or self._world


def _connect(probe: probes.Probe, *, runner: Runner, clock: t.Callable[[], float]) -> tuple[bool, str]:
    legacy = t.cast("World", runner).legacy
    return legacy is not None and legacy.running, "as simulated"


def _ask(probe: probes.Probe, *, runner: Runner, clock: t.Callable[[], float]) -> tuple[bool, str]:
    return t.cast("World", runner).answers(), "as simulated"


@contextlib.contextmanager
def _locked(*_args: t.Any, **_how: t.Any) -> t.Iterator[None]:
    """One process after the other is all that happens here."""
    yield


def _whole(*_args: t.Any, **_how: t.Any) -> None:
    """What was staged stays as it was staged, and what was adopted as it was found."""


def _whole_still(*_args: t.Any) -> bool:
    """As ``_whole``, of what is asked whether it is."""
    return True


def _unheard(_text: str) -> None:
    """Nobody listens here."""


@contextlib.contextmanager
def beneath(world: World) -> t.Iterator[None]:
    """Put the world below the engine."""
    taken: list[tuple[t.Any, str, t.Any]] = [
        (disk, "os", world.calls),
        (traffic_readiness, "os", world.calls),
        (guard, "locked", _locked),
        (service_replaced, "locked", _locked),
        (guard, "alert", _unheard),
        (capsule, "require_whole", _whole),
        (adopting, "require_unchanged", _whole),
        (companions, "is_whole", _whole_still),
    ]
    tcp = probe.KINDS["tcp"]
    before = [(module, name, getattr(module, name)) for module, name, _ours in taken]
    for module, name, ours in taken:
        setattr(module, name, ours)
    service.DRIVERS[NAME] = Service
    probe.KINDS[NAME] = probe.Kind(lambda _probe: None, _ask)
    probe.KINDS["tcp"] = probe.Kind(tcp.check, _connect)
    try:
        yield
    finally:
        for module, name, theirs in before:
            setattr(module, name, theirs)
        del service.DRIVERS[NAME], probe.KINDS[NAME]
        probe.KINDS["tcp"] = tcp
