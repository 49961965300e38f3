# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._model import outcome
from ..module_utils._model.errors import InputError, RelmgmtError
from ..plugin_utils._action import ControllerAction, plain
from ..plugin_utils._registry import REHEARSAL, entry
from ..plugin_utils._rollout import (
    AFTER,
    LEASE_SECONDS,
    UNDO,
    Job,
    Moved,
    Plan,
    Verdict,
    Work,
    judge_moves,
    keep,
    lease_of,
    registry_of,
    standing,
    to_freeze,
    work_of,
)

Data = dict[str, t.Any]


class ActionModule(ControllerAction):
    """Say which hosts are to be frozen, which are to migrate databases, and what follows from what came of it."""

    def verb(self, params: Data, task_vars: Data) -> Data:
        plan, last = Plan.from_dict(params["rollout"]), _last(params)
        if params["thaw"] or not self._turn(plan, params):
            return {**self._answer(params, last), "thaw": params["thaw"]}
        fleet = task_vars["hostvars"]
        steps = {"freeze": self._freeze, "begin": self._begin, "end": self._end}
        return steps[params["step"]](params, plan, fleet)

    @staticmethod
    def _turn(plan: Plan, params: Data) -> bool:
        """Whether the phase is due, by the last verdict."""
        verdict = params["verdict"]["verdict"]
        if not (plan.databases and plan.active) or (plan.kind == REHEARSAL and params["phase"] == AFTER):
            return False
        if params["phase"] != UNDO:
            return bool(verdict == outcome.CONTINUE)
        return verdict in (outcome.REVERT_WAVE, outcome.REVERT_ALL) or plan.kind == REHEARSAL

    def _freeze(self, params: Data, plan: Plan, fleet: Data) -> Data:
        freeze = self._frozen(params, plan, fleet)
        return {**self._answer(params, _last(params)), "freeze": freeze}

    @staticmethod
    def _frozen(params: Data, plan: Plan, fleet: Data) -> dict[str, int]:
        stands = standing(plan, plan.hosts, fleet, params["results"])
        return to_freeze(plan, params["phase"], fleet, staged=params["staged"], stands=stands)

    def _begin(self, params: Data, plan: Plan, fleet: Data) -> Data:
        """Record who begins what before anybody does: what is not recorded is not begun."""
        freeze = self._frozen(params, plan, fleet)
        loose = [host for host in freeze if (fleet[host].get(params["frozen"]) or {}).get("outcome") != outcome.FROZEN]
        if loose and not self.check_mode:
            why = f"not frozen before a point of no return: {', '.join(loose)}; nothing was migrated"
            return self._stopped(params, plan, freeze, why)
        try:
            work = self._work(params, plan, fleet)
        except RelmgmtError as exc:
            return self._stopped(params, plan, freeze, f"no migration begins that is not recorded: {exc}")
        if work.doubt and params["phase"] != UNDO:
            return self._stopped(params, plan, freeze, work.doubt)
        notes = [*work.notes, *([f"schemas stay as they are: {work.doubt}"] if work.doubt else [])]
        jobs = {host: [job._asdict() for job in jobs] for host, jobs in work.jobs.items()}
        return {**self._answer(params, self._noted(params, plan, notes), notes), "jobs": jobs}

    def _work(self, params: Data, plan: Plan, fleet: Data) -> Work:
        with registry_of(params["rollout"], write=not self.check_mode) as registry:
            begun = {database.id: registry.migration_begun(database.id) for database in plan.databases}
            work = work_of(
                plan,
                params["phase"],
                fleet,
                staged=params["staged"],
                stands=standing(plan, plan.hosts, fleet, params["results"]),
                begun={identity: row["host"] for identity, row in begun.items() if row},
                touched=registry.migrated(plan.id),
                anew=params["anew"],
            )
            if work.jobs and not work.doubt and not self.check_mode:
                registry.renew(lease_of(plan, params["rollout"]["fence"]), ttl=LEASE_SECONDS)
                hosts = {job.id: host for host, jobs in work.jobs.items() for job in jobs}
                registry.begin_migrations(plan.id, params["phase"], hosts)
        return work

    def _end(self, params: Data, plan: Plan, fleet: Data) -> Data:
        databases = {database.id: database for database in plan.databases}
        moved = [
            Moved.of(host, databases[job["id"]], Job(**job), plain(result))
            for host, jobs in params["jobs"].items()
            for job, result in zip(jobs, _results(fleet[host], params["migrated"], len(jobs)), strict=True)
        ]
        verdict, passed = judge_moves(plan, params["phase"], moved)
        warnings = self._record(params, plan, moved) if moved and not self.check_mode else []
        well = verdict.verdict == outcome.CONTINUE
        if params["phase"] == UNDO:
            notes = [] if well else [f"schemas are not back: {verdict.reason}"]
            return self._answer(params, self._noted(params, plan, notes), [verdict.reason], warnings=warnings)
        thaw = {} if well or passed else _fresh(plan, self._frozen(params, plan, fleet))
        note = params["verdict"].get("note", "")
        shown = {**verdict.to_dict(), **({"note": note} if note else {})}
        answer = self._answer(params, verdict, [verdict.reason] if moved else [], warnings=warnings)
        return {**answer, "verdict": {**answer["verdict"], **shown}, "thaw": thaw}

    @staticmethod
    def _record(params: Data, plan: Plan, moved: list[Moved]) -> list[str]:
        """What is not recorded stays begun on its host, and goes on there: no reason to stop."""
        entries = [
            entry.migration(
                params["phase"],
                move.database.id,
                outcome=move.outcome,
                version=move.version,
                reason=move.reason,
                ended=move.ended,
            )
            for move in moved
        ]
        try:
            return keep(params["rollout"], lease_of(plan, params["rollout"]["fence"]), entries)
        except RelmgmtError as exc:
            return [f"What became of databases is not in the registry: {exc}"]

    def _stopped(self, params: Data, plan: Plan, freeze: dict[str, int], why: str) -> Data:
        """A person decides first; hosts that were frozen for nothing are thawed."""
        passed = any(database.past_return(database.known) for database in plan.databases)
        verdict = Verdict(outcome.PAUSE, why, {}, frozen=passed)
        return {**self._answer(params, verdict, [why]), "thaw": {} if passed else _fresh(plan, freeze)}

    @staticmethod
    def _noted(params: Data, plan: Plan, notes: list[str]) -> Verdict:
        """The last verdict, with what became of databases. A rehearsal has to bring them back, too."""
        last = _last(params)
        if not notes or params["phase"] != UNDO:
            return last
        word = outcome.REVERT_ALL if last.verdict == outcome.CONTINUE else last.verdict
        reason = "; ".join(part for part in (*([] if word != last.verdict else [last.reason]), *notes) if part)
        return Verdict(word, reason, last.failed, last.frozen, last.open)

    def _answer(
        self, params: Data, verdict: Verdict, said: t.Sequence[str] = (), *, warnings: t.Sequence[str] = ()
    ) -> Data:
        shown = {key: params["verdict"][key] for key in ("wave", "name", "note") if key in params["verdict"]}
        if params["step"] == "begin" and params["phase"] == AFTER and said and verdict.verdict == outcome.CONTINUE:
            shown["note"] = "; ".join(said)
        summary = f"databases, {params['phase']}: {'; '.join(said) or 'nothing to do'}"
        return {
            "changed": False,
            "warnings": list(warnings),
            "summary": summary,
            "verdict": {**verdict.to_dict(), **shown},
            "freeze": {},
            "jobs": {},
            "thaw": {},
        }


def _last(params: Data) -> Verdict:
    """The last verdict, without what only people read."""
    verdict = params["verdict"]
    if any(name not in verdict for name in ("verdict", "reason", "failed")):
        raise InputError("verdict-malformed", "this is no verdict", hint="Pass what the last verb returned as verdict.")
    marks = {name: bool(verdict.get(name)) for name in ("frozen", "open")}
    return Verdict(verdict["verdict"], verdict["reason"], verdict["failed"], **marks)


def _results(variables: t.Mapping[str, t.Any], name: str, count: int) -> list[t.Any]:
    """The result of each job of a host; None for one that has none."""
    results = list((variables.get(name) or {}).get("results") or [])
    return [*results, *[None] * count][:count]


def _fresh(plan: Plan, freeze: dict[str, int]) -> dict[str, int]:
    """Hosts that this rollout froze; others were so before, for reasons that still hold."""
    before = {host for database in plan.databases for host in database.frozen}
    return {host: number for host, number in freeze.items() if host not in before}
