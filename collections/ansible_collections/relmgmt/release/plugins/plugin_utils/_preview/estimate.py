# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long waves take, the whole way back, and the phases of a rehearsal, as far as anybody knows (private).

What is known best counts: waves of the package that the registry has measured, then the rehearsal of the way that hosts
go, then what the package says that it may take.
"""

from __future__ import annotations

import collections.abc
import math
import typing as t

from .._registry import REHEARSAL, ROLLBACK, ROLLOUT
from .._rollout import AGAIN, PHASES, Plan, Timing, Wave

__all__ = ["DECLARED", "MEASURED", "NOT_KNOWN", "REHEARSED", "Estimates", "Seconds"]

MEASURED, REHEARSED, DECLARED, NOT_KNOWN = "measured", "rehearsed", "declared, not measured", "not known"
_DIRECTIONS = {"forward": ROLLOUT, "back": ROLLBACK}


class Seconds(t.NamedTuple):
    """So long, and how that is known; 0 where it is not."""

    seconds: float
    source: str

    def to_dict(self) -> dict[str, t.Any]:
        return {"seconds": round(self.seconds, 1), "source": self.source}


class Estimates:
    """For one plan. said: seconds that hosts may take as the release declares, as far as that is known."""

    def __init__(self, plan: Plan, said: collections.abc.Mapping[str, float], timing: Timing) -> None:
        self._plan, self._said, self._timing = plan, said, timing

    def staging(self) -> Seconds:
        """Bringing the release to all hosts."""
        hosts = self._plan.staging.hosts
        one = self._timing.usual_round(staging=True)
        if one:
            return Seconds(one * self._rounds(hosts), MEASURED)
        return self._rehearsed("stage", hosts) or Seconds(0.0, NOT_KNOWN)

    def forward(self, wave: Wave) -> Seconds:
        """From leaving traffic to being judged, of all hosts of the wave."""
        return self._switch("forward", wave.hosts)

    def back(self, wave: Wave) -> Seconds:
        return self._switch("back", wave.hosts)

    def phase(self, name: str, wave: Wave) -> Seconds:
        """A phase of a rehearsal, in the first round or the second: as rehearsals of the package took, else as its
        rollouts did."""
        base = name.removesuffix(AGAIN)
        history = [
            {"waves": [{**each, "index": 1} for each in rollout["waves"] if each["name"].removesuffix(AGAIN) == base]}
            for rollout in self._timing.history
            if rollout["kind"] == REHEARSAL
        ]
        one = self._timing._replace(history=history).usual_round()
        if one:
            return Seconds(one * self._rounds(wave.hosts), MEASURED)
        return self.staging() if base == PHASES[0] else self._switch(base, wave.hosts)

    def _switch(self, direction: str, hosts: collections.abc.Sequence[str]) -> Seconds:
        kind = _DIRECTIONS[direction]
        history = [rollout for rollout in self._timing.history if rollout["kind"] == kind]
        one = self._timing._replace(history=history).usual_round()
        if one:
            return Seconds(one * self._rounds(hosts), MEASURED)
        # Hosts of other jobs run the same release.
        known = [self._said[host] for host in hosts if host in self._said] or [*self._said.values()]
        if not known:
            return self._rehearsed(direction, hosts) or Seconds(0.0, NOT_KNOWN)
        said = Seconds(max(known) * self._rounds(hosts), DECLARED)
        return self._rehearsed(direction, hosts) or said

    def _rehearsed(self, phase: str, hosts: collections.abc.Sequence[str]) -> Seconds | None:
        """As the slowest host of a rehearsal took; None unless all ways of these hosts were rehearsed."""
        took = {
            host: float(way["seconds"][phase])
            for way in self._plan.rehearsal.get("ways", ())
            for host in way["hosts"]
            if phase in way.get("seconds", ())
        }
        if not hosts or not set(hosts) <= set(took):
            return None
        return Seconds(max(took[host] for host in hosts) * self._rounds(hosts), REHEARSED)

    def _rounds(self, hosts: collections.abc.Sized) -> int:
        return max(1, math.ceil(len(hosts) / max(1, self._timing.forks)))
