# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show what runs where: see the module of the same name."""

from __future__ import annotations

import typing as t

from ..plugin_utils._action import ControllerAction, plain
from ..plugin_utils._registry import Registry, location
from ..plugin_utils._status import Asked, open_rollout, standings, table

__all__ = ["ActionModule"]


class ActionModule(ControllerAction):
    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        choice = {name: params[name] for name in ("package", "environment")}
        with Registry.open(location(params), write=False) as registry:
            seen = registry.last_seen(**choice)
            rollouts = [
                open_rollout(rollout, registry.holders(rollout["package"], rollout["environment"], rollout["instance"]))
                for rollout in registry.open_rollouts(**choice)
            ]
        known = task_vars["hostvars"]
        asked = {host: self._asked(params, known[host]) for host in params["hosts"]}
        asked = {host: own for host, own in asked.items() if params["environment"] in ("", own.environment)}
        found = [one for one in standings(seen, asked) if params["site"] in ("", one.site)]
        return {
            "changed": False,
            "hosts": [one.to_dict() for one in found],
            "drifted": sorted({one.host for one in found if one.drift}),
            "rollouts": rollouts,
            "table": table(found, rollouts),
        }

    @staticmethod
    def _asked(params: dict[str, t.Any], known: t.Mapping[str, t.Any]) -> Asked:
        about = {name: str(known.get(f"relmgmt_{name}") or "") for name in ("environment", "site")}
        info = plain(known.get(params["infos"]) or {})
        return Asked(package=params["package"], instance=params["instance"], info=info, **about)
