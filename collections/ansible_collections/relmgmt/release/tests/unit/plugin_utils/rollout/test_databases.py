# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The databases of a plan: what the registry knows of them, and what forbids a rollout or a rollback."""

from __future__ import annotations

import collections.abc
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import DeploymentRow, Registry, RolloutRow
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import HostInput, Plan
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.databases import Databases
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.planning import make_plan

from .fleet import PACKAGE, deployment, host, info, lost, manifest, profile, wish

PROFILE = profile()
OLD, NEXT = manifest("1.0.0"), manifest("3.0.0")
DOWN, FINAL = {"down": ["undo"]}, {"irreversible": True}
REASON: dict[str, t.Any] = {"point_of_no_return": "2.0.0", "point_of_no_return_reason": "nobody reads titles"}
APPROVED = {"version": "2.0.0", "reason": "nobody reads titles"}


@pytest.fixture
def registry(tmp_path: pathlib.Path) -> collections.abc.Iterator[Registry]:
    with Registry.open(str(tmp_path / "registry" / "registry.db")) as opened:
        row = RolloutRow("r0", "rollout", PACKAGE, "1.0.0", "sha256:0", "prod", "main", "canary", {}, 1)
        opened.begin_rollout(row)
        yield opened


def steps(*known: tuple[str, str, dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    return [{"phase": phase, "to": to, "up": ["do"], **back} for phase, to, back in known]


def release(*known: tuple[str, str, dict[str, t.Any]]) -> Manifest:
    """Version 2.0.0, which changes the schema of a database."""
    migration = {"database": "calendar", "current": ["ask"], "from": "1", "steps": steps(*known)}
    return Manifest.from_dict({**manifest().to_dict(), "runtime": {"migrations": [migration]}})


WELL = release(("expand", "2", DOWN), ("contract", "3", DOWN))
SHARP = release(("expand", "2", FINAL))
BLUNT = release(("expand", "2", DOWN), ("contract", "3", FINAL))
BEFORE = info(deployment(1, OLD, PROFILE.digest))


def known(number: int, package: Manifest, *, migrations: bool = True) -> dict[str, t.Any]:
    about = [migration.about() for migration in package.migrations] if migrations else []
    return {**deployment(number, package, PROFILE.digest), "migrations": about}


def planned(
    registry: Registry,
    package: Manifest | None,
    hosts: collections.abc.Mapping[str, dict[str, t.Any]],
    *,
    inventory: collections.abc.Mapping[str, dict[str, t.Any]] | None = None,
    unfinished: Plan | None = None,
    **changes: t.Any,
) -> Plan:
    inputs: dict[str, HostInput] = {name: host(answer) for name, answer in hosts.items()}
    return make_plan(
        wish(**changes),
        inputs,
        out={name: "gone" for name, answer in hosts.items() if answer["outcome"] != "ok"},
        manifest=package,
        profiles={name: PROFILE for name in hosts} if package else {},
        unfinished=unfinished,
        gate=None,
        databases=Databases(registry, inventory=(inventory or {}).get),
        new_id=lambda: "r1",
    )


def refused(*args: t.Any, **changes: t.Any) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        planned(*args, **changes)
    return caught.value


def test_the_plan_names_the_database_its_steps_and_the_host_that_takes_them(registry: Registry) -> None:
    plan = planned(registry, WELL, {"a": BEFORE, "b": BEFORE})
    (found,) = plan.databases
    assert (found.hosts, found.start, found.ready, found.last) == (plan.staging.hosts, "1", "2", "3")
    first = plan.staging.hosts[0]
    assert (
        f"schema of calendar from 1, on {first}: before the first wave expand 2; after the last contract 3"
        in plan.summary
    )


def test_a_package_without_migrations_has_no_database(registry: Registry) -> None:
    assert planned(registry, manifest(), {"a": BEFORE}).databases == ()


def test_a_step_that_nothing_takes_back_has_to_be_approved(registry: Registry) -> None:
    assert refused(registry, SHARP, {"a": BEFORE}).code == "point-of-no-return-unapproved"
    other = refused(registry, SHARP, {"a": BEFORE}, point_of_no_return="1.9.0", point_of_no_return_reason="yes")
    assert other.code == "point-of-no-return-unapproved" and "approved is 1.9.0" in other.message
    assert refused(registry, SHARP, {"a": BEFORE}, point_of_no_return="2.0.0").code == "approval-unreasoned"
    plan = planned(registry, SHARP, {"a": BEFORE}, **REASON)
    assert plan.approval == APPROVED and "POINT OF NO RETURN, approved" in plan.summary


def test_what_was_approved_stays_so_when_the_rollout_goes_on(registry: Registry) -> None:
    begun = planned(registry, SHARP, {"a": BEFORE}, **REASON)
    assert planned(registry, SHARP, {"a": BEFORE}, unfinished=begun).approval == APPROVED


def test_what_is_known_to_be_done_needs_no_approval(registry: Registry) -> None:
    record(registry, version="2")
    assert planned(registry, SHARP, {"a": BEFORE}).past_return(0)


def test_a_contract_that_nothing_takes_back_keeps_no_rollout_back(registry: Registry) -> None:
    plan = planned(registry, BLUNT, {"a": BEFORE})
    assert plan.approval == {} and "POINT OF NO RETURN, awaits approval" in plan.summary
    done = {"a": info(known(1, OLD), known(2, BLUNT))}
    assert not planned(registry, BLUNT, done).active
    assert planned(registry, BLUNT, done, **REASON).active


def test_no_rehearsal_shows_a_way_back_that_there_is_not(registry: Registry) -> None:
    assert refused(registry, SHARP, {"a": BEFORE}, kind="rehearsal").code == "rehearsal-irreversible"
    assert planned(registry, BLUNT, {"a": BEFORE}, kind="rehearsal").databases


def record(registry: Registry, *, version: str | None, ended: bool = True, on: str = "a") -> None:
    scope = f"{PACKAGE} prod main calendar"
    registry.begin_migrations("r0", "before", {scope: on})
    registry.end_migration(
        "r0", "before", scope, outcome="migrated" if ended else "unknown", version=version, reason="", ended=ended
    )


def test_what_was_begun_on_a_host_keeps_the_rollout_back_until_that_answers(registry: Registry) -> None:
    record(registry, version=None, ended=False, on="b")
    for hosts in ({"a": BEFORE}, {"a": BEFORE, "b": lost()}):
        error = refused(registry, WELL, hosts, failure_budget=1)
        assert error.code == "migration-begun" and "begun on b" in error.message
        assert planned(registry, WELL, hosts, migration_lost="b").databases[0].hosts[0] == "a"
    assert planned(registry, WELL, {"a": BEFORE, "b": BEFORE}).databases[0].hosts[0] == "b"


def test_hosts_outside_of_the_rollout_that_share_the_database_are_known(registry: Registry) -> None:
    rows = [
        DeploymentRow(name, "ber", 1, "absent", version, "confirmed")
        for name, version in (("z", "1.0.0"), ("y", "absent"), ("gone", "1.0.0"), ("other", "1.0.0"), ("a", "1.0.0"))
    ]
    registry.record_deployments("r0", rows)
    inventory = {"z": {}, "y": {}, "other": {"relmgmt_databases": {"calendar": "pg-b"}}, "a": {}}
    plan = planned(registry, WELL, {"a": BEFORE}, inventory=inventory)
    assert plan.databases[0].elsewhere == {"z": "1.0.0"}


HERE = info(known(1, OLD), known(2, WELL), previous={"version": "1.0.0"})


def back(registry: Registry, hosts: dict[str, dict[str, t.Any]], **changes: t.Any) -> Plan:
    return planned(registry, None, hosts, kind="rollback", version="1.0.0", strategy="big_bang", **changes)


def refused_back(registry: Registry, hosts: dict[str, dict[str, t.Any]]) -> RelmgmtError:
    return refused(registry, None, hosts, kind="rollback", version="1.0.0", strategy="big_bang")


def test_a_rollback_knows_the_schema_by_what_its_hosts_run(registry: Registry) -> None:
    plan = back(registry, {"a": HERE, "b": BEFORE})
    assert (plan.databases[0].deployments, plan.databases[0].versions) == ({"a": 2}, ("1", "2", "3"))
    assert plan.databases[0].hosts == ("a", "b")
    assert "schema of calendar back on a: 1 ← 2 ← 3" in plan.summary


def test_a_rollback_that_goes_on_knows_what_its_hosts_left(registry: Registry) -> None:
    begun = back(registry, {"a": HERE})
    assert back(registry, {"a": BEFORE}, unfinished=begun).databases == begun.databases


def test_behind_a_point_of_no_return_there_is_no_rollback(registry: Registry) -> None:
    error = refused_back(registry, {"a": {**HERE, "release": {**HERE["release"], "frozen": "r1", "frozen_at": 2}}})
    assert error.code == "point-of-no-return" and "a: r1" in error.message
    later = info(known(1, OLD), known(2, WELL), known(3, NEXT), previous={"version": "2.0.0"}, frozen="r1", frozen_at=1)
    assert planned(registry, None, {"a": later}, kind="rollback", version="2.0.0").waves


def test_a_schema_goes_back_one_release_at_a_time(registry: Registry) -> None:
    hosts = {"a": info(known(1, OLD), known(2, WELL), known(3, NEXT), previous={"version": "2.0.0"})}
    error = refused_back(registry, hosts)
    assert error.code == "schema-out-of-reach" and "lies 2.0.0" in error.message
    hosts = {"a": info(known(1, OLD), known(2, WELL, migrations=False), known(3, NEXT), previous={"version": "2.0.0"})}
    assert back(registry, hosts).waves


def test_hosts_whose_releases_changed_schemas_differently_do_not_go_back_together(registry: Registry) -> None:
    other = info(known(1, OLD), known(2, SHARP), previous={"version": "1.0.0"})
    assert refused_back(registry, {"a": HERE, "b": other}).code == "migrations-mixed"
