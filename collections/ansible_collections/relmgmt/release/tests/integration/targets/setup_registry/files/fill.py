# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make a registry with two rollouts; the path is the only argument."""

from __future__ import annotations

import sys

from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import (
    FAILED,
    ROLLOUT,
    DeploymentRow,
    Holder,
    Registry,
    RolloutRow,
)

with Registry.open(sys.argv[1]) as registry:
    for name, environment in (("r1", "ci"), ("r2", "prod")):
        registry.begin_rollout(
            RolloutRow(
                id=name,
                kind=ROLLOUT,
                package="team/app",
                version="2",
                digest="sha256:" + "0" * 64,
                environment=environment,
                instance="main",
                strategy="canary",
                plan={"waves": {"host": 0}},
                token=1,
            )
        )
        registry.record_wave(name, 0, name="canary", hosts=["host"], verdict="revert_all", reason="1 host is sick")
        row = DeploymentRow(
            host="host",
            site="site",
            wave=0,
            version_before="1",
            version_after="1",
            outcome="reverted",
            reason="sick",
        )
        registry.record_deployment(name, row)
    registry.finish_rollout("r1", FAILED, "1 host is sick")
    registry.release(registry.acquire("team/app", "ci", "main", Holder.of(1), ttl=60), Holder.of(1))
    registry.acquire("team/app", "prod", "main", Holder.of(1), ttl=60)
