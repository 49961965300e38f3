# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that forbids a rollout is told at once, and the rest all the same."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Registry
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    Gate,
    HostInput,
    Opened,
    Opening,
    Package,
    Plan,
    Policy,
    Refusals,
    Survey,
    Timing,
    check,
    run_directory,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Access

from .fleet import PACKAGE, host, info, lost, manifest, wish

FREELY = Policy(rehearsal="waived", reason="the gate has tests of its own")
ME, OTHER = Holder("here", "boot", 1, "10"), Holder("here", "boot", 2, "20")
SCHEMA = json.dumps({"type": "object", "required": ["port"], "properties": {"port": {"type": "integer"}}}).encode()


@pytest.fixture(autouse=True)
def runs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Where the run directories are made."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / f"relmgmt-{os.geteuid()}"


@pytest.fixture
def registry(tmp_path: pathlib.Path) -> t.Iterator[Registry]:
    with Registry.open(str(tmp_path / "registry" / "registry.db"), alive={ME, OTHER}.__contains__) as opened:
        yield opened


@pytest.fixture
def package(tmp_path: pathlib.Path) -> Package:
    """It wants a port."""
    from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of

    directory = tmp_path / "cache" / "package"
    (directory / "config").mkdir(parents=True)
    entries = []
    for name, data in (("schema.json", SCHEMA), ("app.j2", b"port = {{ config.port }}\n")):
        (directory / "config" / name).write_bytes(data)
        entries.append({"path": name, "mode": "0644", "size": len(data), "digest": digest_of(data)})
    blob = {"digest": digest_of(b""), "size": 0}
    unit = {"name": "config", "kind": "files", "destination": "config", "blob": blob, "entries": entries}
    templates = [{"source": "app.j2", "destination": "app"}]
    return Package(manifest(config={"schema": "schema.json", "templates": templates, "unit": unit}), directory)


def ci(answer: t.Mapping[str, t.Any], *, port: object = 80) -> HostInput:
    return host(answer, relmgmt_config={PACKAGE: {"port": port}})


ACCESS = Access(lambda path: path, pathlib.Path("/"), {})


def survey(
    registry: Registry,
    hosts: t.Mapping[str, HostInput],
    package: Package,
    *,
    policy: Policy = FREELY,
    **changes: t.Any,
) -> tuple[Opened, Refusals]:
    refusals = Refusals()
    gate = Gate(policy, registry)
    asked = Survey(wish(**changes), hosts, package, ACCESS, gate, Timing(5), lambda _host: None, refusals)
    return asked.plan(registry, ME, "check-1"), refusals


def codes(refusals: Refusals) -> list[str]:
    return sorted(blocker.code for blocker in refusals.found)


def waves(plan: Plan) -> list[tuple[str, int]]:
    return [(wave.name, len(wave.hosts)) for wave in plan.waves]


WELL = {f"h{number}": ci(info()) for number in range(4)}


def test_where_nothing_forbids_it_the_plan_is_the_one_that_a_check_makes(registry: Registry, package: Package) -> None:
    opened, refusals = survey(registry, WELL, package)
    opening = Opening(wish(), WELL, package, ACCESS, Gate(FREELY, registry), Timing(5))
    checked = check(opening, registry, "check-1")
    assert refusals.found == []
    assert opened == checked
    assert registry.rollouts() == []


def test_everything_is_told_at_once_and_who_can_be_is_planned_all_the_same(
    registry: Registry, package: Package
) -> None:
    registry.acquire(PACKAGE, "prod", "main", OTHER, ttl=60)
    hosts = {**WELL, "away": ci(lost()), "full": ci(info(free=1)), "wrong": ci(info(), port="high")}
    opened, refusals = survey(registry, hosts, package, policy=Policy())
    assert codes(refusals) == ["config-invalid", "disk-full", "host-unreachable", "rehearsal-missing", "rollout-locked"]
    about = {blocker.code: blocker.hosts for blocker in refusals.found}
    assert [about[code] for code in codes(refusals)[:3]] == [("wrong",), ("full",), ("away",)]
    assert all(blocker.hint for blocker in refusals.found)
    assert waves(opened.plan) == [("canary", 1), ("rest", 4)]
    assert [name for name, known in opened.plan.hosts.items() if known.profile] == [*WELL]
    assert opened.directory
    assert all(run_directory.profile_path(opened.directory, name).exists() for name in WELL)


def test_what_it_asks_takes_no_lease_and_leaves_the_one_of_another_alone(registry: Registry, package: Package) -> None:
    lease = registry.acquire(PACKAGE, "prod", "main", OTHER, ttl=60)
    survey(registry, WELL, package)
    assert registry.renew(lease, OTHER, ttl=60).token == lease.token
    assert registry.release(lease, OTHER)
    _opened, refusals = survey(registry, WELL, package)
    assert refusals.found == []


def test_hosts_within_the_budget_are_left_out_and_forbid_nothing(registry: Registry, package: Package) -> None:
    opened, refusals = survey(registry, {**WELL, "away": ci(lost())}, package, failure_budget=1)
    assert refusals.found == []
    assert opened.plan.hosts["away"].reason == "no route to host"


def test_a_strategy_that_cannot_be_meant_leaves_the_waves_unknown(registry: Registry, package: Package) -> None:
    opened, refusals = survey(registry, WELL, package, strategy="rolling", batch="some")
    assert codes(refusals) == ["batch-malformed"]
    assert (opened.plan.strategy, waves(opened.plan)) == ("rolling", [("not known", 4)])


def test_without_the_package_the_waves_are_told(registry: Registry) -> None:
    opened, refusals = survey(registry, WELL, Package(None, None), version="")
    assert refusals.found == []
    assert waves(opened.plan) == [("canary", 1), ("rest", 3)]


def test_without_hosts_it_says_so(registry: Registry, package: Package) -> None:
    opened, refusals = survey(registry, {}, package)
    assert (codes(refusals), opened.plan.waves) == (["target-empty"], ())


def test_what_is_wrong_with_all_hosts_is_asked_for_a_few_times_alone(
    registry: Registry, package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import survey as here

    asked: list[int] = []

    def refuse(_manifest: object, _path: object, hosts: t.Sized, *_rest: object, **_options: object) -> t.NoReturn:
        asked.append(len(hosts))
        raise InputError("secret-missing", "there is no such secret")

    monkeypatch.setattr(here, "make_profiles", refuse)
    opened, refusals = survey(registry, {f"h{number}": ci(info()) for number in range(100)}, package)
    assert asked == [100, 50, 50]
    assert [(blocker.code, len(blocker.hosts)) for blocker in refusals.found] == [("secret-missing", 100)]
    assert waves(opened.plan) == [("canary", 1), ("rest", 99)]
