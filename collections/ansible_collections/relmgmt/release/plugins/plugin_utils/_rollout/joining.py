# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several jobs on one rollout, each with hosts of its own (private).

The waves are those of the plan, whoever has which hosts. What a job cannot see itself, what became of the others' hosts
and how far they are, it reads in the registry; a step is taken when the hosts of all jobs are there that it concerns.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import time
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.errors import InputError
from .._registry import JobRow
from .plan import DEPLOY, HostPlan, Plan
from .strategy import Wave

__all__ = ["ACTIVATED", "BEGIN", "CONFIRMED", "STAGED", "JobPart", "absent", "join_plan", "require_joinable",
           "require_known", "named", "still_baking", "wait_for_others", "with_others"]  # fmt: skip

STAGED, BEGIN, ACTIVATED, CONFIRMED = "staged", "begin", "activated", "confirmed"  # what hosts are waited for to be
_UNDECIDED = {
    STAGED: (None,),
    ACTIVATED: (None, outcome.STAGED),
    CONFIRMED: (None, outcome.STAGED, outcome.PROVISIONAL),
}
Variables = collections.abc.Mapping[str, t.Any]
Rows = collections.abc.Iterable[collections.abc.Mapping[str, t.Any]]
T = t.TypeVar("T")


@dataclasses.dataclass(frozen=True)
class JobPart:
    """A job's part of a rollout. hosts: its own; wait: seconds that it waits for those of others; patience: seconds
    that its hosts wait for their confirmation."""

    id: str
    hosts: tuple[str, ...]
    wait: float = 0.0
    patience: float = 0.0

    @classmethod
    def of(cls, rollout: collections.abc.Mapping[str, t.Any]) -> JobPart:
        """rollout: what ``rollout_plan`` returned."""
        job = rollout.get("job") or {}
        return cls(
            str(job.get("id", "")),
            tuple(job.get("hosts", rollout.get("hosts", ()))),
            float(job.get("wait", 0)),
            float(job.get("patience", 0)),
        )

    def to_dict(self) -> dict[str, t.Any]:
        return {**dataclasses.asdict(self), "hosts": list(self.hosts)}

    def is_whole(self, plan: Plan) -> bool:
        """Whether all hosts of the rollout are its own."""
        return set(self.hosts) == set(plan.hosts)

    def run(self, plan: Plan) -> str:
        """The name of its run directory: jobs of one rollout may run side by side."""
        return f"{plan.id}.{self.id}" if self.id and not self.is_whole(plan) else plan.id

    def own(self, hosts: collections.abc.Iterable[str]) -> tuple[str, ...]:
        """Those of the hosts that are its own, in their order."""
        mine = set(self.hosts)
        return tuple(host for host in hosts if host in mine)


def require_known(plan: Plan, hosts: collections.abc.Iterable[str]) -> None:
    """Raises InputError (``host-not-planned``) for hosts that the plan does not have."""
    unknown = sorted(set(hosts) - set(plan.hosts))
    if unknown:
        raise InputError(
            "host-not-planned",
            f"Rollout {plan.id} was not planned for {', '.join(unknown)}",
            hint="Choose hosts of its plan (rollout_info shows it); others come with the next rollout.",
        )


def require_joinable(plan: Plan) -> None:
    """Raises InputError (``join-databases``) for a plan that changes databases, which no part of the hosts can do."""
    if plan.databases:
        raise InputError(
            "join-databases",
            f"Rollout {plan.id} changes databases: it is run over all of its hosts at once",
            hint="Leave --limit and slices out, and run it again.",
        )


def join_plan(plan: Plan, own: collections.abc.Mapping[str, HostPlan]) -> Plan:
    """The plan as it is on record, with what is to happen on the job's own hosts now."""
    return dataclasses.replace(plan, hosts={**plan.hosts, **own})


def with_others(
    plan: Plan, part: JobPart, fleet: collections.abc.Mapping[str, Variables], names: t.Sequence[str], rows: Rows
) -> dict[str, Variables]:
    """What is known of every host, as if this job had asked all of them itself. rows: deployments of the rollout."""
    recorded = {row["host"]: row for row in rows}
    own = set(part.hosts)
    return {host: fleet[host] if host in own else _as_result(recorded.get(host), names) for host in plan.hosts}


def _as_result(row: Variables | None, names: t.Sequence[str]) -> Variables:
    if row is None:
        return {}
    result = {name: row[name] for name in ("outcome", "reason", "cause")}
    return {names[0]: {**result, "deployment": row["deployment"] or None}}


def absent(
    plan: Plan, part: JobPart, wave: Wave, step: str, rows: Rows, jobs: collections.abc.Iterable[JobRow]
) -> list[str]:
    """The hosts of other jobs that the step waits for. ``staged``: all; ``activated`` and ``confirmed``: those of the
    wave; ``begin``: also until the waves before it are over, and the jobs with hosts of the wave are there."""
    known = {row["host"]: row["outcome"] for row in rows}
    others = [host for host in plan.staging.hosts if host not in set(part.hosts) and _takes_part(plan, host)]
    if step == STAGED:
        return [host for host in others if known.get(host) in _UNDECIDED[STAGED]]
    if step != BEGIN:
        return [host for host in others if host in wave.hosts and known.get(host) in _UNDECIDED[step]]
    there = {host for job in jobs if job.living and job.ready >= wave.index for host in job.hosts}
    begun = [other for other in plan.waves if other.index <= wave.index]
    awaited = {host for other in begun for host in other.hosts if other.index < wave.index or host not in there}
    return [host for host in others if host in awaited and known.get(host) in _UNDECIDED[CONFIRMED]]


def still_baking(plan: Plan, part: JobPart, wave: Wave, waves: Rows, now: datetime.datetime) -> list[str]:
    """The hosts of other jobs in waves before that bake. waves: as recorded."""
    finished = {row["index"]: row["finished"] for row in waves}
    baking = [
        other
        for other in plan.waves
        if other.index < wave.index
        and other.bake
        and finished.get(other.index)
        and now < datetime.datetime.fromisoformat(finished[other.index]) + datetime.timedelta(seconds=other.bake)
    ]
    return [host for other in baking for host in other.hosts if host not in set(part.hosts)]


def _takes_part(plan: Plan, host: str) -> bool:
    return plan.hosts[host].action == DEPLOY


def wait_for_others(
    look: collections.abc.Callable[[], tuple[list[str], T]],
    *,
    seconds: float,
    until: collections.abc.Callable[[T], bool],
    say: collections.abc.Callable[[str], None],
    clock: collections.abc.Callable[[], float] = time.monotonic,
    pause: collections.abc.Callable[[float], None] = time.sleep,
) -> tuple[list[str], T]:
    """Look until nobody is missing, what is seen says that waiting is over, or the time is. Who is still missing, and
    what was seen last."""
    end, said = clock() + seconds, list[str]()
    while True:
        missing, seen = look()
        if not missing or until(seen) or clock() >= end:
            return missing, seen
        if missing != said:
            say(f"waiting for {named(missing)}, {max(0.0, end - clock()):.0f} s at most")
            said = missing
        pause(min(1.0, max(0.05, end - clock())))


def named(hosts: t.Sequence[str], *, shown: int = 5) -> str:
    """A few of the hosts, and how many more."""
    more = len(hosts) - shown
    return ", ".join(hosts[:shown]) + (f" and {more} more" if more > 0 else "")
