# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of a rollout while it runs and when it ends: outcomes into the registry, and what the end means
(private)."""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model import outcome
from .._registry import FAILED, FORWARD, FROZEN, ROLLBACK, STOPPED, SUCCEEDED, DeploymentRow, Lease
from .plan import LEFT_OUT, NONE, UNKNOWN, UNREHEARSED, Plan
from .strategy import Wave
from .verdict import FINAL, Budget, Result, counted, final, good_outcomes

__all__ = [
    "Close",
    "closing",
    "lease_of",
    "lost_elsewhere",
    "outcomes",
    "remembered",
    "rows",
    "way_back",
    "whereabouts",
]

Variables = collections.abc.Mapping[str, t.Any]


class Close(t.NamedTuple):
    """How a rollout ended: outcomes counted, and the hosts that are not where it led (behind).

    result: ``succeeded``, ``failed`` (something is not as it should be), ``stopped`` (a person decides), ``frozen``
    (a person decides, behind a point of no return). spent: of the budgets.
    """

    result: str
    reason: str
    counts: dict[str, int]
    behind: list[str]
    spent: Budget


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
        replaces=plan.replaces,
    )


def outcomes(
    plan: Plan, hosts: t.Iterable[str], variables: collections.abc.Mapping[str, Variables], names: t.Sequence[str]
) -> dict[str, Result]:
    """Host → the last thing that happened to it, out of the named registered variables.

    Without those that the gate kept out: nothing was to happen to them.
    """
    found = {}
    begun = set(plan.staging.hosts)
    for host in hosts:
        planned = plan.hosts[host]
        if planned.action == UNREHEARSED:
            continue
        said = [variables[host].get(name) for name in names]
        if planned.action == NONE:
            # What an earlier job of this rollout confirmed may be taken back by this one.
            found[host] = final([{"outcome": outcome.CONFIRMED}, *(said if host in begun else ())])
        elif planned.action == LEFT_OUT:
            found[host] = Result(outcome.UNREACHABLE, planned.reason, cause=outcome.HOST)
        else:
            found[host] = final(said)
    return found


def lost_elsewhere(
    plan: Plan,
    wave: Wave,
    variables: collections.abc.Mapping[str, Variables],
    names: t.Sequence[str],
    *,
    awaited: t.Collection[str] = (),
) -> dict[str, Result]:
    """Hosts outside of the wave that are lost: who was left out from the start, of earlier waves who is not final, of
    later ones who is not staged.

    awaited: hosts of which nothing is known yet, and which count for nothing.
    """
    begun = set(plan.staging.hosts)
    out = [host for host, planned in plan.hosts.items() if planned.action == LEFT_OUT and host not in begun]
    lost = outcomes(plan, out, variables, names)
    for other in plan.waves if wave.index else ():
        if other.index < wave.index:
            good = FINAL[plan.kind]
        elif other.index > wave.index and plan.kind in FORWARD:
            good = good_outcomes(plan.kind, staging=True)
        else:
            continue
        results = outcomes(plan, [host for host in other.hosts if host not in awaited], variables, names)
        lost |= {host: result for host, result in results.items() if result.outcome not in good}
    return lost


def way_back(
    plan: Plan, wave: Wave, variables: collections.abc.Mapping[str, Variables], names: t.Sequence[str]
) -> list[list[str]]:
    """Who goes back with whom when everything does, as far as ``wave``: the latest wave first, so that never more hosts
    are out of traffic than went forward together; those of a wave first that are not final, and quickly back."""
    batches = []
    for other in reversed(plan.waves):
        if wave.index and other.index > wave.index:
            continue
        found = outcomes(plan, other.hosts, variables, names)
        batch = {host: result for host, result in found.items() if result.outcome != outcome.REVERTED}
        batches.append(sorted(batch, key=lambda host: (batch[host].outcome == outcome.CONFIRMED, host)))
    return [batch for batch in batches if batch]


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
            cause=result.cause,
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
    return planned.before if result.outcome in (outcome.STAGED, outcome.REVERTED) else UNKNOWN


def remembered(
    rollouts: collections.abc.Iterable[collections.abc.Mapping[str, t.Any]], instance: str
) -> dict[str, str]:
    """Host → the last version that the registry knows it to run. rollouts: the newest first."""
    found: dict[str, str] = {}
    for rollout in rollouts:
        for row in rollout["deployments"] if rollout["instance"] == instance else ():
            if row["version_after"] != UNKNOWN:
                found.setdefault(row["host"], row["version_after"])
    return found


def whereabouts(plan: Plan, host: str, result: Result, known: collections.abc.Mapping[str, str]) -> str:
    """What the host is known to run, and what becomes of it if nobody does anything; for people. known: see
    ``remembered``."""
    planned, runs = plan.hosts[host], version_after(plan, host, result)
    if runs != UNKNOWN:
        return f"it runs {_called(runs)}"
    after, before = planned.after, _called(planned.before if planned.before != UNKNOWN else known.get(host, UNKNOWN))
    if plan.kind in FORWARD and result.heard == outcome.CONFIRMED:
        return f"it runs {after} and stays there: roll it back to {before} when it is there again"
    if plan.kind in FORWARD and result.heard == outcome.PROVISIONAL:
        return f"it runs {after}, not final: unless it has gone back to {before}, it will by itself"
    if plan.kind in FORWARD and result.heard == outcome.STAGED:
        return f"it ran {before}; if it was switched after that, it goes back by itself"
    return "nobody knows what it runs" if before == UNKNOWN else f"when it was last heard of, it ran {before}"


def _called(version: str) -> str:
    return {outcome.ABSENT: "nothing", outcome.ADOPTED: "what was there before"}.get(version, version)


def closing(
    plan: Plan, verdict: collections.abc.Mapping[str, t.Any], results: collections.abc.Mapping[str, Result]
) -> Close:
    """The end, from the last verdict and every host's last outcome."""
    good = outcome.CONFIRMED if plan.kind in FORWARD else outcome.REVERTED
    counts: dict[str, int] = {}
    for result in results.values():
        counts[result.outcome] = counts.get(result.outcome, 0) + 1
    wrong = {host: r for host, r in sorted(results.items()) if r.outcome not in (good, outcome.CONFIRMED)}
    spent, behind = counted(wrong.values()), list(wrong)
    if verdict["verdict"] == outcome.PAUSE:
        stopped = FROZEN if verdict.get("frozen") else STOPPED
        return Close(stopped, str(verdict["reason"]), counts, behind, spent)
    if verdict["verdict"] != outcome.CONTINUE:
        return Close(FAILED, str(verdict["reason"]), counts, behind, spent)
    sites = plan.limits_of_sites()
    over = sites.exceeded(wrong)
    if over or not plan.budget.covers(spent):
        host = next((host for host in wrong if plan.hosts[host].site in over), next(iter(wrong)))
        ended = f"{host} ended {wrong[host].outcome}: {wrong[host].reason or 'no reason given'}"
        failed = FROZEN if plan.past_return(1) else FAILED
        return Close(failed, f"{ended}; {plan.budget.of(spent)}{sites.of(over)}", counts, behind, spent)
    return Close(SUCCEEDED, str(verdict.get("note") or ""), counts, behind, spent)
