# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._model.errors import ConflictError, InputError
from ..plugin_utils._action import ControllerAction
from ..plugin_utils._login import login
from ..plugin_utils._registry import REVERT, ROLLOUT, Order, Registry, location
from ..plugin_utils._rollout import Unfinished, find_unfinished

Data = dict[str, t.Any]


class ActionModule(ControllerAction):
    """Record what somebody asks of a rollout that is open."""

    def verb(self, params: Data, task_vars: Data) -> Data:
        reason = params["reason"].strip()
        if not reason:
            raise InputError(
                "order-unreasoned",
                f"{params['order']} is ordered without a reason",
                hint="Say why, for the record: -e \"relmgmt_reason='...'\"",
            )
        order = Order(params["order"], params["by"] or login(), reason)
        with Registry.open(location(params), write=not self.check_mode) as registry:
            found = self._found(params, registry)
            plan, last = found.plan, found.order
            if last and last.kind == REVERT and order.kind != REVERT:
                raise ConflictError(
                    "rollout-reverting",
                    f"Rollout {plan.id} is to go back; that is not called off",
                    hint="Take it back (relmgmt.release.revert), then begin a new one.",
                )
            changed = self._new(order, last) if self.check_mode else registry.give_order(plan.id, order)
            running = any(job.living for job in registry.jobs(plan.id, token=found.token))
        follows = "the job that runs it does so at its next verdict" if running else "no job runs it at present"
        said = f"{order.kind} of rollout {plan.id} of {plan.package} {plan.version}, by {order.by or 'somebody'}"
        return {
            "changed": changed,
            "summary": f"{said}: {reason}; {follows}",
            "rollout": {
                "id": plan.id,
                "package": plan.package,
                "version": plan.version,
                "environment": plan.environment,
                "instance": plan.instance,
            },
            "order": {"kind": order.kind, "by": order.by, "reason": order.reason},
            "running": running,
        }

    @staticmethod
    def _found(params: Data, registry: Registry) -> Unfinished:
        identity = params["rollout"]
        if identity:
            row = registry.rollout(identity)
            scope, kind = (row["package"], row["environment"], row["instance"]), row["kind"]
        else:
            scope, kind = (params["package"], params["environment"], params["instance"]), ROLLOUT
            if not all(scope):
                raise InputError(
                    "order-for-nothing",
                    "neither the id of a rollout is given, nor package and environment",
                    hint="Set relmgmt_rollout_id, or relmgmt_package and relmgmt_environment.",
                )
        found = find_unfinished(registry, scope, rollout=identity, kind=kind)
        if found is None or found.plan.kind != ROLLOUT:
            raise InputError(
                "rollout-none-open",
                f"No rollout of {scope[0]} to {scope[1]} (instance {scope[2]}) is open",
                hint="See rollout_info. What has ended is taken back by relmgmt.release.rollback.",
            )
        return found

    @staticmethod
    def _new(order: Order, last: Order | None) -> bool:
        return last is None or last._replace(given="") != order
