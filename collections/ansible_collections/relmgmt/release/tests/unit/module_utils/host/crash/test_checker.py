# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checker itself is checked: an engine that is broken in one of these ways does not get past it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.companions import companion_name
from ansible_collections.relmgmt.release.plugins.module_utils._host.disk import Disk
from ansible_collections.relmgmt.release.plugins.module_utils._host.journal import History, Journal
from ansible_collections.relmgmt.release.plugins.module_utils._host.rebooting import Rebooting
from ansible_collections.relmgmt.release.plugins.module_utils._host.service_adopted import AdoptedDriver
from ansible_collections.relmgmt.release.plugins.module_utils._host.service_replaced import ReplacedDriver
from ansible_collections.relmgmt.release.plugins.module_utils._host.serving import Serving
from ansible_collections.relmgmt.release.plugins.module_utils._host.switch import Switching
from ansible_collections.relmgmt.release.plugins.module_utils._host.traffic_readiness import ReadinessFile
from ansible_collections.relmgmt.release.plugins.module_utils._host.way_back import WayBack

from .calls import Calls
from .explore import Explorer
from .filesystem import Directory, File, Inode
from .scenarios import SCENARIOS
from .simulated import Service
from .strikes import Broken
from .world import World

Patch = pytest.MonkeyPatch


def without(method: str, call: str, kind: type[Inode] = Inode) -> t.Callable[[Patch], None]:
    """While the method of Disk runs, the call does nothing with inodes of that kind."""

    def patch(monkeypatch: Patch) -> None:
        real, real_call = getattr(Disk, method), getattr(Calls, call)
        inside: list[str] = []

        def watched(*args: t.Any, **how: t.Any) -> t.Any:
            inside.append(method)
            try:
                return real(*args, **how)
            finally:
                inside.pop()

        def skipped(calls: Calls, handle: int, *rest: t.Any) -> t.Any:
            if not (inside and isinstance(calls._system.opened(handle), kind)):
                return real_call(calls, handle, *rest)

        monkeypatch.setattr(Disk, method, watched)
        monkeypatch.setattr(Calls, call, skipped)

    return patch


def idle(owner: t.Any, name: str, answer: t.Any = None) -> t.Callable[[Patch], None]:
    """The method does nothing."""
    return lambda monkeypatch: monkeypatch.setattr(owner, name, lambda *args, **how: answer)


def believed(monkeypatch: Patch) -> None:
    """What somebody who was killed wrote is taken for durable."""
    monkeypatch.setattr(ReplacedDriver, "_history", lambda driver: driver._instance.history())


def announced_after_the_rename(monkeypatch: Patch) -> None:
    write, point = Journal.write, Disk.point
    late: list[t.Callable[[], None]] = []

    def later(self: Journal, event: str, **values: t.Any) -> None:
        if event == "switch":
            late[:] = [lambda: write(self, event, **values)]
        else:
            write(self, event, **values)

    def pointed(self: Disk, *args: str) -> None:
        point(self, *args)
        while late:
            late.pop()()

    monkeypatch.setattr(Journal, "write", later)
    monkeypatch.setattr(Disk, "point", pointed)


def forgetting(event: str) -> t.Callable[[Patch], None]:
    """One event is answered for, but not written."""

    def patch(monkeypatch: Patch) -> None:
        write = Journal.write

        def some(self: Journal, name: str, **values: t.Any) -> None:
            if name != event:
                write(self, name, **values)

        monkeypatch.setattr(Journal, "write", some)

    return patch


def pointed_once(monkeypatch: Patch) -> None:
    """A link that is right already is not made durable."""
    point = Disk.point

    def once(self: Disk, target: str, *parts: str) -> None:
        if self.target(*parts) != target:
            point(self, target, *parts)

    monkeypatch.setattr(Disk, "point", once)


def entered_once(monkeypatch: Patch) -> None:
    """A readiness file that is there already is not made durable."""
    enter = ReadinessFile.enter

    def once(self: ReadinessFile) -> None:
        if not self.inside():
            enter(self)

    monkeypatch.setattr(ReadinessFile, "enter", once)


def stopped_alone(monkeypatch: Patch) -> None:
    """What was adopted is stopped, and nothing of it is set aside."""
    monkeypatch.setattr(AdoptedDriver, "remove", AdoptedDriver.stop)


def never_barred(monkeypatch: Patch) -> None:
    """No way is closed, wherever the host is frozen."""
    monkeypatch.setattr(History, "barred", lambda *_args: False)


def never_barred_at_a_boot(monkeypatch: Patch) -> None:
    boot = Switching.boot

    def carelessly(switching: Switching) -> str | None:
        with pytest.MonkeyPatch.context() as within:
            never_barred(within)
            return boot(switching)

    monkeypatch.setattr(Switching, "boot", carelessly)


def renamed_before_it_is_announced(monkeypatch: Patch) -> None:
    write = Journal.write

    def late(self: Journal, event: str, **values: t.Any) -> None:
        if event == "resealing":
            disk = self._disk
            for number in values["profiles"]:
                name = companion_name(int(number), values["deployment"])
                disk.settle(disk.path("deployments", name), "deployments", number, mode=0o755)
        write(self, event, **values)

    monkeypatch.setattr(Journal, "write", late)


def without_recovery(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Switching, "_reseal", lambda *_args: "")
    monkeypatch.setattr(History, "interrupted", property(lambda self: self.unfinished is not None or self.owed))


def resealed_at_once(monkeypatch: Patch) -> None:
    """Without waiting for the confirmation."""
    record = Journal.write

    def eagerly(self: Journal, event: str, **values: t.Any) -> None:
        record(self, event, **values)
        if event == "switch" and values["verb"] == "revert" and self.history().companions.get(values["from"]):
            numbers = self.history().companions[values["from"]]
            record(self, "resealing", deployment=values["from"], profiles={str(n): p for n, p in numbers.items()})

    monkeypatch.setattr(Journal, "write", eagerly)


FAILED = {"outcome": "failed", "deployment": 2}
# What is broken, the scenario that shows it, and how often that has to be struck.
MUTATIONS: dict[str, tuple[t.Callable[[Patch], None], str, int]] = {
    "a line of the journal is not synced": (without("append", "fsync", File), "confirm", 0),
    "the name of the journal is not synced": (without("append", "fsync", Directory), "first", 1),
    "a line that was cut short is not dropped": (without("append", "ftruncate"), "upgrade", 1),
    "the link is not synced": (without("point", "fsync"), "rollback", 0),
    "the link is not synced if it is right already": (pointed_once, "rollback", 2),
    "the removal of the link is not synced": (without("remove", "fsync"), "first-sick", 0),
    "a file gets its name before its bytes": (without("write", "fsync", File), "confirm", 0),
    "the name of a file is not synced": (without("write", "fsync", Directory), "confirm", 0),
    "the readiness file is not synced if it is there already": (entered_once, "confirm", 2),
    "the switch is announced after the rename": (announced_after_the_rename, "upgrade", 1),
    "the switch is not announced": (forgetting("switch"), "upgrade", 1),
    "a confirmation is answered but not written": (forgetting("confirmed"), "confirm", 0),
    "a revert is answered but not written": (forgetting("reverted"), "revert", 0),
    "the debt to traffic is paid twice": (forgetting("serving"), "confirm", 0),
    "traffic is not left": (idle(Serving, "drain"), "upgrade", 0),
    "the service is not stopped": (idle(Service, "stop"), "upgrade", 0),
    "a reload does nothing": (idle(Service, "reload"), "reload", 0),
    "nobody is armed": (idle(World, "arm"), "upgrade", 0),
    "recovery does nothing": (idle(Switching, "recover"), "upgrade", 1),
    "a reboot does not end the time to confirm": (idle(Switching, "overdue", ""), "dark", 0),
    "the boot unit does nothing": (idle(Switching, "boot"), "upgrade", 1),
    "a boot that a switch takes is not announced": (forgetting("rebooting"), "boot", 0),
    "a boot that a switch takes is not recognised": (idle(Rebooting, "due", False), "boot", 0),
    "the next boot is taken for the one that came": (forgetting("booted"), "boot", 1),
    "nobody has the host started anew": (idle(Rebooting, "order"), "boot", 0),
    "what was adopted is not set aside": (idle(AdoptedDriver, "remove"), "adopted", 0),
    "what was adopted may start at the next boot": (stopped_alone, "adopted", 0),
    "what was adopted is not given back": (idle(AdoptedDriver, "_give_back"), "adopted-revert", 0),
    "what was adopted is given back, not started": (idle(AdoptedDriver, "start"), "adopted-sick", 0),
    "what is replaced is not stopped": (idle(ReplacedDriver, "remove"), "replaces", 0),
    "what is replaced is given back, not started": (idle(ReplacedDriver, "start"), "replaces-sick", 0),
    "the mark of what is replaced is believed before it is on the disk": (believed, "replaces-sick", 1),
    "what was given back is not synced": (without("write", "fsync", File), "adopted-revert", 0),
    "the directory of what was given back is not synced": (idle(AdoptedDriver, "_keep_directories"), "adopted-dark", 1),
    "what is re-sealed is not announced": (forgetting("resealing"), "reseal", 0),
    "what is re-sealed is renamed before it is announced": (renamed_before_it_is_announced, "reseal", 1),
    "an interrupted re-sealing is not gone on with": (without_recovery, "reseal", 1),
    "what was not confirmed re-seals": (resealed_at_once, "reseal-sick", 0),
    "freezing is answered but not written": (forgetting("frozen"), "freeze", 0),
    "a sick release goes back behind the point of no return": (never_barred, "frozen-upgrade-sick", 0),
    "a crash goes back behind the point of no return": (never_barred, "frozen-upgrade", 1),
    "a deadline goes back behind the point of no return": (never_barred, "frozen-expire", 0),
    "a reboot goes back behind the point of no return": (never_barred, "frozen-dark", 0),
    "what is before the point of no return runs after a boot": (never_barred_at_a_boot, "frozen-dark", 0),
    "what has no way back is never final": (idle(WayBack, "_go_on", FAILED), "frozen-expire", 0),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_engine_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate, scenario, depth = MUTATIONS[name]
    mutate(monkeypatch)
    with pytest.raises(Broken):
        before, act, _nightly = SCENARIOS[scenario]
        Explorer(before(), act, all_losses=False, kills_first=True).explore(depth)
