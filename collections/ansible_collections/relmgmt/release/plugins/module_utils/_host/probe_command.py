# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probe that runs a command: exit code 0 is healthy (private)."""

from __future__ import annotations

import typing as t

from .._model.errors import InputError
from .._model.probe import Probe
from .asking import NotAsked
from .process import Runner

__all__ = ["ask", "check"]

_MAX_SAID = 800
_NOT_RUN = (126, 127)  # as a shell says it: not executable, not found


def check(probe: Probe) -> None:
    if not probe.command:
        raise InputError("probe-malformed", f"probe {probe.name}: a command probe needs a command")


def ask(probe: Probe, *, runner: Runner, clock: t.Callable[[], float]) -> tuple[bool, str]:
    done = runner.run(probe.command, timeout=probe.timeout, user=probe.user, env=dict(probe.environment))
    if done.code in _NOT_RUN and not done.timed_out:
        raise NotAsked(done.output.strip()[-_MAX_SAID:] or f"exit code {done.code}")
    said = done.output.strip()[-_MAX_SAID:]
    verdict = f"no end within {probe.timeout:g} s" if done.timed_out else f"exit code {done.code}"
    healthy = done.code == 0 and not done.timed_out
    return healthy, verdict if healthy or not said else f"{verdict}: {said}"
