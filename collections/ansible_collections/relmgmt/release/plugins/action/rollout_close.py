# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._model.errors import BackendError
from ..plugin_utils._action import ControllerAction
from ..plugin_utils._registry import FROZEN, SUCCEEDED, Registry, location
from ..plugin_utils._rollout import UNREHEARSED, Plan, closing, lease_of, outcomes, rows, run_directory


class ActionModule(ControllerAction):
    """Record the end of a rollout, give its lease back, and fail if the rollout failed."""

    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        rollout = params["rollout"]
        plan = Plan.from_dict(rollout)
        results = outcomes(plan, plan.hosts, task_vars["hostvars"], params["results"])
        close = closing(plan, params["verdict"], results)
        if plan.active and not self.check_mode:
            with Registry.open(location(rollout)) as registry:
                registry.record_deployments(plan.id, rows(plan, results))
                registry.finish_rollout(plan.id, close.result, close.reason, token=rollout["fence"]["token"])
                registry.release(lease_of(plan, rollout["fence"]))
        if not (self.check_mode and rollout["fence"]):
            run_directory.remove(plan.id)
        counts = ", ".join(f"{count} {name}" for name, count in sorted(close.counts.items()))
        ended = f"The {plan.kind} {plan.id} of {plan.package} {plan.version} {close.result}"
        if close.result != SUCCEEDED:
            frozen = close.result == FROZEN
            on = " Mend the cause and run the same command again, or roll a newer version forward." if frozen else ""
            raise BackendError(
                "rollout-frozen" if frozen else "rollout-failed",
                f"{ended}: {close.reason} (hosts: {counts})",
                hint=f"relmgmt.release.rollout_info with rollout={plan.id} shows every host.{on}",
            )
        note = f"; {close.reason}" if close.reason else ""
        left = [f"{host} ({results[host].outcome}: {results[host].reason})" for host in close.behind]
        left += [f"{host} ({p.reason})" for host, p in sorted(plan.hosts.items()) if p.action == UNREHEARSED]
        behind = [f"{len(left)} of {len(plan.hosts)} hosts were left behind: {'; '.join(left)}"] if left else []
        return {
            "changed": False,
            "warnings": behind,
            "summary": f"{ended} (hosts: {counts}){note}" if plan.active else plan.summary,
            "rollout": {"id": plan.id, "result": close.result, "reason": close.reason, "outcomes": close.counts},
            "hosts": {host: {"outcome": r.outcome, "reason": r.reason} for host, r in sorted(results.items())},
        }
