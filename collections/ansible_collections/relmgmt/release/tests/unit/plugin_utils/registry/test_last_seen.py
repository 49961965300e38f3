# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the registry last saw of hosts: which version, since when, by whom."""

from __future__ import annotations

import collections.abc

from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import (
    SUCCEEDED,
    DeploymentRow,
    Holder,
    Registry,
    RolloutRow,
)

from .conftest import Clock

Make = collections.abc.Callable[..., RolloutRow]
MakeRow = collections.abc.Callable[..., DeploymentRow]


def test_a_version_stands_since_the_rollout_that_brought_it(
    registry: Registry, clock: Clock, rollout: Make, deployment: MakeRow
) -> None:
    registry.begin_rollout(rollout("r1", by="ann"))
    registry.record_deployment("r1", deployment(deployment=2))
    brought = registry.last_seen()[0]["since"]
    registry.finish_rollout("r1", SUCCEEDED)
    clock.move(3600)
    registry.begin_rollout(rollout("r2", by="bob", version="4.0.0"))
    registry.record_deployment("r2", deployment(version_before="3.9.0", outcome="reverted", reason="it was sick"))
    (seen,) = registry.last_seen(package="calendar/radicale", environment="prod")
    assert (seen["version"], seen["since"], seen["by"]) == ("3.9.0", brought, "ann")
    assert (seen["rollout"], seen["outcome"], seen["deployment"]) == ("r2", "reverted", 2)
    assert seen["heard"] > brought


def test_a_host_that_was_lost_keeps_the_version_that_was_known(
    registry: Registry, clock: Clock, rollout: Make, deployment: MakeRow
) -> None:
    registry.begin_rollout(rollout("r1", by="ann"))
    registry.record_deployment("r1", deployment())
    registry.finish_rollout("r1", SUCCEEDED)
    clock.move(60)
    registry.begin_rollout(rollout("r2"))
    registry.record_deployment("r2", deployment(version_after="unknown", outcome="unreachable"))
    (seen,) = registry.last_seen()
    assert (seen["version"], seen["by"], seen["outcome"]) == ("3.9.0", "ann", "unreachable")


def test_another_package_or_environment_is_left_out(registry: Registry, rollout: Make, deployment: MakeRow) -> None:
    registry.begin_rollout(rollout("r1"))
    registry.record_deployment("r1", deployment())
    assert registry.last_seen(package="team/other") == registry.last_seen(environment="staging") == []
    assert [row["id"] for row in registry.open_rollouts(environment="prod")] == ["r1"]
    assert registry.open_rollouts(environment="staging") == []


def test_open_rollouts_and_who_holds_them(registry: Registry, clock: Clock, rollout: Make) -> None:
    registry.begin_rollout(rollout("r1"))
    holder = Holder.of()
    registry.acquire("calendar/radicale", "prod", "main", holder, ttl=60)
    (held,) = registry.holders("calendar/radicale", "prod", "main")
    assert (held["holder"], held["gone"]) == (str(holder), "")
    clock.move(61)
    assert registry.holders()[0]["gone"] == ""  # it lives here, whatever the clock says
    registry.finish_rollout("r1", SUCCEEDED)
    assert registry.open_rollouts() == []


def test_a_wave_and_a_rollout_say_how_long_they_took(registry: Registry, clock: Clock, rollout: Make) -> None:
    registry.begin_rollout(rollout("r1"))
    registry.record_wave("r1", 1, name="canary", hosts=["ci-ber-01"])
    clock.move(41.5)
    assert registry.rollout("r1")["waves"][0]["seconds"] is None
    registry.record_wave("r1", 1, name="canary", hosts=["ci-ber-01"], verdict="continue")
    clock.move(8.5)
    registry.finish_rollout("r1", SUCCEEDED)
    found = registry.rollout("r1")
    assert (found["seconds"], found["waves"][0]["seconds"]) == (50.0, 41.5)
