# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to the running software: the kinds by name (private).

An unhealthy answer is a result, and so is a question that could not be asked at this moment, which says nothing about
what was to be asked. Only a question that can never be asked as it is written is an error.
"""

from __future__ import annotations

import typing as t

from .._model.errors import InputError
from .._model.probe import Probe
from .._model.record import record, values
from . import probe_command, probe_file, probe_http, probe_log, probe_systemd, probe_tcp
from .asking import NotAsked
from .process import Runner

__all__ = ["KINDS", "Kind", "Result", "ask", "check"]

_MAX_REASON = 1000


@record(frozen=True)
class Result:
    """What came of asking one probe once. asked: False where the probe itself failed, not what it asks."""

    name: str
    level: str
    healthy: bool
    reason: str
    seconds: float
    asked: bool = True

    def to_dict(self) -> dict[str, t.Any]:
        return values(self)


class _Ask(t.Protocol):
    def __call__(self, probe: Probe, *, runner: Runner, clock: t.Callable[[], float]) -> tuple[bool, str]:
        """Ask once: (healthy, reason). Raises NotAsked."""


@record(frozen=True)
class Kind:
    """A kind of probe. ``check`` raises InputError for what can never be asked; ``ask`` says (healthy, reason)."""

    check: t.Callable[[Probe], None]
    ask: _Ask


KINDS = {
    "command": Kind(probe_command.check, probe_command.ask),
    "file": Kind(probe_file.check, probe_file.ask),
    "http": Kind(probe_http.check, probe_http.ask),
    "log": Kind(probe_log.check, probe_log.ask),
    "systemd": Kind(probe_systemd.check, probe_systemd.ask),
    "tcp": Kind(probe_tcp.check, probe_tcp.ask),
}


def check(probe: Probe) -> Kind:
    """The probe's kind, after making sure that it can be asked.

    Raises:
        InputError: there is no such kind (``probe-kind-unknown``), or something is missing (``probe-malformed``).
    """
    if probe.kind not in KINDS:
        raise InputError(
            "probe-kind-unknown",
            "probe {}: kind {!r} is none of {}".format(probe.name, probe.kind, ", ".join(sorted(KINDS))),
        )
    KINDS[probe.kind].check(probe)
    return KINDS[probe.kind]


def ask(probe: Probe, *, runner: Runner, clock: t.Callable[[], float]) -> Result:
    """Ask once.

    Raises:
        InputError: see ``check``.
    """
    kind, began, asked = check(probe), clock(), True
    try:
        healthy, reason = kind.ask(probe, runner=runner, clock=clock)
    except NotAsked as exc:
        healthy, reason, asked = False, f"could not be asked: {exc}", False
    return Result(probe.name, probe.level, healthy, reason[:_MAX_REASON], round(clock() - began, 3), asked)
