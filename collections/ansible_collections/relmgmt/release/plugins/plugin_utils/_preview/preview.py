# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preview: what a rollout would do, as data (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.profile import Profile
from ...module_utils._model.runtime import Runtime
from .._rollout import (
    DEPLOY,
    LEFT_OUT,
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
from .changes import Changes, Difference, asked_by, changes_of, service_of
from .estimate import NOT_KNOWN, Estimates, Seconds

__all__ = ["Sight", "preview"]

Data = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Sight:
    """What is known of one host.

    info: what it said of itself; staged: what staging would do there, None if it was not asked; manifest: of the
    release that comes; leaving: of the one that runs, where it can be had; profile, runtime: None where none could be
    made; send: bytes that staging would send.
    """

    info: collections.abc.Mapping[str, t.Any]
    staged: collections.abc.Mapping[str, t.Any] | None = None
    manifest: Manifest | None = None
    leaving: Manifest | None = None
    runtime: Runtime | None = None
    profile: Profile | None = None
    send: int | None = None


Sights = collections.abc.Mapping[str, Sight]


def preview(
    plan: Plan,
    sights: Sights,
    *,
    blockers: collections.abc.Sequence[Blocker],
    notes: collections.abc.Sequence[str],
    timing: Timing,
    now: datetime.datetime,
) -> Data:
    """blockers: those that planning found; what hosts refuse is added."""
    found = [*blockers, *_refused(plan, sights)]
    changes = {host: _changes(plan, host, sights[host]) for host in plan.staging.hosts}
    groups = _groups(changes)
    return {
        **{name: getattr(plan, name) for name in ("kind", "package", "version", "environment", "instance", "strategy")},
        "made": _moment(now),
        "blocked": bool(found),
        "blockers": [blocker.to_dict() for blocker in found],
        "notes": [*notes, *([plan.shaped] if plan.shaped else []), *_frozen(plan, sights)],
        "databases": [shown_database(database, back=False, approved=plan.approved) for database in plan.databases],
        **_timetable(plan, sights, timing, now),
        "groups": [{"hosts": hosts, **change.to_dict()} for change, hosts in groups],
        "hosts": {host: _host(plan, host, sights[host], groups) for host in sorted(plan.hosts)},
        "send": sum(sights[host].send or 0 for host in plan.staging.hosts),
    }


def _moment(time: datetime.datetime) -> str:
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _timetable(plan: Plan, sights: Sights, timing: Timing, now: datetime.datetime) -> Data:
    """The waves with their times, and those of the whole."""
    runtimes = {host: sight.runtime for host, sight in sights.items() if sight.runtime}
    estimates = Estimates(plan, runtimes, timing)
    forward = {wave.index: estimates.forward(wave) for wave in plan.waves}
    back = {wave.index: estimates.back(wave) for wave in plan.waves}
    staging = estimates.staging() if plan.waves else Seconds(0.0, NOT_KNOWN)
    bake = sum(wave.to_dict().get("bake", 0.0) for wave in plan.waves)
    total = staging.seconds + bake + sum(took.seconds for took in forward.values())
    told = all(took.source != NOT_KNOWN for took in forward.values())
    done = _moment(now + datetime.timedelta(seconds=total)) if told and plan.waves else ""
    return {
        "waves": [
            {**wave.to_dict(), "forward": forward[wave.index].to_dict(), "back": back[wave.index].to_dict()}
            for wave in plan.waves
        ],
        "time": {
            "staging": staging.to_dict(),
            "forward": round(total, 1),
            "back": round(sum(took.seconds for took in back.values()), 1),
            "done": done,
        },
    }


def _changes(plan: Plan, host: str, sight: Sight) -> Changes | None:
    """None where the host was not asked, or refused to say."""
    planned, said = plan.hosts[host], _difference((sight.staged or {}).get("changes"))
    if sight.manifest is None or planned.action != DEPLOY or said is None:
        return None
    runs = bool((sight.info.get("release") or {}).get("current"))
    asked = asked_by(said, sight.manifest, sight.runtime, sight.profile)
    service = service_of(sight.runtime, app=plan.package.partition("/")[2], runs=runs, asked=asked)
    return changes_of(said, sight.manifest, sight.leaving, before=planned.before, after=planned.after, service=service)


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
    }


def _refused(plan: Plan, sights: Sights) -> list[Blocker]:
    """What hosts say that they would refuse, where the verdict over staging would stop at it."""
    asked = {host: sights[host].staged for host in plan.staging.hosts if sights[host].staged is not None}
    results: dict[str, Result] = {host: final([said]) for host, said in asked.items()}
    if not results:
        return []
    good = good_outcomes(plan.kind, staging=True)
    spent = Budget(sum(planned.action == LEFT_OUT for planned in plan.hosts.values()))
    out = {host: Result(outcome.UNREACHABLE) for host, known in plan.hosts.items() if known.action == LEFT_OUT}
    sites = plan.limits_of_sites(out)
    verdict = decide(results, good=good, budget=plan.budget, spent=spent, on_failure=plan.on_failure, sites=sites)
    if verdict.verdict == outcome.CONTINUE:
        return []
    codes = {host: str((asked[host] or {}).get("code") or NOT_READY) for host in verdict.failed}
    return [Blocker(codes[host], reason, "", (host,)) for host, reason in verdict.failed.items()]


def _frozen(plan: Plan, sights: Sights) -> list[str]:
    """Hosts that cannot go back from where they stand, whatever becomes of the rollout."""
    found = {host: str((sight.info.get("release") or {}).get("frozen") or "") for host, sight in sights.items()}
    return [
        f"{host} is frozen: {why}" for host, why in sorted(found.items()) if why and plan.hosts[host].action != LEFT_OUT
    ]
