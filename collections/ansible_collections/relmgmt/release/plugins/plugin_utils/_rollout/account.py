# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of a rollout while it runs and when it ends: outcomes into the registry, and what the end means
(private)."""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model import outcome
from .._registry import FAILED, FROZEN, ROLLBACK, ROLLOUT, STOPPED, SUCCEEDED, DeploymentRow, Lease
from .plan import LEFT_OUT, NONE, UNREHEARSED, Plan
from .strategy import Wave
from .verdict import FINAL, Result, final, good_outcomes

__all__ = ["Close", "closing", "lease_of", "lost_elsewhere", "outcomes", "rows"]

Variables = collections.abc.Mapping[str, t.Any]


class Close(t.NamedTuple):
    """How a rollout ended: outcomes counted, and the hosts that are not where it led (behind).

    result: ``succeeded``, ``failed`` (something is not as it should be), ``stopped`` (a person decides), ``frozen``
    (a person decides, behind a point of no return).
    """

    result: str
    reason: str
    counts: dict[str, int]
    behind: list[str]


def lease_of(plan: Plan, fence: collections.abc.Mapping[str, t.Any]) -> Lease:
    """The lease that the plan took; it outlives the process that did."""
    return Lease(
        str(fence["registry"]),
        plan.package,
        plan.environment,
        plan.instance,
        token=int(fence["token"]),
        expires="",
        databases=tuple(database.id for database in plan.databases),
    )


def outcomes(
    plan: Plan, hosts: t.Iterable[str], variables: collections.abc.Mapping[str, Variables], names: t.Sequence[str]
) -> dict[str, Result]:
    """Host → the last thing that happened to it, out of the named registered variables.

    Without those that the gate kept out: nothing was to happen to them.
    """
    found = {}
    for host in hosts:
        planned = plan.hosts[host]
        if planned.action == UNREHEARSED:
            continue
        if planned.action == NONE:
            found[host] = Result(outcome.CONFIRMED)
        elif planned.action == LEFT_OUT:
            found[host] = Result(outcome.UNREACHABLE, planned.reason)
        else:
            found[host] = final(variables[host].get(name) for name in names)
    return found


def lost_elsewhere(
    plan: Plan, wave: Wave, variables: collections.abc.Mapping[str, Variables], names: t.Sequence[str]
) -> int:
    """How many hosts of other waves are lost: of earlier ones who is not final, of later ones who is not staged."""
    lost = 0
    for other in plan.waves if wave.index else ():
        if other.index < wave.index:
            good = FINAL[plan.kind]
        elif other.index > wave.index and plan.kind == "rollout":
            good = good_outcomes(plan.kind, staging=True)
        else:
            continue
        lost += sum(result.outcome not in good for result in outcomes(plan, other.hosts, variables, names).values())
    return lost


def rows(plan: Plan, results: collections.abc.Mapping[str, Result]) -> list[DeploymentRow]:
    """Deployment rows for the registry."""
    wave_of = {host: wave.index for wave in plan.waves for host in wave.hosts}
    return [
        DeploymentRow(
            host=host,
            site=plan.hosts[host].site,
            wave=wave_of.get(host),
            version_before=plan.hosts[host].before,
            version_after=version_after(plan, host, result),
            deployment=result.deployment or 0,
            release=plan.digest,
            profile=plan.hosts[host].profile,
            outcome=result.outcome,
            reason=result.reason,
        )
        for host, result in sorted(results.items())
    ]


def version_after(plan: Plan, host: str, result: Result) -> str:
    """The version that the host runs after all, as far as its outcome says."""
    planned = plan.hosts[host]
    arrived = (
        (outcome.REVERTED, outcome.CONFIRMED) if plan.kind == ROLLBACK else (outcome.PROVISIONAL, outcome.CONFIRMED)
    )
    if planned.action == LEFT_OUT or result.outcome in arrived:
        return planned.after
    return planned.before if result.outcome in (outcome.STAGED, outcome.REVERTED) else "unknown"


def closing(
    plan: Plan, verdict: collections.abc.Mapping[str, t.Any], results: collections.abc.Mapping[str, Result]
) -> Close:
    """The end, from the last verdict and every host's last outcome."""
    good = outcome.CONFIRMED if plan.kind == ROLLOUT else outcome.REVERTED
    counts: dict[str, int] = {}
    for result in results.values():
        counts[result.outcome] = counts.get(result.outcome, 0) + 1
    wrong = {host: r for host, r in sorted(results.items()) if r.outcome not in (good, outcome.CONFIRMED)}
    if verdict["verdict"] == outcome.PAUSE:
        stopped = FROZEN if verdict.get("frozen") else STOPPED
        return Close(stopped, str(verdict["reason"]), counts, list(wrong))
    if verdict["verdict"] != outcome.CONTINUE:
        return Close(FAILED, str(verdict["reason"]), counts, list(wrong))
    if len(wrong) > plan.failure_budget:
        host, result = next(iter(wrong.items()))
        failed = FROZEN if plan.past_return(1) else FAILED
        return Close(
            failed, f"{host} ended {result.outcome}: {result.reason or 'no reason given'}", counts, list(wrong)
        )
    return Close(SUCCEEDED, str(verdict.get("note") or ""), counts, list(wrong))
