# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe ``systemd``: whether a unit, the service's own or another, is in the state that is wanted (private)."""

from __future__ import annotations

import typing as t

from .._model.errors import InputError
from .._model.field import UNIT
from .._model.probe import Probe
from .asking import NotAsked
from .process import Runner
from .systemctl import systemctl

__all__ = ["ask", "check"]

_PROPERTIES = ("LoadState", "ActiveState", "SubState", "NRestarts")


def check(probe: Probe) -> None:
    if not UNIT.match(probe.unit) or not probe.state:
        raise InputError(
            "probe-malformed",
            f"probe {probe.name}: a systemd probe needs a state, and the full name of a unit, such as 'app.timer'",
        )


def ask(probe: Probe, *, runner: Runner, clock: t.Callable[[], float]) -> tuple[bool, str]:
    done = systemctl(runner, "show", "--property=" + ",".join(_PROPERTIES), probe.unit, timeout=probe.timeout)
    now = dict(line.partition("=")[::2] for line in done.output.splitlines())
    if done.code or done.timed_out or "ActiveState" not in now:
        raise NotAsked(f"systemd does not say how {probe.unit} is")
    restarts = int(now.get("NRestarts") or 0)
    state, wanted = _state(now["ActiveState"], now.get("SubState", "")), _state(probe.state, probe.substate)
    said = f"{probe.unit} is {'not there' if now.get('LoadState') == 'not-found' else state}"
    if now["ActiveState"] != probe.state or probe.substate not in ("", now.get("SubState")):
        return False, f"{said}, wanted {wanted}"
    if 0 <= probe.restarts < restarts:
        return False, f"{said}, but was restarted {restarts} times"
    return True, said


def _state(state: str, substate: str) -> str:
    return f"{state} ({substate})" if substate else state
