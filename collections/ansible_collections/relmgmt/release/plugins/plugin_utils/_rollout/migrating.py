# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is run on databases, phase by phase, and what follows from what came of it (private).

Phases: ``before`` the first wave, ``after`` the last one, and ``undo`` when hosts went back. A rollout goes up
before and after; a rollback goes down, before its hosts what their new release needed gone, and after them the rest.
"""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.migration import DOWN, UP
from .._registry import ROLLBACK
from .migration import Database
from .plan import LEFT_OUT, NONE, Plan
from .verdict import Result, Verdict

__all__ = [
    "AFTER",
    "BEFORE",
    "NEW",
    "OLD",
    "UNDO",
    "Job",
    "Moved",
    "Work",
    "frozen_instead",
    "judge_moves",
    "standing",
    "to_freeze",
    "work_of",
]

BEFORE, AFTER, UNDO = "before", "after", "undo"
NEW, OLD, NOBODY_KNOWS = "new", "old", "unknown"
Variables = collections.abc.Mapping[str, t.Any]
Fleet = collections.abc.Mapping[str, Variables]
Standing = collections.abc.Mapping[str, str]


class Job(t.NamedTuple):
    """What one host is to do to one database: bring its schema to ``to``, and never in the other direction.

    again: somebody began to migrate it before, and nobody knows what came of that.
    """

    database: str
    id: str
    deployment: int
    to: str
    direction: str
    again: bool = False


class Work(t.NamedTuple):
    """Jobs by host; ``notes``: what is not done and why, for people; ``doubt``: why a person has to decide first."""

    jobs: dict[str, list[Job]]
    notes: list[str]
    doubt: str = ""


class Moved(t.NamedTuple):
    """What came of a job. version: of the schema afterwards, None where nobody knows; failing: the version of the step
    that did not come to its end. refused: the host ran nothing."""

    host: str
    database: Database
    job: Job
    outcome: str
    version: str | None = None
    reason: str = ""
    failing: str | None = None
    refused: bool = False

    @classmethod
    def of(cls, host: str, database: Database, job: Job, data: Variables | None) -> Moved:
        """From the result of the task; None where it has none."""
        found = Result.from_dict(data) or Result(outcome.UNKNOWN, "the host gave no answer")
        answer = data or {}
        refused = found.outcome == outcome.FAILED and "after" not in answer
        version = database.known if refused else answer.get("after")
        return cls(host, database, job, found.outcome, version, found.reason, answer.get("failing"), refused)

    @property
    def ended(self) -> bool:
        """Whether it is known what came of it: a host that refuses says nothing of what was begun before."""
        return self.outcome in (outcome.MIGRATED, outcome.FAILED) and not (self.refused and self.job.again)

    @property
    def past_return(self) -> bool:
        """Whether the database has, or may have, taken a step that nothing takes back."""
        if self.refused and self.ended:
            return self.database.past_return(self.version)
        return self.job.direction == UP and self.database.may_be_past_return(
            self.version, self.failing, goal=self.job.to
        )


def standing(plan: Plan, hosts: t.Iterable[str], fleet: Fleet, names: t.Sequence[str]) -> dict[str, str]:
    """Where the hosts stand: finally on the release (NEW), on the one before (OLD), or nobody knows.

    names: variables with the results of those steps that switch hosts, in order. Of a rollback, the release that is
    left is the new one.
    """
    current = {host: number for database in plan.databases for host, number in database.deployments.items()}
    return {host: _stands(plan, host, [fleet[host].get(name) for name in names], current) for host in hosts}


def _stands(plan: Plan, host: str, switched: t.Sequence[t.Any], current: collections.abc.Mapping[str, int]) -> str:
    planned, back = plan.hosts[host], plan.kind == ROLLBACK
    results = [result for result in map(Result.from_dict, switched) if result is not None]
    if results:
        here = {outcome.REVERTED: OLD, outcome.CONFIRMED: OLD if back else NEW}
        return here.get(results[-1].outcome, NOBODY_KNOWS)
    if planned.action == LEFT_OUT:
        return NOBODY_KNOWS
    if planned.action == NONE:
        return OLD if back else NEW
    return NEW if host in current else OLD


def to_freeze(plan: Plan, phase: str, fleet: Fleet, *, staged: str, stands: Standing) -> dict[str, int]:
    """Host → deployment that it must not go back behind, for what this phase cannot take back."""
    found: dict[str, int] = {}
    for database in plan.databases:
        if plan.kind == ROLLBACK or phase == UNDO or not _due(plan, phase, database, stands):
            continue
        if database.ends_return(contract=phase == AFTER):
            found.update(_able(database, fleet, staged))
    return found


def work_of(
    plan: Plan,
    phase: str,
    fleet: Fleet,
    *,
    staged: str,
    stands: Standing,
    begun: collections.abc.Mapping[str, str],
    touched: t.Collection[str] = (),
    anew: bool = False,
) -> Work:
    """Who does what.

    Args:
        staged: name of the variable with the results of staging.
        begun: id of a database → the host on which something was begun of which nobody knows the end.
        touched: ids of the databases that this rollout has migrated; there is nothing to undo for others.
        anew: take back first what an interrupted rehearsal did.
    """
    jobs: dict[str, list[Job]] = {}
    notes: list[str] = []
    doubts: list[str] = []
    for database in plan.databases:
        moves = _moves(plan, phase, database, anew=anew)
        if not moves or (phase == UNDO and database.id not in touched):
            continue
        waits = _waits(plan, phase, database, stands)
        if waits:
            notes.append(f"{_what(plan, phase, database)}: {waits}")
            continue
        able = _able(database, fleet, staged)
        host = begun.get(database.id) or next((h for h in able if stands.get(h) != NOBODY_KNOWS), "")
        if host in able:
            jobs.setdefault(host, []).extend(
                Job(database.name, database.id, able[host], to, direction, again=database.id in begun)
                for to, direction in moves
            )
        elif host:
            doubts.append(f"a migration of {database.name} was begun on {host}, and nobody knows what came of it")
        else:
            doubts.append(f"no host is there that could migrate {database.name}")
    return Work(jobs, notes, "; ".join(doubts))


def _moves(plan: Plan, phase: str, database: Database, *, anew: bool) -> list[tuple[str, str]]:
    """Versions to go to, and the direction in which."""
    if phase == UNDO:
        return [(database.start, DOWN)] if database.has(contract=False) else []
    if plan.kind == ROLLBACK:
        target = database.ready if phase == BEFORE else database.start
        return [(target, DOWN)] if database.has(contract=phase == BEFORE) else []
    if not database.has(contract=phase == AFTER) or not (plan.waves or phase == AFTER):
        return []
    if phase == AFTER:
        return [(database.last, UP)]
    return [*([(database.start, DOWN)] if anew else []), (database.ready, UP)]


def _due(plan: Plan, phase: str, database: Database, stands: Standing) -> bool:
    return bool(_moves(plan, phase, database, anew=False)) and not _waits(plan, phase, database, stands)


def _waits(plan: Plan, phase: str, database: Database, stands: Standing) -> str:
    """What has to come first; empty if nothing has to."""
    if phase == BEFORE:
        return ""
    forward = phase == AFTER and plan.kind != ROLLBACK
    if forward and database.ends_return(contract=True) and not plan.approved:
        return "it cannot be taken back, and awaits its approval (relmgmt_point_of_no_return)"
    wanted = NEW if forward else OLD
    others = [f"{host} ({stands[host]})" for host in database.hosts if stands.get(host, wanted) != wanted]
    others += [
        f"{host} ({version})" for host, version in sorted(database.elsewhere.items()) if _blocks(plan, phase, version)
    ]
    if not others:
        return ""
    needed = f"are finally on {plan.version}" if forward else "are known to be back"
    return f"not all hosts that share the database {needed}: {', '.join(others)}"


def _blocks(plan: Plan, phase: str, version: str) -> bool:
    """Whether a host outside of the rollout, which runs this version, might be broken."""
    return version in (plan.version, NOBODY_KNOWS) if phase == UNDO else version != plan.version


def _what(plan: Plan, phase: str, database: Database) -> str:
    if phase == AFTER and plan.kind != ROLLBACK:
        return f"contract of {database.name} is not done"
    return f"the schema of {database.name} stays as it is"


def _able(database: Database, fleet: Fleet, staged: str) -> dict[str, int]:
    """Hosts that hold the commands → the deployment that brings them; in the database's order."""
    found = {}
    for host in database.hosts:
        result = Result.from_dict(fleet[host].get(staged)) if staged else None
        if result and result.outcome in (outcome.STAGED, outcome.PROVISIONAL, outcome.CONFIRMED) and result.deployment:
            found[host] = result.deployment
        elif not result and host in database.deployments:
            found[host] = database.deployments[host]
    return found


def judge_moves(plan: Plan, phase: str, moved: t.Sequence[Moved]) -> tuple[Verdict, bool]:
    """What follows, and whether a point of no return was, or may have been, passed."""
    bad = [move for move in moved if move.outcome != outcome.MIGRATED]
    if not bad:
        return Verdict(outcome.CONTINUE, _done(moved), {}), False
    passed = any(move.past_return for move in moved)
    failed = {move.host: _why(move) for move in bad}
    reason = "; ".join(f"{host}: {why}" for host, why in failed.items())
    if passed:
        return frozen_instead(Verdict(outcome.REVERT_ALL, reason, failed)), True
    known = all(move.ended for move in bad)
    if phase == BEFORE and plan.kind != ROLLBACK and known:
        return Verdict(outcome.REVERT_ALL, reason, failed), False
    return Verdict(outcome.PAUSE, reason, failed), False


def frozen_instead(verdict: Verdict) -> Verdict:
    """What follows behind a point of no return: nobody is taken back, a person is called."""
    if verdict.verdict == outcome.CONTINUE:
        return verdict
    back = verdict.verdict in (outcome.REVERT_WAVE, outcome.REVERT_ALL)
    reason = f"behind a point of no return nobody is taken back: {verdict.reason}" if back else verdict.reason
    return Verdict(outcome.PAUSE, reason, verdict.failed, frozen=True)


def _done(moved: t.Sequence[Moved]) -> str:
    return ", ".join(f"{move.database.name} is at {move.version or 'empty'}" for move in moved) or "nothing to migrate"


def _why(move: Moved) -> str:
    what = f"migration of {move.database.name} to {move.job.to or 'empty'}"
    if not move.ended:
        return f"{what}: nobody knows what came of it ({move.reason or move.outcome})"
    at = "" if move.version is None else f"; its schema is at {move.version or 'empty'}"
    return f"{what}: {move.reason.rstrip('.') or 'failed'}{at}"
