# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation: what runs, as it is on record, with the newest secrets."""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Registry
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    HostInput,
    Opened,
    Package,
    Policy,
    check,
    require_one_release,
    run_directory,
)

from .fleet import PACKAGE, deployment, info, manifest
from .test_opening import FLEET, MakePackage, alive, begin, ci, opening, package, registry, runs, settled

__all__ = ["alive", "package", "registry", "runs"]

ONE, TWO = manifest("1.0.0"), manifest("2.0.0")
GATED = Policy(production=("prod",))


def bound(known: HostInput, reference: str, *, port: int = 80) -> HostInput:
    variables = {"relmgmt_config": {PACKAGE: {"port": port}}, "relmgmt_secrets": {PACKAGE: {"token": reference}}}
    return dataclasses.replace(known, variables=variables)


@pytest.fixture
def fleet(registry: Registry, package: MakePackage) -> dict[str, HostInput]:
    """Hosts that run version 2, as it was rolled out."""
    chosen = package()
    assert chosen.manifest
    found = settled(begin(registry, FLEET, chosen), chosen.manifest)
    registry.finish_rollout(registry.rollouts()[0]["id"], "succeeded", "")
    return found


def rotate(registry: Registry, hosts: collections.abc.Mapping[str, HostInput], chosen: Package, **how: t.Any) -> Opened:
    return begin(registry, hosts, chosen, kind="rotation", held=[chosen], **how)


def rendered(opened: Opened, host: str) -> dict[str, t.Any]:
    assert opened.directory
    return t.cast("dict[str, t.Any]", json.loads(run_directory.profile_path(opened.directory, host).read_text()))


def test_only_hosts_whose_secret_has_another_version_take_part(
    registry: Registry, package: MakePackage, fleet: dict[str, HostInput]
) -> None:
    hosts = {"a": bound(fleet["a"], "env:TOKEN#2"), "b": fleet["b"]}
    opened = rotate(registry, hosts, package())
    plan = opened.plan
    assert {host: planned.action for host, planned in plan.hosts.items()} == {"a": "deploy", "b": "none"}
    assert plan.secrets == {"env:TOKEN#2": {"from": ["unversioned"], "to": "2"}}
    assert "env:TOKEN#2: version unversioned becomes 2" in plan.summary
    row = registry.rollout(plan.id)
    assert (row["kind"], row["version"], row["plan"]["secrets"]) == ("rotation", "2.0.0", plan.secrets)
    assert "hunter2" not in json.dumps(row)
    assert registry.profile(rendered(opened, "a")["digest"])
    assert run_directory.companions_path(t.cast(pathlib.Path, opened.directory), "a").exists()


def test_a_second_rotation_has_nothing_to_do(
    registry: Registry, package: MakePackage, fleet: dict[str, HostInput]
) -> None:
    chosen = package()
    assert chosen.manifest
    hosts = {host: bound(known, "env:TOKEN#2") for host, known in fleet.items()}
    opened = rotate(registry, hosts, chosen)
    registry.finish_rollout(opened.plan.id, "succeeded", "")
    after = {
        host: bound(ci(info(deployment(2, chosen.manifest, rendered(opened, host)["digest"]))), "env:TOKEN#2")
        for host in hosts
    }
    again = rotate(registry, after, chosen)
    assert (again.plan.active, again.plan.changes, again.lease) == (False, False, None)


def test_one_that_was_interrupted_goes_on(
    registry: Registry, package: MakePackage, fleet: dict[str, HostInput]
) -> None:
    chosen = package()
    assert chosen.manifest
    hosts = {host: bound(known, "env:TOKEN#2") for host, known in fleet.items()}
    opened = rotate(registry, hosts, chosen)
    of = rendered(opened, "a")["digest"]
    hosts["a"] = bound(ci(info(deployment(2, chosen.manifest, of, status="provisional"))), "env:TOKEN#2")
    again = rotate(registry, hosts, chosen)
    assert again.plan.id == opened.plan.id
    assert {host: planned.action for host, planned in again.plan.hosts.items()} == {"a": "deploy", "b": "deploy"}


def test_what_the_inventory_says_by_now_is_told_and_not_taken(
    registry: Registry, package: MakePackage, fleet: dict[str, HostInput]
) -> None:
    hosts = {"a": bound(fleet["a"], "env:TOKEN#2", port=81), "b": bound(fleet["b"], "env:OTHER")}
    opened = rotate(registry, hosts, package())
    assert sorted(opened.notes) == [
        "a: /port has other values in the inventory by now, which a rotation does not take",
        "b: secret token is in another place by now, which a rotation does not take",
    ]
    record = registry.profile(rendered(opened, "a")["digest"])
    assert record and (record.config, record.secrets) == ({"port": 80}, {"token": "env:TOKEN#2"})
    assert opened.plan.hosts["b"].action == "none"


def test_it_needs_no_rehearsal_and_a_check_takes_no_lease(
    registry: Registry, package: MakePackage, fleet: dict[str, HostInput]
) -> None:
    hosts = {host: bound(known, "env:TOKEN#2") for host, known in fleet.items()}
    wanted = opening(registry, hosts, package(), policy=GATED, kind="rotation", version="2.0.0")
    assert check(wanted, registry, "check-1").plan.changes
    assert [row["kind"] for row in registry.rollouts()] == ["rollout"]


def test_hosts_that_run_another_version_are_left_as_they_are(
    registry: Registry, package: MakePackage, fleet: dict[str, HostInput]
) -> None:
    other = package("1.0.0").manifest
    assert other
    hosts = {**fleet, "c": ci(info(deployment(1, other, "sha256:" + 64 * "1")))}
    opened = rotate(registry, {host: bound(known, "env:TOKEN#2") for host, known in hosts.items()}, package())
    planned = opened.plan.hosts["c"]
    assert (planned.action, planned.before, planned.after) == ("none", "1.0.0", "1.0.0")


def test_what_is_not_on_record_is_refused(registry: Registry, package: MakePackage) -> None:
    chosen = package()
    assert chosen.manifest
    hosts = {"a": ci(info(deployment(1, chosen.manifest, "sha256:" + 64 * "1")))}
    with pytest.raises(RelmgmtError) as refused:
        rotate(registry, hosts, chosen)
    assert refused.value.code == "rotation-unrecorded"
    with_values = settled(begin(registry, FLEET, chosen), chosen.manifest)
    registry.finish_rollout(registry.rollouts()[0]["id"], "succeeded", "")
    assert not begin(registry, with_values, chosen).lease


def test_a_rollout_that_is_open_is_not_disturbed(registry: Registry, package: MakePackage) -> None:
    chosen = package()
    assert chosen.manifest
    known = settled(begin(registry, FLEET, chosen), chosen.manifest)
    with pytest.raises(RelmgmtError) as refused:
        rotate(registry, known, chosen)
    assert refused.value.code == "rotation-rollout-open"


def test_a_fleet_is_rotated_a_version_at_a_time() -> None:
    hosts = {
        "a": ci(info(deployment(1, ONE, "p"))),
        "b": ci(info(deployment(1, TWO, "p"))),
        "c": ci(info()),
    }
    with pytest.raises(RelmgmtError) as mixed:
        require_one_release(hosts, package=PACKAGE, version="")
    assert mixed.value.code == "rotation-versions-mixed"
    assert "1.0.0 on a" in mixed.value.message and "2.0.0 on b" in mixed.value.message
    assert require_one_release(hosts, package=PACKAGE, version="1.0.0") == (ONE.digest, "1.0.0")
    with pytest.raises(RelmgmtError) as nothing:
        require_one_release(hosts, package=PACKAGE, version="3.0.0")
    assert nothing.value.code == "rotation-nothing-runs"
