# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preview: what a rollout, a rollback or a rehearsal would do, as data (private)."""

from __future__ import annotations

import collections.abc
import datetime
import typing as t

from ...module_utils._model import outcome
from .._registry import ROLLBACK
from .._rollout import (
    DEPLOY,
    LEFT_OUT,
    NONE,
    NOT_READY,
    Blocker,
    Budget,
    HostPlan,
    Plan,
    Result,
    Timing,
    decide,
    final,
    good_outcomes,
    needed,
    shown_database,
)
from .changes import Changes, Difference, asked_by, changes_of, service_back, service_of
from .estimate import Estimates
from .sights import Sight
from .timetable import moment, timetable

__all__ = ["Joined", "preview"]

Data = dict[str, t.Any]


Sights = collections.abc.Mapping[str, Sight]


class Joined(t.NamedTuple):
    """What a job joins. rollout: its id; hosts: the job's own; outcomes: host of another job → what is recorded of
    it."""

    rollout: str
    hosts: collections.abc.Collection[str]
    outcomes: collections.abc.Mapping[str, str]


def preview(
    plan: Plan,
    sights: Sights,
    *,
    blockers: collections.abc.Sequence[Blocker],
    notes: collections.abc.Sequence[str],
    timing: Timing,
    now: datetime.datetime,
    leave: str = "",
    joined: Joined | None = None,
) -> Data:
    """blockers: those that planning found; what hosts refuse is added. sights: of the job's own hosts, at least.
    leave: where a rehearsal leaves its hosts."""
    own = {host: sights[host] for host in plan.hosts if joined is None or host in joined.hosts}
    found = [*blockers, *_refused(plan, own)]
    moved = [host for host in plan.staging.hosts if host in own]
    groups = _groups({host: _changes(plan, host, own[host]) for host in moved})
    estimates = Estimates(plan, {host: sight.takes for host, sight in own.items() if sight.takes is not None}, timing)
    times = timetable(plan, estimates, over=_over(plan, joined), leave=leave, now=now)
    return {
        **{name: getattr(plan, name) for name in ("kind", "package", "version", "environment", "instance", "strategy")},
        "made": moment(now),
        "blocked": bool(found),
        "blockers": [blocker.to_dict() for blocker in found],
        "notes": [
            *notes,
            *plan.replacing,
            *([plan.shaped] if plan.shaped else []),
            *_frozen(plan, own),
            *_drifted(plan),
        ],
        "databases": [
            shown_database(database, back=plan.kind == ROLLBACK, approved=plan.approved) for database in plan.databases
        ],
        "joins": joined.rollout if joined else "",
        **times,
        "waves": [{**wave, "own": [host for host in wave["hosts"] if host in own]} for wave in times["waves"]],
        "groups": [{"hosts": hosts, **change.to_dict()} for change, hosts in groups],
        "hosts": {
            host: _host(plan, host, own[host], groups) if host in own else _elsewhere(plan, host, joined)
            for host in sorted(plan.hosts)
        },
        "send": sum(own[host].send or 0 for host in moved),
    }


def _over(plan: Plan, joined: Joined | None) -> set[int]:
    """The waves of which every host has been switched."""
    recorded = joined.outcomes if joined else {}
    done = {host for host, planned in plan.hosts.items() if planned.action == NONE and host not in recorded}
    done |= {host for host, became in recorded.items() if became == outcome.CONFIRMED}
    return {wave.index for wave in plan.waves if set(wave.hosts) <= done}


def _changes(plan: Plan, host: str, sight: Sight) -> Changes | None:
    """None where the host was not asked, or refused to say."""
    planned, staged = plan.hosts[host], sight.staged or {}
    said, comes = _difference(staged.get("changes")), sight.manifest
    if planned.action != DEPLOY or said is None or (comes is None and plan.kind != ROLLBACK):
        return None
    if comes is None:
        service = service_back(staged.get("service"))
    else:
        runs = bool((sight.info.get("release") or {}).get("current"))
        asked = asked_by(said, comes, sight.runtime, sight.profile)
        service = service_of(sight.runtime, app=plan.package.partition("/")[2], runs=runs, asked=asked)
    return changes_of(said, comes, sight.leaving, before=planned.before, after=planned.after, service=service)


def _difference(said: t.Any) -> Difference | None:
    """What ``release_stage`` returned; None where that has another form: hosts are not trusted."""
    sides = [said.get(side) for side in ("before", "after")] if isinstance(said, dict) else [None]
    whole = all(isinstance(side, dict) and all(isinstance(name, str) for name in side) for side in sides)
    return t.cast(Difference, said) if whole else None


def _groups(changes: collections.abc.Mapping[str, Changes | None]) -> list[tuple[Changes, list[str]]]:
    """Hosts with the same change together, most hosts first."""
    found: dict[Changes, list[str]] = {}
    for host, change in changes.items():
        if change is not None:
            found.setdefault(change, []).append(host)
    return sorted(
        ((change, sorted(hosts)) for change, hosts in found.items()), key=lambda item: (-len(item[1]), item[1])
    )


def _host(plan: Plan, host: str, sight: Sight, groups: list[tuple[Changes, list[str]]]) -> Data:
    planned: HostPlan = plan.hosts[host]
    known = sight.info.get("outcome") == "ok"
    wanted = needed(sight.info, sight.manifest) if known and sight.manifest and planned.action == DEPLOY else None
    return {
        **{name: getattr(planned, name) for name in ("site", "before", "after", "action", "reason")},
        "wave": next((wave.index for wave in plan.waves if host in wave.hosts), None),
        "group": next((number for number, (_change, hosts) in enumerate(groups) if host in hosts), None),
        "send": sight.send,
        "needed": wanted,
        "free": sight.info["host"]["root"]["free_bytes"] if known else None,
        "leaves": (sight.staged or {}).get("from"),
        "to": (sight.staged or {}).get("to"),
        "elsewhere": "",
    }


def _elsewhere(plan: Plan, host: str, joined: Joined | None) -> Data:
    """A host of another job."""
    became = joined.outcomes.get(host, "") if joined else ""
    return {**_host(plan, host, Sight({}), []), "elsewhere": became or "nothing recorded"}


def _refused(plan: Plan, sights: Sights) -> list[Blocker]:
    """What hosts say that they would refuse, where the verdict over staging, or over a way back, would stop at it."""
    asked = {host: sights[host].staged for host in plan.staging.hosts if _asked(sights, host)}
    results: dict[str, Result] = {host: final([said]) for host, said in asked.items()}
    if not results:
        return []
    good = good_outcomes(plan.kind, staging=plan.kind != ROLLBACK)
    spent = Budget(sum(planned.action == LEFT_OUT for planned in plan.hosts.values()))
    out = {host: Result(outcome.UNREACHABLE) for host, known in plan.hosts.items() if known.action == LEFT_OUT}
    sites = plan.limits_of_sites(out)
    verdict = decide(results, good=good, budget=plan.budget, spent=spent, on_failure=plan.on_failure, sites=sites)
    if verdict.verdict == outcome.CONTINUE:
        return []
    codes = {host: str((asked[host] or {}).get("code") or NOT_READY) for host in verdict.failed}
    return [Blocker(codes[host], reason, "", (host,)) for host, reason in verdict.failed.items()]


def _asked(sights: Sights, host: str) -> bool:
    return host in sights and sights[host].staged is not None


def _drifted(plan: Plan) -> list[str]:
    """Hosts that are not as they were left."""
    return [f"{host}: {how}" for host, how in sorted(plan.drift.items())]


def _frozen(plan: Plan, sights: Sights) -> list[str]:
    """Hosts that cannot go back from where they stand, whatever becomes of the rollout."""
    found = {host: str((sight.info.get("release") or {}).get("frozen") or "") for host, sight in sights.items()}
    return [
        f"{host} is frozen: {why}" for host, why in sorted(found.items()) if why and plan.hosts[host].action != LEFT_OUT
    ]
