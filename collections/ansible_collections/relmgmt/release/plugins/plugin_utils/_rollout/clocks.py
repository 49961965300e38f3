# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long hosts of a wave wait for their confirmation before they go back by themselves (private).

A host must not go back while the controller still works on the others of its wave. So it waits at least twice as long
as 19 of 20 waves took; the first times, as the package says that one may take.
"""

from __future__ import annotations

import collections.abc
import datetime
import math
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.runtime import Runtime
from .strategy import Wave

__all__ = ["Clocks", "declared", "measured", "set_clocks"]

_ENOUGH = 3  # waves that say more than the package does
Rollouts = collections.abc.Iterable[collections.abc.Mapping[str, t.Any]]


class Clocks(t.NamedTuple):
    """confirm_timeout: seconds; warning: what speaks against them, else empty."""

    confirm_timeout: float
    warning: str = ""


def set_clocks(
    waves: collections.abc.Sequence[Wave],
    runtimes: collections.abc.Sequence[Runtime],
    *,
    forks: int,
    wanted: float = 0.0,
    history: Rollouts = (),
) -> Clocks:
    """runtimes: of the hosts that take part, at least one. forks: hosts that the controller works on at a time. wanted:
    what somebody asks for, 0 for nothing. history: rollouts of the package, as the registry has them."""
    rounds = max((_rounds(len(wave.hosts), forks) for wave in waves), default=1)
    known = sorted(measured(history, forks=forks))
    one = known[math.ceil(0.95 * len(known)) - 1] if len(known) >= _ENOUGH else max(map(declared, runtimes))
    needed = 2 * rounds * one
    limit = min(runtime.health.progress_deadline for runtime in runtimes)
    usual = max(runtime.health.confirm_timeout for runtime in runtimes)
    chosen = wanted or min(max(usual, needed), limit)
    if len(known) < _ENOUGH or chosen >= needed:
        return Clocks(chosen)
    return Clocks(
        chosen,
        f"Hosts wait {chosen:g} s for their confirmation, and waves of this size may take {needed / 2:.0f} s: some may"
        " go back too early. Make waves smaller (relmgmt_batch), work on more hosts at a time (forks), or let them wait"
        " longer (relmgmt_confirm_timeout, health.progress_deadline).",
    )


def measured(history: Rollouts, *, forks: int) -> collections.abc.Iterator[float]:
    """Seconds that as many hosts as the controller works on at a time took, of each wave that went on."""
    for rollout in history:
        for wave in rollout["waves"]:
            if wave["index"] and wave["verdict"] == outcome.CONTINUE and wave["finished"]:
                took = datetime.datetime.fromisoformat(wave["finished"]) - datetime.datetime.fromisoformat(
                    wave["started"]
                )
                yield took.total_seconds() / _rounds(len(wave["hosts"]), forks)


def declared(runtime: Runtime) -> float:
    """Seconds that a host may take from leaving traffic until it is found healthy."""
    return runtime.switching_time + (runtime.reboot.timeout if runtime.reboot else 0.0)


def _rounds(hosts: int, forks: int) -> int:
    return max(1, math.ceil(hosts / max(1, forks)))
