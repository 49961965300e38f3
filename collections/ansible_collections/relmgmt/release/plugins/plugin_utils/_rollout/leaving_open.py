# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a rollout is over when a job of it ends, or stays open for others and for later (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model import outcome
from .._registry import JobRow
from .joining import JobPart, Rows, Variables, named
from .plan import Plan
from .verdict import Result

__all__ = ["not_back", "recorded_first", "why_open"]

_RECORDED = "__recorded"
Results = collections.abc.Mapping[str, Result]


def why_open(
    plan: Plan,
    part: JobPart,
    verdict: collections.abc.Mapping[str, t.Any],
    results: Results,
    *,
    jobs: collections.abc.Iterable[JobRow] = (),
    staged: bool = False,
) -> str:
    """Why it is not over, for people; empty if it is. jobs: the other ones; staged: only staging was asked for."""
    if verdict.get("open"):
        return str(verdict["reason"])
    goes_on = verdict["verdict"] == outcome.CONTINUE
    if staged and goes_on:
        return "it is staged"
    if part.is_whole(plan):
        return ""
    others = sum(job.living for job in jobs)
    if others:
        return f"{others} other {'job works' if others == 1 else 'jobs work'} on it"
    if verdict["verdict"] == outcome.PAUSE:
        return str(verdict["reason"])
    foreign = [host for host in plan.staging.hosts if host not in set(part.hosts)]
    late, there = (outcome.STAGED, outcome.UNKNOWN), (outcome.CONFIRMED,)
    left = (outcome.PROVISIONAL, *(late if goes_on else there))
    waiting = [host for host in foreign if host in results and results[host].outcome in left]
    return f"{named(waiting)} {'is' if len(waiting) == 1 else 'are'} still to come" if waiting else ""


def recorded_first(
    plan: Plan, part: JobPart, fleet: collections.abc.Mapping[str, Variables], names: t.Sequence[str], rows: Rows
) -> tuple[dict[str, Variables], list[str]]:
    """What is recorded of every host, and behind it what was registered of the job's own; and by which names."""
    known: dict[str, dict[str, t.Any]] = {
        row["host"]: {_RECORDED: {key: row[key] for key in ("outcome", "reason", "cause")}} for row in rows
    }
    own = set(part.hosts)
    said = {host: {name: fleet[host].get(name) for name in names} if host in own else {} for host in plan.hosts}
    return {host: {**known.get(host, {}), **said[host]} for host in plan.hosts}, [_RECORDED, *names]


def not_back(results: Results, leaving: collections.abc.Collection[str]) -> list[str]:
    """Hosts that still stand on the release. leaving: those that were asked to go back."""
    stands = (outcome.PROVISIONAL, outcome.CONFIRMED)
    return sorted(
        host
        for host, result in results.items()
        if result.outcome in stands or (host in leaving and result.outcome != outcome.REVERTED)
    )
