# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attacks on what a client reads: none may end in a package that was not signed for."""

from __future__ import annotations

import collections.abc
import functools
import pathlib
import shutil
import typing as t

import pytest
from tuf.api.metadata import TargetFile

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml import Client, Target
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml.targets import new_target

if t.TYPE_CHECKING:
    from .conftest import World

NAME = "calendar/radicale"
TEAM, PROD = "packages/calendar", "prod/calendar"
PATH = "radicale"
Damage = collections.abc.Callable[[bytes], bytes]


def fetch(world: World, version: str | None = "1.1.0") -> pathlib.Path:
    client = world.client
    return client.fetch(client.resolve(NAME, version, "prod"), world.cache)


def code_of(call: collections.abc.Callable[[], t.Any]) -> str:
    with pytest.raises(RelmgmtError) as caught:
        call()
    assert caught.value.hint
    return caught.value.code


def flip(position: int) -> Damage:
    def damage(data: bytes) -> bytes:
        index = position % len(data)
        return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]

    return damage


DAMAGES: dict[str, Damage] = {
    "first bit flipped": flip(0),
    "bit in the middle flipped": lambda data: flip(len(data) // 2)(data),
    "last bit flipped": flip(-1),
    "truncated": lambda data: data[:-1],
    "emptied": lambda data: b"",
    "extended": lambda data: data + b" ",
    "extended a lot": lambda data: data + b" " * 30_000,
}


def victims(world: World) -> dict[str, pathlib.Path]:
    roles, layout = world.roles, world.layout
    found = {
        role: layout.role(role, roles.metadata(role).signed.version) for role in ("snapshot", "targets", TEAM, PROD)
    }
    client = Client(world.dml, (world.base / "root.json").read_bytes(), world.base / "spy", clock=world.clock)
    target = client.resolve(NAME, "1.1.0", "prod")
    manifest = client.manifest(target)
    return found | {
        "timestamp": layout.timestamp,
        "manifest": layout.blob(target.digest),
        "unit": layout.blob(manifest.units[0].blob.digest),
        "config": layout.blob(manifest.blobs[-1].blob.digest),
    }


METADATA = ("timestamp", "snapshot", "targets", TEAM, PROD)
BLOBS = ("manifest", "unit", "config")


# White space behind a document is no part of what is signed; all but the timestamp are compared by digest too.
CHANGED = [
    (victim, damage)
    for victim in (*METADATA, *BLOBS)
    for damage in DAMAGES
    if (victim, damage) != ("timestamp", "extended")
]


@pytest.mark.parametrize("victim, damage", CHANGED)
def test_changed_bytes_are_refused(world: World, victim: str, damage: str) -> None:
    path = victims(world)[victim]
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    code = "metadata-tampered" if victim in METADATA else "blob-tampered"
    assert code_of(lambda: fetch(world)) == code
    assert code_of(lambda: world.client.verify(world.client.resolve(NAME, "1.1.0", "prod"))) == code
    assert not list(world.cache.glob("packages/[!.]*"))


@pytest.mark.parametrize("victim", (*METADATA, *BLOBS))
def test_removed_files_are_missed(world: World, victim: str) -> None:
    victims(world)[victim].unlink()
    assert code_of(lambda: fetch(world)) == ("metadata-missing" if victim in METADATA else "blob-missing")


def test_any_flipped_bit_of_the_timestamp_is_refused(world: World) -> None:
    path = world.layout.timestamp
    genuine = path.read_bytes()
    for position in range(0, len(genuine), 11):
        path.write_bytes(flip(position)(genuine))
        assert code_of(lambda: fetch(world)) in ("metadata-tampered", "metadata-rollback"), position


@pytest.mark.parametrize("victim", BLOBS)
def test_a_blob_swapped_with_another_versions_is_refused(world: World, victim: str) -> None:
    client = world.client
    others = {version: client.resolve(NAME, version, "prod") for version in ("1.0.0", "1.1.0")}
    layout, manifests = world.layout, {version: client.manifest(target) for version, target in others.items()}
    paths = {
        "manifest": [layout.blob(target.digest) for target in others.values()],
        "unit": [layout.blob(manifest.units[0].blob.digest) for manifest in manifests.values()],
        "config": [layout.blob(manifests["1.1.0"].blobs[-1].blob.digest), layout.blob(others["1.0.0"].digest)],
    }[victim]
    first, second = (path.read_bytes() for path in paths)
    paths[0].write_bytes(second)
    paths[1].write_bytes(first)
    assert code_of(lambda: fetch(world)) == "blob-tampered"


def test_a_role_swapped_with_an_older_version_of_itself_is_refused(world: World) -> None:
    version = world.roles.metadata(TEAM).signed.version
    world.layout.role(TEAM, version).write_bytes(world.layout.role(TEAM, version - 1).read_bytes())
    assert code_of(lambda: fetch(world)) == "metadata-tampered"


def test_a_blob_replaced_by_a_link_is_refused(world: World) -> None:
    path = victims(world)["manifest"]
    shutil.move(path, world.base / "elsewhere")
    path.symlink_to(world.base / "elsewhere")
    assert code_of(lambda: fetch(world)) == "dml-io"


def test_an_older_state_of_the_whole_dml_is_refused(world: World) -> None:
    shutil.copytree(world.dml, world.base / "older")
    world.release("1.2.0")
    assert fetch(world, None).is_dir()
    shutil.rmtree(world.dml)
    shutil.move(world.base / "older", world.dml)
    assert code_of(lambda: fetch(world)) == "metadata-rollback"


def test_an_older_snapshot_under_a_newer_timestamp_is_refused(world: World) -> None:
    fetch(world)
    roles = world.roles
    older = roles.snapshot.signed.version - 1
    roles.timestamp.signed.snapshot_meta.version = older
    roles.timestamp.signed.snapshot_meta.hashes = None
    roles.timestamp.signed.snapshot_meta.length = None
    roles.changed = {"root"}
    world.forge(roles, {})
    assert code_of(lambda: fetch(world)) == "metadata-rollback"


@pytest.mark.parametrize("role", ["root", "roles", "snapshot", "timestamp"])
def test_expired_metadata_are_refused(empty: World, role: str) -> None:
    days = {"root": 30, "roles": 30, "snapshot": 30, "timestamp": 30, role: 2}
    empty.repository.create(("calendar",), ("prod",), expiry=days)
    (empty.base / "root.json").write_bytes(empty.repository.trusted_root())
    empty.release("1.1.0")
    empty.clock.advance(1.99)
    assert fetch(empty).is_dir()
    empty.clock.advance(0.02)
    assert code_of(lambda: fetch(empty)) == "metadata-expired"
    assert code_of(lambda: empty.client.versions(NAME)) == "metadata-expired"


SIGNERS: dict[str, dict[str, str | None]] = {
    "nobody signs the team's role": {TEAM: None},
    "the promoter signs the team's role": {TEAM: PROD},
    "another team signs the team's role": {TEAM: "packages/mail"},
    "the steward signs the team's role": {TEAM: "snapshot"},
    "nobody signs the environment's role": {PROD: None},
    "the team signs the environment's role": {PROD: TEAM},
    "another environment signs the environment's role": {PROD: "staging/calendar"},
    "nobody signs the delegations": {"targets": None},
    "a team signs the delegations": {"targets": TEAM},
    "nobody signs the snapshot": {"snapshot": None},
    "a team signs the snapshot": {"snapshot": TEAM},
    "nobody signs the timestamp": {"timestamp": None},
    "a team signs the timestamp": {"timestamp": TEAM},
}


@pytest.mark.parametrize("signers", SIGNERS.values(), ids=SIGNERS)
def test_wrong_signatures_are_refused(world: World, signers: dict[str, str | None]) -> None:
    roles = world.roles
    roles.changed = {TEAM, PROD, "targets"}
    world.forge(roles, signers)
    assert code_of(lambda: fetch(world)) == "metadata-tampered"


def test_the_trusted_root_of_another_dml_opens_nothing(world: World, empty: World) -> None:
    other = type(empty)(empty.base / "other", empty.clock)
    other.repository.create(("calendar",), ("prod",))
    (world.base / "root.json").write_bytes(other.repository.trusted_root())
    assert code_of(lambda: fetch(world)) == "metadata-tampered"


@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if not damage.startswith("extended")])
def test_a_changed_trusted_root_is_refused(world: World, damage: str) -> None:
    path = world.base / "root.json"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert code_of(lambda: fetch(world)) == "trusted-root-malformed"


def test_metadata_that_are_no_root_are_no_trusted_root(world: World) -> None:
    (world.base / "root.json").write_bytes(world.layout.timestamp.read_bytes())
    assert code_of(lambda: fetch(world)) == "trusted-root-malformed"


def test_a_new_root_that_the_old_one_does_not_sign_is_refused(world: World, empty: World) -> None:
    other = type(empty)(empty.base / "other", empty.clock)
    other.repository.create(("calendar",), ("prod",))
    roles = other.roles
    roles.changed = {"root"}
    other.forge(roles, {})
    shutil.copy(other.layout.role("root", 2), world.layout.role("root", 2))
    assert code_of(lambda: fetch(world)) == "metadata-tampered"


# --- what one key alone can do ----------------------------------------------------------------------------------------


def change_targets(world: World, role: str, change: collections.abc.Callable[[dict[str, TargetFile]], t.Any]) -> None:
    """What the holder of one role's key can do, the steward signing what follows."""
    roles = world.roles
    change(roles.metadata(role).signed.targets)
    roles.changed = {role}
    world.forge(roles, {})


def test_the_team_alone_does_not_deploy(world: World) -> None:
    world.repository.publish(world.package("2.0.0"))
    with pytest.raises(RelmgmtError, match=r"^calendar/radicale 2\.0\.0 is not promoted to prod\."):
        fetch(world, "2.0.0")
    assert code_of(lambda: fetch(world, "2.0.0")) == "package-not-promoted"
    assert code_of(lambda: world.client.resolve(NAME, None, "staging")) == "package-not-promoted"
    assert world.client.resolve(NAME, None, "prod").version == "1.1.0"


def test_the_environment_alone_does_not_deploy(world: World) -> None:
    manifest = world.package("2.0.0").manifest()
    path = f"{PROD}/{PATH}/2.0.0"
    change_targets(world, PROD, lambda targets: targets.update({path: new_target(path, manifest)}))
    for version in ("2.0.0", None):
        assert code_of(functools.partial(fetch, world, version)) == "promotion-mismatch"
    assert code_of(lambda: world.client.versions(NAME)) == "promotion-mismatch"
    assert fetch(world, "1.1.0").is_dir()


@pytest.mark.parametrize("role", [TEAM, PROD])
def test_an_environment_that_names_another_digest_does_not_deploy(world: World, role: str) -> None:
    def swap(targets: dict[str, TargetFile]) -> None:
        targets[f"{role}/{PATH}/1.1.0"].hashes = targets[f"{role}/{PATH}/1.0.0"].hashes

    change_targets(world, role, swap)
    assert code_of(lambda: fetch(world)) == "promotion-mismatch"
    assert code_of(lambda: world.repository.promote(NAME, "1.1.0", "prod")) in (
        "promotion-mismatch",
        "package-mismatch",
    )
    assert fetch(world, "1.0.0").is_dir()


def test_a_manifest_of_another_version_under_both_signatures_is_refused(world: World) -> None:
    def swap(role: str) -> collections.abc.Callable[[dict[str, TargetFile]], t.Any]:
        return lambda targets: targets.update({f"{role}/{PATH}/1.1.0": targets[f"{role}/{PATH}/1.0.0"]})

    change_targets(world, TEAM, swap(TEAM))
    change_targets(world, PROD, swap(PROD))
    assert code_of(lambda: fetch(world)) == "package-mismatch"


def test_a_team_cannot_speak_for_another(world: World) -> None:
    path = f"{TEAM}/{PATH}/6.6.6"
    manifest = world.package("6.6.6").manifest()
    change_targets(world, "packages/mail", lambda targets: targets.update({path: new_target(path, manifest)}))
    assert code_of(lambda: fetch(world, "6.6.6")) == "package-not-found"
    assert [found.version for found in world.client.versions(NAME)] == ["1.0.0", "1.1.0"]


@pytest.mark.parametrize("version", ["../../x", "1.0.0/x", "", "."])
def test_signed_versions_that_are_paths_are_refused(world: World, version: str) -> None:
    manifest = world.package("2.0.0").manifest()
    path = f"{TEAM}/{PATH}/{version}"
    change_targets(world, TEAM, lambda targets: targets.update({path: new_target(path, manifest)}))
    assert code_of(lambda: world.client.versions(NAME)) == "version-malformed"


def test_a_manifest_of_absurd_length_is_not_read(world: World) -> None:
    found = world.client.resolve(NAME, "1.1.0", "prod")
    huge = Target(**{**vars(found), "size": 1 << 40})
    assert code_of(lambda: world.client.fetch(huge, world.cache)) == "blob-tampered"


# --- names that are paths ---------------------------------------------------------------------------------------------

NAMES = ["", "x", "a/b/c", "../b", "a/..", "/a/b", "a//b", "a/b\n", "A/b", "a/*", "packages/calendar/radicale", "a\\b"]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_paths_are_refused(world: World, name: str) -> None:
    assert code_of_input(lambda: world.client.resolve(name, None, "prod")) == "name-malformed"
    assert code_of_input(lambda: world.client.versions(name)) == "name-malformed"
    assert code_of_input(lambda: world.repository.promote(name, "1.0.0", "prod")) == "name-malformed"


@pytest.mark.parametrize("version", ["", "..", "../1", "1/2", "*", "1\n", ".1"])
def test_versions_that_are_paths_are_refused(world: World, version: str) -> None:
    assert code_of_input(lambda: world.client.resolve(NAME, version, "prod")) == "version-malformed"
    assert code_of_input(lambda: world.repository.promote(NAME, version, "prod")) == "version-malformed"


@pytest.mark.parametrize("name", ["", "..", "a/b", "Prod", "*", "prod\n", "a.b"])
def test_environments_and_teams_that_are_paths_are_refused(world: World, empty: World, name: str) -> None:
    assert code_of_input(lambda: world.client.resolve(NAME, None, name)) == "name-malformed"
    assert code_of_input(lambda: world.repository.create((name,), ())) == "name-malformed"
    fresh = type(empty)(empty.base / "fresh", empty.clock)
    assert code_of_input(lambda: fresh.repository.create((), (name,))) == "name-malformed"
    assert not fresh.base.exists()


def test_the_teams_own_roles_are_no_environment(world: World) -> None:
    assert code_of(lambda: world.client.resolve(NAME, None, "packages")) == "name-reserved"
    assert code_of(lambda: world.repository.create((), ("packages",))) == "name-reserved"


def code_of_input(call: collections.abc.Callable[[], t.Any]) -> str:
    with pytest.raises(RelmgmtError) as caught:
        call()
    return caught.value.code


UNKNOWN: list[tuple[str, str | None, str, str]] = [
    ("nobody/radicale", None, "prod", "team-unknown"),
    (NAME, None, "moon", "environment-unknown"),
    (NAME, "9.9.9", "prod", "package-not-found"),
    (NAME, "1.1.0", "staging", "package-not-promoted"),
    (NAME, None, "staging", "package-not-promoted"),
    ("calendar/other", None, "prod", "package-not-promoted"),
    ("calendar/other", "1.0.0", "prod", "package-not-found"),
]


@pytest.mark.parametrize("name, version, environment, code", UNKNOWN)
def test_what_is_not_there_is_named(world: World, name: str, version: str | None, environment: str, code: str) -> None:
    assert code_of(lambda: world.client.resolve(name, version, environment)) == code
