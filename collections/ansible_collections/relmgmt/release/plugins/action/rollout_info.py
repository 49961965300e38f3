# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show rollouts: see the module of the same name."""

from __future__ import annotations

import typing as t

from ..module_utils._model.errors import InputError
from ..plugin_utils._action import ControllerAction
from ..plugin_utils._registry import Registry, location

__all__ = ["ActionModule"]


class ActionModule(ControllerAction):
    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        limit = params["limit"]
        if limit < 1:
            raise InputError("limit-malformed", f"limit: {limit} is not a number from 1 on")
        with Registry.open(location(params), write=False) as registry:
            if params.get("rollout"):
                found = [registry.rollout(params["rollout"])]
                where = {name: found[0][name] for name in ("package", "environment", "instance")}
            else:
                where = {name: params.get(name) or "" for name in ("package", "environment")}
                found = registry.rollouts(**where, limit=limit)
            return {
                "changed": False,
                "rollouts": found,
                "holders": registry.holders(**where),
                "lease_history": registry.lease_history(**where, limit=limit),
            }
