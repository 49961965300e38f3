# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import collections.abc
import dataclasses
import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import DeploymentRow, Holder, Registry
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    READ,
    UNREAD,
    Gate,
    HostInput,
    Opened,
    Opening,
    Package,
    Policy,
    Scope,
    Timing,
    Unpacked,
    before_of,
    check,
    lease_of,
    make_profiles,
    open_rollout,
    render_again,
    run_directory,
    running_profile,
    view_of,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import PROVIDERS, Access, Reference, Secret

from .fleet import PACKAGE, deployment, host, info, lost, manifest, wish

TEMPLATE = "port = {{ config.port }}\ntoken = {{ secrets.token }}\n"
SCOPE = (PACKAGE, "prod", "main")
FREELY = Policy(rehearsal="waived", reason="the gate has tests of its own")
TIMING = Timing(forks=5)
ME, OTHER, THIRD = (Holder("here", "boot", number, f"{number}0") for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def runs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Where the run directories are made."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / f"relmgmt-{os.geteuid()}"


@pytest.fixture
def alive() -> set[Holder]:
    """The processes that live."""
    return {ME, OTHER}


@pytest.fixture
def registry(tmp_path: pathlib.Path, alive: set[Holder]) -> collections.abc.Iterator[Registry]:
    with Registry.open(str(tmp_path / "registry" / "registry.db"), alive=alive.__contains__) as opened:
        yield opened


@pytest.fixture
def package(tmp_path: pathlib.Path) -> collections.abc.Callable[[str], Package]:
    """Makes a package in the cache, with a template that needs a value and a secret."""

    def make(version: str = "2.0.0", *, secrets: collections.abc.Sequence[t.Any] = ("token",)) -> Package:
        directory = tmp_path / "cache" / version
        (directory / "config").mkdir(parents=True, exist_ok=True)
        (directory / "config" / "app.j2").write_text(TEMPLATE)
        entry = {"path": "app.j2", "mode": "0644", "size": len(TEMPLATE), "digest": digest_of(TEMPLATE.encode())}
        blob = {"digest": digest_of(b""), "size": 0}
        unit = {"name": "config", "kind": "files", "destination": "config", "blob": blob, "entries": [entry]}
        config = {"templates": [{"source": "app.j2", "destination": "app"}], "secrets": secrets, "unit": unit}
        made = manifest(version, config=config)
        (directory / "manifest.json").write_bytes(made.to_bytes())
        return Package(made, directory)

    return make


def ci(answer: collections.abc.Mapping[str, t.Any], *, port: int = 80) -> HostInput:
    values = {"relmgmt_config": {PACKAGE: {"port": port}}, "relmgmt_secrets": {PACKAGE: {"token": "env:TOKEN"}}}
    return host(answer, **values)


def access(**environ: str) -> Access:
    def refuse(path: pathlib.Path) -> object:
        raise AssertionError(f"{path} was read")

    return Access(refuse, pathlib.Path("/"), {"TOKEN": "hunter2", **environ})


def begin(
    registry: Registry,
    hosts: collections.abc.Mapping[str, HostInput],
    package: Package,
    *,
    holder: Holder = ME,
    timing: Timing = TIMING,
    **changes: t.Any,
) -> Opened:
    changes.setdefault("version", package.manifest.version if package.manifest else "")
    return open_rollout(opening(registry, hosts, package, timing=timing, **changes), registry, holder)


def opening(
    registry: Registry,
    hosts: collections.abc.Mapping[str, HostInput],
    package: Package,
    *,
    policy: Policy = FREELY,
    timing: Timing = TIMING,
    rollout: str = "",
    held: collections.abc.Sequence[Package] = (),
    **changes: t.Any,
) -> Opening:
    found = {each.manifest.digest: each.path for each in held if each.manifest and each.path}

    def fetch(releases: collections.abc.Mapping[str, str]) -> dict[str, pathlib.Path]:
        return {digest: found[digest] for digest in releases if digest in found}

    gate = Gate(policy, registry)
    return Opening(wish(**changes), hosts, package, access(), gate, timing, rollout=rollout, fetch=fetch)


def settled(opened: Opened, package: Manifest) -> dict[str, HostInput]:
    """The hosts as they are when the rollout has succeeded."""
    assert opened.directory
    answers = {}
    for name in opened.plan.hosts:
        of = json.loads(run_directory.profile_path(opened.directory, name).read_text())["digest"]
        answers[name] = ci(info(deployment(1, package, of)))
    return answers


MakePackage = collections.abc.Callable[..., Package]
FLEET = {"a": ci(info()), "b": ci(info())}


def test_a_rollout_is_recorded_under_a_lease_and_its_profiles_lie_ready(
    registry: Registry, package: MakePackage
) -> None:
    opened = begin(registry, FLEET, package())
    assert opened.lease and opened.directory
    row = registry.rollout(opened.plan.id)
    assert (row["result"], row["token"], row["plan"]) == ("running", opened.lease.token, opened.plan.to_dict())
    assert [(wave["index"], wave["name"], sorted(wave["hosts"])) for wave in row["waves"]] == [(0, "stage", ["a", "b"])]
    assert sorted(path.name for path in (opened.directory / "profiles").iterdir()) == ["61.json", "62.json"]
    assert "hunter2" not in json.dumps(row) and "hunter2" not in json.dumps(opened.plan.to_dict())


def test_what_profiles_were_made_of_is_on_record_without_secrets_and_renders_them_again(
    registry: Registry, package: MakePackage
) -> None:
    opened = begin(registry, FLEET, package())
    assert opened.directory
    lying = {
        name: json.loads(run_directory.profile_path(opened.directory, name).read_text()) for name in opened.plan.hosts
    }
    digest = lying["a"]["digest"]
    record = registry.profile(digest)
    assert record and (record.host, record.config, record.rollout) == ("a", {"port": 80}, opened.plan.id)
    assert (record.secrets, record.versions) == ({"token": "env:TOKEN"}, {"env:TOKEN": "unversioned"})
    assert "hunter2" not in repr(record)
    chosen = package()
    assert chosen.manifest and chosen.path
    secrets = {"env:TOKEN": Secret("env:TOKEN", "hunter2", "unversioned")}
    (again,) = render_again([record], chosen.manifest, chosen.path, secrets)
    assert again.profile.to_dict() == lying["a"]
    newer = {"env:TOKEN": Secret("env:TOKEN", "hunter3", "2")}
    (other,) = render_again([record], chosen.manifest, chosen.path, newer)
    assert other.profile.digest != digest and b"hunter3" in other.profile.files[0].contents
    with pytest.raises(RelmgmtError) as caught:
        render_again([record], t.cast("Manifest", package("2.1.0").manifest), chosen.path, secrets)
    assert caught.value.code == "profile-release"


DOWN = BackendError("secret-store-unreachable", "the store does not answer")


class Away:
    """A store that does not answer."""

    def __init__(self, access: Access, scheme: str) -> None:
        pass

    def check(self, reference: Reference) -> None:
        pass

    def read(self, reference: Reference) -> Secret:
        raise DOWN

    def close(self) -> None:
        pass


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS, "env", Away)


def holding(version: str = "7") -> HostInput:
    """A host whose deployment was made with a version of the token."""
    held = deployment(1, manifest("1.0.0"), digest_of(b"old"))
    return ci(info({**held, "versions": {"env:TOKEN": version}}))


@pytest.mark.usefixtures("away")
def test_a_store_that_is_down_ends_it_before_a_host_is_touched(registry: Registry, package: MakePackage) -> None:
    with pytest.raises(RelmgmtError, match="the store does not answer .needed by .* token on a, b") as caught:
        begin(registry, {"a": holding(), "b": holding()}, package())
    assert caught.value.code == "secret-store-unreachable" and registry.rollouts() == []


def test_nothing_falls_back_where_the_store_is_not_away(
    registry: Registry, package: MakePackage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Untrusted(Away):
        def read(self, reference: Reference) -> Secret:
            raise BackendError("secret-store-untrusted", "its certificate is another's")

    monkeypatch.setitem(PROVIDERS, "env", Untrusted)
    with pytest.raises(RelmgmtError) as caught:
        begin(registry, {"a": holding()}, package(), secrets_down="previous")
    assert caught.value.code == "secret-store-untrusted"


@pytest.mark.usefixtures("away")
def test_hosts_keep_what_they_have_where_the_run_says_so(registry: Registry, package: MakePackage) -> None:
    opened = begin(registry, {"a": holding(), "b": holding("8")}, package(), secrets_down="previous")
    assert opened.directory and opened.fallbacks == {"a": {"token": "previous"}, "b": {"token": "previous"}}
    lying = [json.loads(run_directory.profile_path(opened.directory, name).read_text()) for name in opened.plan.hosts]
    assert [each["files"] for each in lying] == [[{"path": "app", "mode": "0640", "kept": True}]] * 2
    assert [each["versions"] for each in lying] == [{"env:TOKEN": "7"}, {"env:TOKEN": "8"}]
    record = registry.profile(lying[0]["digest"])
    assert record and record.fallbacks == {"token": "previous"}


@pytest.mark.usefixtures("away")
def test_a_host_that_has_nothing_to_keep_is_named(registry: Registry, package: MakePackage) -> None:
    with pytest.raises(RelmgmtError, match="^b: calendar/radicale: env:TOKEN cannot be read now") as caught:
        begin(registry, {"a": holding(), "b": ci(info())}, package(), secrets_down="previous")
    assert caught.value.code == "secret-previous-unusable"


@pytest.mark.usefixtures("away")
def test_the_default_of_a_secret_takes_its_place_and_wins_over_the_run(
    registry: Registry, package: MakePackage
) -> None:
    whole = package(secrets=[{"name": "token", "fallback": "default", "default": "nobody"}])
    opened = begin(registry, FLEET, whole, secrets_down="previous")
    assert opened.directory and opened.fallbacks["a"] == {"token": "default"}
    lying = json.loads(run_directory.profile_path(opened.directory, "a").read_text())
    assert b"token = nobody" in base64.b64decode(lying["files"][0]["contents"])
    assert lying["versions"]["env:TOKEN"].startswith("default-")


def test_a_secret_that_is_missing_is_a_mistake_and_nothing_falls_back(registry: Registry, package: MakePackage) -> None:
    hosts = {
        "a": host(
            holding().info, relmgmt_config={PACKAGE: {"port": 1}}, relmgmt_secrets={PACKAGE: {"token": "env:GONE"}}
        )
    }
    with pytest.raises(RelmgmtError) as caught:
        begin(registry, hosts, package(), secrets_down="previous")
    assert caught.value.code == "secret-missing"


def test_what_hosts_hold_lies_ready_with_newer_secrets_and_is_on_record(
    registry: Registry, package: MakePackage
) -> None:
    first = package("1.0.0")
    assert first.manifest
    old = settled(begin(registry, FLEET, first), first.manifest)
    registry.finish_rollout(registry.rollouts()[0]["id"], "succeeded", "")
    label = {"relmgmt_secrets": {PACKAGE: {"token": "env:TOKEN#2"}}}
    hosts = {
        name: dataclasses.replace(known, variables={**known.variables, **label}) if name == "a" else known
        for name, known in old.items()
    }
    opened = begin(registry, hosts, package(), held=[first])
    assert opened.directory and opened.notes == ()
    (companion,) = json.loads(run_directory.companions_path(opened.directory, "a").read_text())
    assert (companion["deployment"], companion["release"]) == (1, first.manifest.digest)
    assert not run_directory.companions_path(opened.directory, "b").exists()
    record = registry.profile(companion["profile"]["digest"])
    assert record and (record.release, record.versions) == (first.manifest.digest, {"env:TOKEN#2": "2"})
    checked = check(opening(registry, hosts, package(), held=[first]), registry, "check-1")
    assert checked.directory and run_directory.companions_path(checked.directory, "a").exists()


def test_a_check_records_no_profile(registry: Registry, package: MakePackage) -> None:
    opened = check(opening(registry, FLEET, package()), registry, "check-1")
    assert opened.directory
    digest = json.loads(run_directory.profile_path(opened.directory, "a").read_text())["digest"]
    assert registry.profile(digest) is None


def viewed(
    registry: Registry, package: Package, hosts: collections.abc.Mapping[str, HostInput], masked: t.Any, **environ: str
) -> dict[str, dict[str, t.Any]]:
    assert package.manifest and package.path
    made = make_profiles(package.manifest, package.path, hosts, Scope("prod", "main"), access(**environ), masked=masked)
    records = registry.profiles([running_profile(known) for known in hosts.values()])
    packages = {package.manifest.digest: Unpacked(package.manifest, package.path)}
    before = before_of(hosts, records, packages, versions=masked == READ)
    return {view.host: view.to_dict() for view in view_of(made, before)}


def test_what_hosts_would_get_is_shown_beside_what_they_have_with_masks_for_secrets(
    registry: Registry, package: MakePackage
) -> None:
    whole = package()
    first = begin(registry, FLEET, whole)
    now = settled(first, t.cast("Manifest", whole.manifest))
    hosts = {
        "a": dataclasses.replace(now["a"], variables=ci({}, port=81).variables),
        "b": now["b"],
        "new": ci(info()),
        "stranger": ci(info(deployment(1, t.cast("Manifest", whole.manifest), digest_of(b"elsewhere")))),
    }
    for masked, mask in ((READ, "<secret env:TOKEN, version unversioned>"), (UNREAD, "<secret env:TOKEN>")):
        found = viewed(registry, whole, hosts, masked)
        assert "hunter2" not in json.dumps(found)
        assert found["b"] == {"known": True, "unknown": "", "changed": False, "files": {}}
        lines = found["a"]["files"]["app"]["diff"].splitlines()
        assert lines[3:] == ["-port = 80", "+port = 81", f" token = {mask}"]
        assert (found["new"]["files"]["app"]["change"], found["new"]["known"]) == ("added", True)
        assert found["stranger"]["known"] is False and "is not on record" in found["stranger"]["unknown"]


@pytest.mark.usefixtures("away")
def test_no_store_is_asked_for_a_preview_of_the_configuration_unless_it_is_wanted(
    registry: Registry, package: MakePackage
) -> None:
    assert viewed(registry, package(), {"a": ci(info())}, UNREAD)["a"]["files"]["app"]["change"] == "added"
    with pytest.raises(RelmgmtError) as caught:
        viewed(registry, package(), {"a": ci(info())}, READ)
    assert caught.value.code == "secret-store-unreachable"


def test_nothing_to_do_is_no_row_no_lease_and_no_profile(
    registry: Registry, package: MakePackage, runs: pathlib.Path
) -> None:
    first = begin(registry, FLEET, package())
    assert first.lease and package().manifest
    end(registry, first)
    again = begin(registry, settled(first, t.cast(Manifest, package().manifest)), package(), holder=OTHER)
    assert (again.plan.waves, again.lease, again.directory) == ((), None, None)
    assert [row["id"] for row in registry.rollouts()] == [first.plan.id]
    assert [path.name for path in runs.iterdir()] == [first.plan.id]
    assert [row["token"] for row in registry.lease_history()] == [first.lease.token]


def end(registry: Registry, opened: Opened) -> None:
    assert opened.lease
    registry.finish_rollout(opened.plan.id, "succeeded")
    registry.release(lease_of(opened.plan, {"registry": opened.lease.registry, "token": opened.lease.token}), ME)


def test_a_second_live_run_is_refused_and_leaves_nothing(
    registry: Registry, package: MakePackage, runs: pathlib.Path
) -> None:
    first = begin(registry, FLEET, package())
    with pytest.raises(RelmgmtError) as caught:
        begin(registry, FLEET, package(), holder=OTHER)
    assert caught.value.code == "rollout-locked"
    assert "process 1 on here" in caught.value.message
    assert [row["id"] for row in registry.rollouts()] == [first.plan.id]
    assert [path.name for path in runs.iterdir()] == [first.plan.id]


def test_another_package_environment_or_instance_is_not_locked(registry: Registry, package: MakePackage) -> None:
    begin(registry, FLEET, package())
    assert begin(registry, FLEET, package(), holder=OTHER, environment="ci").lease
    assert begin(registry, FLEET, package(), holder=OTHER, instance="second").lease


def test_the_run_after_a_crash_resumes_with_a_greater_token(
    registry: Registry, package: MakePackage, alive: set[Holder]
) -> None:
    first = begin(registry, FLEET, package())
    alive.discard(ME)
    second = begin(registry, FLEET, package(), holder=OTHER)
    assert first.lease and second.lease
    assert (second.plan.id, second.plan.waves) == (first.plan.id, first.plan.waves)
    assert second.lease.token > first.lease.token
    assert registry.rollout(first.plan.id)["token"] == second.lease.token


class Notes:
    """A store that keeps old versions: as many as ``newest`` says."""

    newest = 1

    def __init__(self, access: Access, scheme: str) -> None:
        """Nothing is asked."""

    def check(self, reference: Reference) -> None:
        """Each is fine."""

    def read(self, reference: Reference) -> Secret:
        return self.read_at(reference, str(self.newest))

    def read_at(self, reference: Reference, version: str) -> Secret:
        return Secret(str(reference), f"hunter{version}", version)

    def close(self) -> None:
        """Nothing is open."""


def test_a_rollout_that_goes_on_keeps_the_versions_of_its_secrets_and_a_new_one_does_not(
    registry: Registry, package: MakePackage, alive: set[Holder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROVIDERS, "notes", Notes)
    bound = {"relmgmt_secrets": {PACKAGE: {"token": "notes:a#b"}}, "relmgmt_config": {PACKAGE: {"port": 80}}}
    fleet = {name: host(info(), **bound) for name in ("a", "b")}
    first = begin(registry, fleet, package())
    assert first.plan.versions == {"notes:a#b": "1"}
    alive.clear()
    monkeypatch.setattr(Notes, "newest", 2)
    again = begin(registry, fleet, package(), holder=OTHER)
    assert (again.plan.id, again.plan.versions) == (first.plan.id, {"notes:a#b": "1"})
    assert [again.plan.hosts[name].profile for name in fleet] == [first.plan.hosts[name].profile for name in fleet]
    alive.clear()
    part = {"a": fleet["a"]}
    joined = open_rollout(opening(registry, part, package(), rollout=first.plan.id), registry, THIRD)
    assert joined.plan.hosts["a"].profile == first.plan.hosts["a"].profile
    alive.clear()
    other = begin(registry, fleet, package("2.1.0"), holder=ME)
    assert (other.plan.id != first.plan.id, other.plan.versions) == (True, {"notes:a#b": "2"})


def test_another_version_supersedes_an_unfinished_rollout(registry: Registry, package: MakePackage) -> None:
    first = begin(registry, FLEET, package())
    second = begin(registry, FLEET, package("3.0.0"))
    old = registry.rollout(first.plan.id)
    assert (old["result"], old["reason"]) == ("stopped", f"superseded by {second.plan.id}")
    assert registry.rollout(second.plan.id)["result"] == "running"


def test_a_rollback_needs_neither_package_nor_secret(registry: Registry) -> None:
    held = info(deployment(1, manifest("1.0.0"), "sha256:p"), deployment(2, manifest(), "sha256:p"))
    opened = begin(registry, {"a": host(held)}, Package(None, None), kind="rollback", version="1.0.0")
    row = registry.rollout(opened.plan.id)
    assert (row["kind"], row["digest"]) == ("rollback", "")
    assert [wave["name"] for wave in row["waves"]] == ["canary"]
    assert opened.directory and list((opened.directory / "profiles").iterdir()) == []


def test_a_host_that_is_left_out_needs_no_profile(registry: Registry, package: MakePackage) -> None:
    opened = begin(registry, {"a": ci(info()), "b": host(lost())}, package(), failure_budget=1)
    assert opened.directory
    assert opened.plan.staging.hosts == ("a",)
    assert [path.name for path in (opened.directory / "profiles").iterdir()] == ["61.json"]


@pytest.mark.parametrize(
    ("hosts", "code"),
    [
        pytest.param({"a": ci(info()), "b": ci(lost())}, "hosts-not-ready", id="unreachable"),
        pytest.param({}, "target-empty", id="no hosts"),
        pytest.param({"a": ci(info()), "b": host(info())}, "secret-unbound", id="no secret"),
        pytest.param(
            {"a": host(info(), relmgmt_secrets={PACKAGE: {"token": "env:TOKEN"}})}, "template-undefined", id="no value"
        ),
        pytest.param(
            {"a": host(info(), relmgmt_secrets={PACKAGE: {"token": "env:GONE"}})}, "secret-missing", id="not there"
        ),
    ],
)
def test_what_cannot_be_rolled_out_takes_no_lease_and_leaves_no_record(
    registry: Registry, package: MakePackage, runs: pathlib.Path, hosts: dict[str, HostInput], code: str
) -> None:
    with pytest.raises(RelmgmtError) as caught:
        begin(registry, hosts, package())
    assert caught.value.code == code
    assert registry.rollouts() == []
    assert registry.holders() == registry.lease_history() == []
    assert not runs.exists() or list(runs.iterdir()) == []


def test_check_mode_makes_the_same_plan_and_leaves_the_registry_as_it_is(
    registry: Registry, package: MakePackage
) -> None:
    predicted = check(opening(registry, FLEET, package()), registry, "check-1")
    assert registry.rollouts() == []
    opened = begin(registry, FLEET, package())
    assert predicted.lease is None and predicted.directory and opened.directory
    assert predicted.plan.waves == opened.plan.waves
    assert predicted.plan.hosts == opened.plan.hosts
    assert (predicted.plan.id, predicted.directory.name) == ("check-1", "check-1")
    for name in FLEET:
        mine, real = (run_directory.profile_path(where, name) for where in (predicted.directory, opened.directory))
        assert mine.read_bytes() == real.read_bytes()


def test_check_mode_is_refused_by_the_gate_as_the_rollout_is(registry: Registry, package: MakePackage) -> None:
    gated = opening(registry, FLEET, package(), policy=Policy())
    with pytest.raises(RelmgmtError) as predicted:
        check(gated, registry, "check-1")
    with pytest.raises(RelmgmtError) as refused:
        open_rollout(gated, registry, ME)
    assert predicted.value.to_dict() == refused.value.to_dict()
    assert refused.value.code == "rehearsal-missing"
    assert registry.rollouts() == registry.holders() == registry.lease_history() == []


def test_check_mode_says_that_what_was_begun_goes_on(registry: Registry, package: MakePackage) -> None:
    begun = begin(registry, FLEET, package())
    predicted = check(opening(registry, FLEET, package(), policy=Policy()), registry, "check-1")
    assert (predicted.plan.id, predicted.lease) == ("check-1", None)
    assert (predicted.plan.waves, predicted.plan.rehearsal) == (begun.plan.waves, begun.plan.rehearsal)


def test_a_waiver_stands_in_the_record_also_when_the_rollout_was_resumed(
    registry: Registry, package: MakePackage, alive: set[Holder]
) -> None:
    first = begin(registry, FLEET, package())
    alive.discard(ME)
    resumed = open_rollout(opening(registry, FLEET, package(), policy=Policy()), registry, OTHER)
    assert resumed.plan.id == first.plan.id
    record = registry.rollout(first.plan.id)["plan"]["rehearsal"]
    assert (record["policy"], record["reason"]) == ("waived", FREELY.reason)


def test_the_registry_learns_what_became_of_a_host_that_was_lost(
    registry: Registry, package: MakePackage, alive: set[Holder]
) -> None:
    new = package()
    assert new.manifest
    begun = begin(registry, FLEET, new).plan
    rows = [DeploymentRow(name, "ber", 1, "1.0.0", "unknown", "unreachable", "gone", 2, begun.digest) for name in FLEET]
    registry.record_deployments(begun.id, rows)
    registry.finish_rollout(begun.id, "failed")
    old = deployment(1, manifest("1.0.0"), digest_of(b"p"))
    tried = {**deployment(2, new.manifest, digest_of(b"p")), "status": "reverted"}
    back = info(tried, old)
    begin(registry, {name: ci(back) for name in FLEET}, new, timing=Timing(5, 0.0, registry.rollouts()))
    learned = registry.rollout(begun.id)["deployments"]
    assert {(row["outcome"], row["version_after"]) for row in learned} == {("reverted", "1.0.0")}
    assert {row["reason"] for row in learned} == {"gone; the host said later that it runs 1.0.0"}
