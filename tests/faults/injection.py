# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How each fault is done from outside, and how it ends."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

from tests.testbed import Host, wait_for

from .application import FLAGS
from .controller import Run

__all__ = ["ENDS", "STRIKES", "end", "release", "strike"]

Condition = t.Callable[[], bool]


def strike(fault: str, victim: Host, run: Run, *, running: Condition) -> None:
    """Do it, while the product is held at the boundary. running: whether the victim's service answers."""
    STRIKES[fault](victim, run, running)


def end(fault: str, victim: Host) -> None:
    """End it: power, network, life, space return. What N is like does not end."""
    if fault in ENDS:
        ENDS[fault](victim)


def release(place: pathlib.Path, number: int) -> None:
    """Let what is held at the boundary go on, if it still is there."""
    with contextlib.suppress(OSError):
        (place / f"release.{number}").touch()


def _flag(victim: Host, name: str) -> None:
    victim.path(f"{FLAGS}/{name}").touch()


def _kill(victim: Host, run: Run, running: Condition) -> None:
    run.kill()


def _cut(victim: Host, run: Run, running: Condition) -> None:
    victim.cut()


def _power_off(victim: Host, run: Run, running: Condition) -> None:
    victim.power_off()


def _reboot(victim: Host, run: Run, running: Condition) -> None:
    """Only begun: the rollout must find it going on."""
    victim.run("systemctl", "--no-block", "reboot")
    wait_for("the end of the service", lambda: not running())


def _freeze(victim: Host, run: Run, running: Condition) -> None:
    victim.freeze()


def _fill(victim: Host, run: Run, running: Condition) -> None:
    victim.fill()


def _refuse_start(victim: Host, run: Run, running: Condition) -> None:
    _flag(victim, "down")


def _die(victim: Host, run: Run, running: Condition) -> None:
    _flag(victim, "down")
    wait_for("the death of the service", lambda: not running())


def _append(victim: Host, run: Run, running: Condition) -> None:
    _flag(victim, "appends")
    wait_for("the append", victim.path(f"{FLAGS}/appended").exists)


def _heal(victim: Host) -> None:
    victim.heal()


def _power_on(victim: Host) -> None:
    if not victim.up:
        victim.power_on()
    victim.wait()


def _thaw(victim: Host) -> None:
    victim.thaw()


def _free(victim: Host) -> None:
    victim.free()


STRIKES: dict[str, t.Callable[[Host, Run, Condition], None]] = {
    "controller-killed": _kill,
    "ssh-cut": _cut,
    "power-loss": _power_off,
    "reboot": _reboot,
    "frozen": _freeze,
    "disk-full": _fill,
    "service-will-not-start": _refuse_start,
    "dies-after-probes": _die,
    "appends-to-own-file": _append,
}
ENDS: dict[str, t.Callable[[Host], None]] = {
    "ssh-cut": _heal,
    "power-loss": _power_on,
    "reboot": _power_on,
    "frozen": _thaw,
    "disk-full": _free,
}
