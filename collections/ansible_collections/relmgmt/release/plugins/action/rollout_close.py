# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._model import outcome
from ..module_utils._model.errors import BackendError, RelmgmtError
from ..plugin_utils._action import ControllerAction
from ..plugin_utils._registry import FROZEN, SUCCEEDED, entry
from ..plugin_utils._rollout import (
    UNREHEARSED,
    Plan,
    Result,
    closing,
    keep,
    lease_of,
    outcomes,
    registry_of,
    remembered,
    rows,
    run_directory,
    whereabouts,
)

_LOST = (outcome.UNREACHABLE, outcome.UNKNOWN)


class ActionModule(ControllerAction):
    """Record the end of a rollout, give its lease back, and fail if the rollout failed."""

    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        rollout = params["rollout"]
        plan = Plan.from_dict(rollout)
        results = outcomes(plan, plan.hosts, task_vars["hostvars"], params["results"])
        close = closing(plan, params["verdict"], results)
        late = []
        if plan.active and not self.check_mode:
            entries = [entry.deployments(rows(plan, results)), entry.end(close.result, close.reason)]
            late = keep(rollout, lease_of(plan, rollout["fence"]), entries, last=True)
        if not (self.check_mode and rollout["fence"]):
            run_directory.remove(plan.id)
        counts = ", ".join(f"{count} {name}" for name, count in sorted(close.counts.items()))
        ended = f"The {plan.kind} {plan.id} of {plan.package} {plan.version} {close.result}"
        known = self._known(plan, rollout) if close.behind else {}
        lost = {host: _told(plan, host, results[host], known) for host in close.behind}
        if close.result != SUCCEEDED:
            lost_now = "; ".join(text for host, text in lost.items() if results[host].outcome in _LOST)
            told = [f"Out of reach: {lost_now}"] if lost_now else []
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
        return {
            "changed": False,
            "warnings": [*late, *behind],
            "summary": f"{ended} (hosts: {counts}){note}" if plan.active else plan.summary,
            "rollout": {"id": plan.id, "result": close.result, "reason": close.reason, "outcomes": close.counts},
            "hosts": {host: {"outcome": r.outcome, "reason": r.reason} for host, r in sorted(results.items())},
        }

    @staticmethod
    def _known(plan: Plan, rollout: dict[str, t.Any]) -> dict[str, str]:
        try:
            with registry_of(rollout, write=False) as registry:
                return remembered(registry.rollouts(package=plan.package, environment=plan.environment), plan.instance)
        except RelmgmtError:
            return {}


def _told(plan: Plan, host: str, result: Result, known: dict[str, str]) -> str:
    return f"{host} ({result.outcome}: {result.reason}; {whereabouts(plan, host, result, known)})"
