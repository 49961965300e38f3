# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long hosts of a wave wait for their confirmation before they go back by themselves (private).

A host must not go back while the controller still works on the others of its wave. So it waits at least twice as long
as 19 of 20 waves took; the first times, as the package says that one may take. Where it may not wait that long, because
somebody said so or the package's ``progress_deadline`` does, waves are made smaller, as far as that helps.
"""

from __future__ import annotations

import collections.abc
import math
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.runtime import Runtime
from .._registry import seconds
from .strategy import Wave

__all__ = ["Clocks", "Limit", "Timing", "declared", "largest_wave", "measured", "set_clocks"]

_ENOUGH = 3  # waves that say more than the package does
Rollouts = collections.abc.Iterable[collections.abc.Mapping[str, t.Any]]


class Clocks(t.NamedTuple):
    """confirm_timeout: seconds; warning: what speaks against them, else empty."""

    confirm_timeout: float
    warning: str = ""


class Timing(t.NamedTuple):
    """What waves are fitted to. forks: hosts that the controller works on at a time; wanted: how long somebody wants
    hosts to wait for their confirmation, 0 for nothing; history: rollouts of the package, as the registry has them."""

    forks: int
    wanted: float = 0.0
    history: Rollouts = ()

    def usual_round(self, *, staging: bool = False) -> float:
        """Seconds that 19 of 20 times were enough for as many hosts as fit at a time, to switch them or to stage; 0
        while too little is known."""
        known = sorted(measured(self.history, forks=self.forks, staging=staging))
        return known[math.ceil(0.95 * len(known)) - 1] if len(known) >= _ENOUGH else 0.0


class Limit(t.NamedTuple):
    """How many hosts a wave may have, and why."""

    hosts: int
    reason: str


def largest_wave(runtimes: collections.abc.Sequence[Runtime], timing: Timing) -> Limit | None:
    """None while too little is known, and where not even as many hosts as fit at a time would be fast enough: smaller
    waves would not be faster then."""
    patience = timing.wanted or min((runtime.health.progress_deadline for runtime in runtimes), default=0.0)
    one = timing.usual_round()
    rounds = int(patience // (2 * one)) if one else 0
    if not rounds:
        return None
    hosts = rounds * timing.forks
    return Limit(
        hosts, f"at most {hosts} hosts a wave: {timing.forks} at a time took {one:.1f} s, and they wait {patience:g} s"
    )


def set_clocks(
    waves: collections.abc.Sequence[Wave], runtimes: collections.abc.Sequence[Runtime], timing: Timing
) -> Clocks:
    """runtimes: of the hosts that take part; none where nothing is activated."""
    if not runtimes:
        return Clocks(timing.wanted)
    rounds = max((_rounds(len(wave.hosts), timing.forks) for wave in waves), default=1)
    usual_round = timing.usual_round()
    needed = 2 * rounds * (usual_round or max(map(declared, runtimes)))
    limit = min(runtime.health.progress_deadline for runtime in runtimes)
    usual = max(runtime.health.confirm_timeout for runtime in runtimes)
    chosen = timing.wanted or min(max(usual, needed), limit)
    if not usual_round or chosen >= needed:
        return Clocks(chosen)
    return Clocks(
        chosen,
        f"Hosts wait {chosen:g} s for their confirmation, and waves of this size may take {needed / 2:.0f} s: some may"
        " go back too early. Make waves smaller (relmgmt_batch), work on more hosts at a time (forks), or let them wait"
        " longer (relmgmt_confirm_timeout, health.progress_deadline).",
    )


def measured(history: Rollouts, *, forks: int, staging: bool = False) -> collections.abc.Iterator[float]:
    """Seconds that as many hosts as the controller works on at a time took, of each wave that went on, or of each
    staging."""
    for rollout in history:
        for wave in rollout["waves"]:
            took = seconds(wave) if (wave["index"] == 0) is staging and wave["verdict"] == outcome.CONTINUE else None
            if took is not None:
                yield took / _rounds(len(wave["hosts"]), forks)


def declared(runtime: Runtime) -> float:
    """Seconds that a host may take from leaving traffic until it is found healthy."""
    return runtime.switching_time + (runtime.reboot.timeout if runtime.reboot else 0.0)


def _rounds(hosts: int, forks: int) -> int:
    return max(1, math.ceil(hosts / max(1, forks)))
