# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Begin a rollout to two hosts, of which the first bakes, and print its plan. Arguments: registry, seconds."""

from __future__ import annotations

import json
import sys
import typing as t

from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import ROLLOUT, Holder, Registry, RolloutRow
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import HostPlan, Plan, Wave

ABOUT: dict[str, t.Any] = {
    "id": "r1",
    "kind": ROLLOUT,
    "package": "team/app",
    "version": "2",
    "digest": "sha256:" + "0" * 64,
    "environment": "prod",
    "instance": "main",
    "strategy": "canary",
}
path, bake = sys.argv[1:]
plan = Plan(
    **ABOUT,
    on_failure="revert_all",
    failure_budget=0,
    hosts={name: HostPlan("here", "/srv/relmgmt", "1", "2", "deploy") for name in ("one", "two")},
    waves=(Wave(1, "canary", ("one",), bake=float(bake)), Wave(2, "rest", ("two",))),
)
with Registry.open(path) as registry:
    lease = registry.acquire("team/app", "prod", "main", Holder.of(), ttl=900)
    registry.begin_rollout(RolloutRow(**ABOUT, plan=plan.to_dict(), token=lease.token))
    fence = {"registry": lease.registry, "token": lease.token}
print(json.dumps({**plan.to_dict(), "registry": path, "fence": fence}))
