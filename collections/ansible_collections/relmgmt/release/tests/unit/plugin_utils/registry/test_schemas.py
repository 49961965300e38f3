# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the registry knows of databases' schemas."""

from __future__ import annotations

import typing as t

from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Registry

from .conftest import Clock

DATABASE = "pg-a/calendar"
Make = t.Callable[..., t.Any]


def end(registry: Registry, rollout: str, version: str | None, *, ended: bool = True, phase: str = "before") -> None:
    registry.end_migration(
        rollout, phase, DATABASE, outcome="migrated" if ended else "unknown", version=version, reason="", ended=ended
    )


def test_a_migration_is_begun_until_somebody_knows_how_it_ended(registry: Registry, rollout: Make) -> None:
    registry.begin_rollout(rollout())
    assert registry.migration_begun(DATABASE) is None
    registry.begin_migrations("r1", "before", {DATABASE: "web-1"})
    end(registry, "r1", None, ended=False)
    begun = registry.migration_begun(DATABASE)
    assert begun and (begun["host"], begun["rollout"]) == ("web-1", "r1")
    assert registry.schema_version(DATABASE) is None
    end(registry, "r1", "0003")
    assert registry.migration_begun(DATABASE) is None
    assert registry.schema_version(DATABASE) == "0003"


def test_the_schema_is_where_the_newest_migration_left_it(registry: Registry, rollout: Make, clock: Clock) -> None:
    registry.begin_rollout(rollout())
    for phase, version in (("before", "0003"), ("undo", "")):
        clock.move(1)
        registry.begin_migrations("r1", phase, {DATABASE: "web-1"})
        end(registry, "r1", version, phase=phase)
    assert registry.schema_version(DATABASE) == ""
    assert registry.schema_version("pg-b/other") is None
    clock.move(1)
    registry.begin_migrations("r1", "after", {DATABASE: "web-1"})
    assert registry.schema_version(DATABASE) is None


def test_a_rollout_tells_its_migrations_in_their_order(registry: Registry, rollout: Make, clock: Clock) -> None:
    registry.begin_rollout(rollout())
    for phase in ("before", "after"):
        clock.move(1)
        registry.begin_migrations("r1", phase, {DATABASE: "web-1"})
    assert registry.migrated("r1") == [DATABASE] and registry.migrated("r2") == []
    assert [row["phase"] for row in registry.rollout("r1")["migrations"]] == ["before", "after"]


def test_what_a_lost_host_began_can_be_given_up(registry: Registry, rollout: Make) -> None:
    registry.begin_rollout(rollout())
    registry.begin_migrations("r1", "before", {DATABASE: "web-1"})
    registry.give_up_migrations("web-2")
    assert registry.migration_begun(DATABASE)
    registry.give_up_migrations("web-1")
    assert registry.migration_begun(DATABASE) is None and registry.schema_version(DATABASE) is None


def test_hosts_are_known_by_the_version_that_they_were_last_seen_with(
    registry: Registry, rollout: Make, deployment: Make, clock: Clock
) -> None:
    for identity, version in (("r1", "1"), ("r2", "2")):
        clock.move(1)
        registry.begin_rollout(rollout(identity, version=version))
        registry.record_deployment(identity, deployment(version_after=version))
        registry.finish_rollout(identity, "succeeded")
    registry.begin_rollout(rollout("r3", instance="second"))
    registry.record_deployment("r3", deployment("ci-ber-02"))
    assert registry.standing("calendar/radicale", "main") == {"ci-ber-01": ("prod", "2")}
