# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shlex
import typing as t

from ..module_utils._model import outcome
from ..module_utils._model.errors import BackendError, ConflictError, RelmgmtError
from ..plugin_utils import _keeper as keeper
from ..plugin_utils._action import ControllerAction
from ..plugin_utils._registry import FAILED, FROZEN, PAUSE, RUNNING, SUCCEEDED, Entry, JobRow, Order, entry
from ..plugin_utils._rollout import (
    UNREHEARSED,
    Close,
    JobPart,
    Plan,
    Result,
    closing,
    keep,
    later,
    lease_of,
    newest_order,
    not_back,
    outcomes,
    record,
    recorded_first,
    registry_of,
    remembered,
    rows,
    run_directory,
    whereabouts,
    why_open,
    with_others,
)

_LOST = (outcome.UNREACHABLE, outcome.UNKNOWN)
Data = dict[str, t.Any]


class Fleet(t.NamedTuple):
    """What became of all hosts, the other jobs of the rollout, and the newest order."""

    results: dict[str, Result]
    jobs: list[JobRow]
    order: Order | None


class ActionModule(ControllerAction):
    """Record the end of a rollout, give its lease back, and fail if the rollout failed."""

    def verb(self, params: Data, task_vars: Data) -> Data:
        rollout, verdict = params["rollout"], params["verdict"]
        plan, part = Plan.from_dict(rollout), JobPart.of(rollout)
        records = plan.active and not self.check_mode
        own = outcomes(plan, part.own(plan.hosts), task_vars["hostvars"], params["results"])
        reverting = bool(rollout.get("reverting"))
        alone = part.is_whole(plan) and not reverting
        fleet = Fleet(own, [], None)
        if records and not alone:
            fleet = self._fleet(plan, part, rollout, own, task_vars["hostvars"], params["results"])
        close = closing(plan, verdict, fleet.results)
        why = why_open(plan, part, verdict, fleet.results, jobs=fleet.jobs, staged=params["leave_open"])
        back = not_back(fleet.results, rollout["leaving"]) if reverting and close.result == FAILED else []
        late = []
        if records:
            late = self._finish(plan, part, rollout, close, own if alone else {}, stays=bool(why or back))
        if not (self.check_mode and rollout["fence"]):
            late += keeper.end(run_directory.make(part.run(plan)))
            run_directory.remove(part.run(plan))
        if back:
            raise BackendError(
                "revert-incomplete",
                f"Rollout {plan.id} is not back on {', '.join(back)}: {fleet.results[back[0]].reason or 'no answer'}",
                hint="It stays open: run the same command again when they can be reached.",
            )
        if why and plan.active:
            paused = bool(verdict.get("open")) and (alone or (fleet.order is not None and fleet.order.kind == PAUSE))
            return self._left_open(plan, verdict, close, why, _command(plan, task_vars), paused=paused)
        return self._ended(plan, rollout, close, fleet.results, late)

    @staticmethod
    def _fleet(
        plan: Plan, part: JobPart, rollout: Data, own: dict[str, Result], hostvars: Data, names: list[str]
    ) -> Fleet:
        """Record what became of the job's own hosts, and see what became of all."""
        reverting = bool(rollout.get("reverting"))
        heard = {host: result for host, result in own.items() if not reverting or host in rollout["leaving"]}
        lease, entries = lease_of(plan, rollout["fence"]), [entry.deployments(rows(plan, heard))]
        try:
            with registry_of(rollout) as registry:
                record(registry, rollout, lease, entries)
                registry.end_job(plan.id, part.id)
                row = registry.rollout(plan.id)
                jobs = [job for job in registry.jobs(plan.id, token=lease.token) if job.id != part.id]
        except BackendError as exc:
            later(rollout, lease, entries, exc)
            raise
        if reverting:
            known, names = recorded_first(plan, part, hostvars, names, row["deployments"])
        else:
            known = with_others(plan, part, hostvars, names, row["deployments"])
        return Fleet(outcomes(plan, plan.hosts, known, names), jobs, newest_order(row))

    @staticmethod
    def _finish(
        plan: Plan, part: JobPart, rollout: Data, close: Close, own: dict[str, Result], *, stays: bool
    ) -> list[str]:
        """Record the end of the job, and of the rollout unless it stays open; what waits for the registry."""
        lease = lease_of(plan, rollout["fence"])
        entries: list[Entry] = [entry.deployments(rows(plan, own)), entry.end_of_job(part.id)]
        ends = [] if stays else [entry.end(close.result, close.reason)]
        try:
            return keep(rollout, lease, [*entries, *ends], last=True)
        except ConflictError as exc:
            # Of jobs that end at the same moment, each finds itself to be the last.
            if not rollout.get("shared") or exc.code != "rollout-finished":
                raise
        return keep(rollout, lease, entries, last=True)

    @staticmethod
    def _left_open(plan: Plan, verdict: Data, close: Close, why: str, command: str, *, paused: bool) -> Data:
        """The answer for a rollout that goes on, in another job or later."""
        said = f"The {plan.kind} {plan.id} of {plan.package} {plan.version} stays open: {why} (hosts: {_counts(close)})"
        again = f"Go on with: {command}"
        if verdict["verdict"] == outcome.CONTINUE:
            about = {"id": plan.id, "result": RUNNING, "reason": why, "outcomes": close.counts}
            return {"changed": False, "summary": f"{said}. {again}", "rollout": about, "hosts": {}}
        if paused:
            either = f"-e relmgmt_rollout_id={plan.id}"
            raise BackendError(
                "rollout-paused",
                said,
                hint=f"Go on with relmgmt.release.resume, or back with relmgmt.release.revert, and {either}",
            )
        raise BackendError("rollout-stopped" if verdict.get("open") else "rollout-failed", said, hint=again)

    def _ended(self, plan: Plan, rollout: Data, close: Close, results: dict[str, Result], late: list[str]) -> Data:
        counts = _counts(close)
        ended = f"The {plan.kind} {plan.id} of {plan.package} {plan.version} {close.result}"
        reverted = bool(rollout.get("reverting")) and close.result == FAILED
        known = self._known(plan, rollout) if close.behind and not reverted else {}
        lost = {host: _told(plan, host, results[host], known) for host in close.behind} if not reverted else {}
        if close.result != SUCCEEDED and not reverted:
            away = "; ".join(text for host, text in lost.items() if results[host].outcome in _LOST)
            told = [f"Out of reach: {away}"] if away else []
            frozen = close.result == FROZEN
            on = " Mend the cause and run the same command again, or roll a newer version forward." if frozen else ""
            raise BackendError(
                "rollout-frozen" if frozen else "rollout-failed",
                ". ".join([f"{ended}: {close.reason} (hosts: {counts})", *told, *late]),
                hint=f"relmgmt.release.rollout_info with rollout={plan.id} shows every host.{on}",
            )
        note = f"; {close.reason}" if close.reason else ""
        left = [*lost.values()]
        left += [f"{host} ({p.reason})" for host, p in sorted(plan.hosts.items()) if p.action == UNREHEARSED]
        behind = [f"{len(left)} of {len(plan.hosts)} hosts were left behind: {'; '.join(left)}"] if left else []
        if lost:
            behind[0] += f". {plan.budget.of(close.spent)}. The same command brings them up when they are well again."
        if reverted:
            ended = f"The {plan.kind} {plan.id} of {plan.package} {plan.version} was taken back"
        return {
            "changed": False,
            "warnings": [*late, *behind],
            "summary": f"{ended} (hosts: {counts}){note}" if plan.active else plan.summary,
            "rollout": {"id": plan.id, "result": close.result, "reason": close.reason, "outcomes": close.counts},
            "hosts": {host: {"outcome": r.outcome, "reason": r.reason} for host, r in sorted(results.items())},
        }

    @staticmethod
    def _known(plan: Plan, rollout: Data) -> dict[str, str]:
        try:
            with registry_of(rollout, write=False) as registry:
                return remembered(registry.rollouts(package=plan.package, environment=plan.environment), plan.instance)
        except RelmgmtError:
            return {}


def _counts(close: Close) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(close.counts.items()))


def _told(plan: Plan, host: str, result: Result, known: dict[str, str]) -> str:
    return f"{host} ({result.outcome}: {result.reason}; {whereabouts(plan, host, result, known)})"


def _command(plan: Plan, task_vars: Data) -> str:
    """What goes on with the rollout."""
    inventories = [part for source in task_vars.get("ansible_inventory_sources") or [] for part in ("-i", str(source))]
    target = task_vars.get("relmgmt_target")
    settings = {
        **({"relmgmt_target": target} if target else {}),
        "relmgmt_package": plan.package,
        "relmgmt_environment": plan.environment,
        **({"relmgmt_instance": plan.instance} if plan.instance != "main" else {}),
        "relmgmt_rollout_id": plan.id,
    }
    given = [part for name, value in settings.items() for part in ("-e", f"{name}={value}")]
    return shlex.join(["ansible-playbook", *inventories, "relmgmt.release.rollout", *given])
