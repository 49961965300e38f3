# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the publisher's side promises: idempotent, one at a time, nothing half done, nothing in check mode."""

from __future__ import annotations

import collections.abc
import concurrent.futures
import functools
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml import Expiry, Repository, repository
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml.files import exclusive
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml.limits import Limits
from ansible_collections.relmgmt.release.plugins.plugin_utils._files import write_file

if t.TYPE_CHECKING:
    from .conftest import World

NAME = "calendar/radicale"
Snapshot = collections.abc.Callable[..., dict[str, tuple[int, str]]]


def code_of(call: collections.abc.Callable[[], t.Any]) -> str:
    with pytest.raises(RelmgmtError) as caught:
        call()
    assert caught.value.hint
    return caught.value.code


def create(world: World, **options: t.Any) -> t.Any:
    return world.repository.create(("calendar",), ("prod",), **options)


# --- what is done, and done again -------------------------------------------------------------------------------------


def test_a_new_dml_has_a_role_for_each_team_and_each_environment_of_it(empty: World) -> None:
    change = empty.repository.create(("mail", "calendar"), ("prod", "ci"))
    assert change.changed
    assert change.after["teams"] == ["calendar", "mail"]
    assert change.after["environments"] == ["ci", "prod"]
    assert {role["name"] for role in change.after["roles"]} == {
        *("root", "targets", "snapshot", "timestamp", "packages/calendar", "packages/mail"),
        *("ci/calendar", "ci/mail", "prod/calendar", "prod/mail"),
    }


def test_again_is_no_change(world: World, snapshot: Snapshot) -> None:
    before = snapshot(world.dml, world.keys)
    assert not world.repository.create(("calendar", "mail"), ("staging", "prod")).changed
    assert not world.repository.create((), ()).changed
    assert not world.repository.refresh().changed
    assert not world.repository.publish(world.package("1.1.0")).changed
    assert not world.repository.promote(NAME, "1.1.0", "prod").changed
    assert snapshot(world.dml, world.keys) == before


def test_teams_and_environments_are_added_later(world: World) -> None:
    change = world.repository.create(("chat",), ("ci",))
    assert sorted(change.reasons) == [
        f"role {role} added"
        for role in ("ci/calendar", "ci/chat", "ci/mail", "packages/chat", "prod/chat", "staging/chat")
    ]
    world.release("1.0.0", environment="ci", name="chat/server")
    assert world.client.resolve("chat/server", None, "ci").version == "1.0.0"
    assert world.client.resolve(NAME, None, "prod").version == "1.1.0"


def test_publishing_a_version_that_exists_with_other_bytes_is_refused(world: World, snapshot: Snapshot) -> None:
    before = snapshot(world.dml)
    package = world.package("1.1.0", contents=b"other")
    assert code_of(lambda: world.repository.publish(package)) == "package-exists"
    assert snapshot(world.dml) == before


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b""), lambda path: path.unlink()])
def test_publishing_the_same_bytes_again_mends_blobs(
    world: World, damage: collections.abc.Callable[[pathlib.Path], t.Any]
) -> None:
    package = world.package("1.1.0")
    damage(world.layout.blob(package.manifest().units[0].blob.digest))
    assert code_of(lambda: world.repository.promote(NAME, "1.1.0", "staging")) in ("blob-missing", "blob-tampered")
    assert world.repository.publish(package, write=False).reasons == ("blobs restored",)
    assert world.repository.publish(package).reasons == ("blobs restored",)
    assert not world.repository.publish(package).changed
    assert world.repository.promote(NAME, "1.1.0", "staging").changed


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"",
    ],
    ids=["bit flipped", "truncated", "extended", "emptied"],
)
@pytest.mark.parametrize("victim", ["manifest", "unit"])
def test_a_damaged_package_is_not_published(
    world: World, victim: str, damage: collections.abc.Callable[[bytes], bytes], snapshot: Snapshot
) -> None:
    package = world.package("2.0.0")
    manifest = package.manifest()
    path = package.blob_path(manifest.digest if victim == "manifest" else manifest.units[0].blob.digest)
    path.write_bytes(damage(path.read_bytes()))
    before = snapshot(world.dml)
    assert code_of(lambda: world.repository.publish(package)) == "blob-digest-mismatch"
    assert snapshot(world.dml) == before


# --- check mode -------------------------------------------------------------------------------------------------------


def test_without_write_nothing_is_written(world: World, empty: World, snapshot: Snapshot) -> None:
    package = world.package("2.0.0")
    before = snapshot(world.base)
    assert world.repository.create(("chat",), ("ci",), write=False).changed
    assert world.repository.publish(package, write=False).changed
    assert world.repository.promote(NAME, "1.1.0", "staging", write=False).changed
    world.clock.advance(6)
    assert world.repository.refresh(write=False).changed
    assert snapshot(world.base) == before
    fresh = type(empty)(empty.base / "fresh", empty.clock)
    assert create(fresh, write=False).changed
    assert not fresh.base.exists()


def test_without_write_the_verdict_is_that_of_the_real_run(empty: World) -> None:
    predicted, done = create(empty, write=False), create(empty)
    assert predicted.reasons == done.reasons
    assert predicted.after == done.after
    package = empty.package()
    assert empty.repository.publish(package, write=False) == empty.repository.publish(package)
    predicted = empty.repository.promote(NAME, "1.0.0", "prod", write=False)
    assert predicted == empty.repository.promote(NAME, "1.0.0", "prod")


# --- expiry -----------------------------------------------------------------------------------------------------------


def test_what_is_about_to_expire_is_signed_anew(world: World) -> None:
    world.clock.advance(4)
    assert not world.repository.refresh().changed
    world.clock.advance(1)
    assert world.repository.refresh().reasons == ("role timestamp renewed",)
    world.clock.advance(300)
    reasons = world.repository.refresh().reasons
    assert {f"role {role} renewed" for role in ("root", "targets", "packages/mail", "snapshot")} <= set(reasons)
    assert not world.repository.refresh().changed
    assert world.client.resolve(NAME, None, "prod").version == "1.1.0"
    assert world.roles.metadata("root").signed.version == 2


def test_an_expired_dml_comes_back_by_a_refresh(world: World) -> None:
    world.clock.advance(4000)
    assert code_of(lambda: world.client.resolve(NAME, None, "prod")) == "metadata-expired"
    world.repository.refresh()
    assert world.client.resolve(NAME, None, "prod").version == "1.1.0"


def test_a_role_whose_key_is_elsewhere_is_named(world: World) -> None:
    (world.keys / "packages" / "mail.pem").unlink()
    world.clock.advance(170)
    change = world.repository.refresh()
    assert change.changed
    (warning,) = change.warnings
    assert "packages/mail" in warning


def test_the_expiry_of_a_dml_is_kept_and_can_be_changed(world: World) -> None:
    world.repository.create((), (), expiry={"timestamp": 2})
    assert world.roles.expiry == Expiry(timestamp=2)
    world.release("1.2.0")
    assert (world.roles.timestamp.signed.expires - world.clock()).days == 2
    assert not world.repository.create((), (), expiry={"timestamp": 2}).changed
    assert world.client.resolve(NAME, None, "prod").version == "1.2.0"


@pytest.mark.parametrize("days", [0, -1, 4000, True, "7"])
def test_days_that_are_none_are_refused(days: t.Any) -> None:
    assert code_of(lambda: Expiry(timestamp=days)) == "expiry-malformed"


# --- crashes and concurrency ------------------------------------------------------------------------------------------


class Crash(BaseException):
    """The machine stops here."""


def crash_after(monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    left = [writes]
    genuine = write_file

    def write(path: pathlib.Path, data: t.Any, **options: t.Any) -> None:
        if not left[0]:
            raise Crash
        left[0] -= 1
        genuine(path, data, **options)

    monkeypatch.setattr(repository, "write_file", write)


@pytest.mark.parametrize("writes", range(3))
def test_a_publisher_that_is_interrupted_leaves_what_was(
    world: World, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    package = world.package("2.0.0")
    with monkeypatch.context() as patch:
        crash_after(patch, writes)
        with pytest.raises(Crash):
            world.repository.publish(package)
    assert [found.version for found in world.client.versions(NAME)] == ["1.0.0", "1.1.0"]
    assert world.repository.publish(package).changed
    assert [found.version for found in world.client.versions(NAME)] == ["1.0.0", "1.1.0", "2.0.0"]


@pytest.mark.parametrize("writes", range(6))
def test_a_creator_that_is_interrupted_is_run_again(empty: World, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    with monkeypatch.context() as patch:
        crash_after(patch, writes)
        with pytest.raises(Crash):
            create(empty)
    assert code_of(empty.repository.refresh) == "dml-missing"
    assert create(empty).changed
    assert not create(empty).changed


@pytest.mark.parametrize("writes", range(7))
def test_a_renewal_that_is_interrupted_leaves_what_was(
    world: World, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    world.clock.advance(6.5)
    with monkeypatch.context() as patch:
        crash_after(patch, writes)
        with pytest.raises(Crash):
            world.repository.create(("chat",), (), expiry={"root": 300})
    assert world.client.resolve(NAME, None, "prod").version == "1.1.0"
    world.repository.create(("chat",), (), expiry={"root": 300})
    assert world.client.resolve(NAME, None, "prod").version == "1.1.0"
    assert world.roles.teams == ("calendar", "chat", "mail")


def test_publishers_at_once_take_turns(world: World) -> None:
    versions = [f"2.{number}.0" for number in range(4)]
    packages = [world.package(version) for version in versions]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(change.changed for change in pool.map(world.repository.publish, packages))
    assert [found.version for found in world.client.versions(NAME)] == ["1.0.0", "1.1.0", *versions]


def test_a_lock_that_is_never_given_back_is_named(world: World) -> None:
    world.limits = Limits(lock_wait=0)
    with exclusive(world.layout.lock, what="DML"):
        assert code_of(lambda: world.repository.promote(NAME, "1.1.0", "staging")) == "dml-busy"
        assert world.repository.promote(NAME, "1.1.0", "staging", write=False).changed
    assert world.repository.promote(NAME, "1.1.0", "staging").changed


# --- a publisher does not sign what others slipped in ----------------------------------------------------------------


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp", "packages/mail", "packages/calendar"])
def test_a_publisher_refuses_changed_metadata(world: World, role: str) -> None:
    layout, version = world.layout, world.roles.metadata(role).signed.version
    path = layout.timestamp if role == "timestamp" else layout.role(role, version)
    path.write_bytes(path.read_bytes().replace(b'"expires":"2', b'"expires":"3'))
    package = world.package("2.0.0")
    assert code_of(lambda: world.repository.publish(package)) == "metadata-tampered"


# --- keys -------------------------------------------------------------------------------------------------------------


def test_keys_are_for_their_owner_alone(world: World) -> None:
    assert {path.lstat().st_mode & 0o7777 for path in world.keys.rglob("*.pem")} == {0o600}
    assert {path.lstat().st_mode & 0o7777 for path in [world.keys, *world.keys.glob("*/")] if path.is_dir()} == {0o700}


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o710, 0o701, 0o777])
@pytest.mark.parametrize("which", [".", "packages/calendar.pem", "timestamp.pem"])
def test_keys_that_others_can_use_are_refused(world: World, which: str, mode: int, snapshot: Snapshot) -> None:
    package = world.package("2.0.0")
    (world.keys / which).chmod(mode)
    before = snapshot(world.dml)
    assert code_of(lambda: world.repository.publish(package)) == "keys-readable"
    assert snapshot(world.dml) == before


def test_a_keys_directory_that_others_can_use_gets_no_keys(empty: World) -> None:
    empty.keys.mkdir(mode=0o755)
    assert code_of(lambda: create(empty)) == "keys-readable"
    assert not empty.dml.exists()
    assert not list(empty.keys.iterdir())


def test_keys_inside_the_dml_are_refused(empty: World) -> None:
    for keys in (empty.dml, empty.dml / "keys", empty.dml / "x" / ".." / "keys"):
        assert code_of(functools.partial(Repository, empty.dml, keys)) == "keys-inside-dml"


PUBLISH_KEYS = ["packages/calendar.pem", "snapshot.pem", "timestamp.pem"]


@pytest.mark.parametrize("key", PUBLISH_KEYS)
def test_a_key_that_is_missing_is_named(world: World, key: str) -> None:
    package = world.package("2.0.0")
    (world.keys / key).unlink()
    assert code_of(lambda: world.repository.publish(package)) == "key-missing"


@pytest.mark.parametrize("key", PUBLISH_KEYS)
def test_the_key_of_another_role_is_refused(world: World, key: str) -> None:
    package = world.package("2.0.0")
    (world.keys / key).write_bytes((world.keys / "packages" / "mail.pem").read_bytes())
    assert code_of(lambda: world.repository.publish(package)) == "key-mismatch"


@pytest.mark.parametrize("contents", [b"", b"hello", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_named(world: World, contents: bytes) -> None:
    package = world.package("2.0.0")
    (world.keys / "timestamp.pem").write_bytes(contents)
    assert code_of(lambda: world.repository.publish(package)) == "key-malformed"


def test_only_the_keys_that_are_needed_are_asked_for(world: World) -> None:
    for path in [*world.keys.glob("root.pem"), *world.keys.glob("targets.pem"), *world.keys.glob("prod/*")]:
        path.unlink()
    assert world.repository.publish(world.package("2.0.0")).changed


def test_no_key_lies_in_the_dml(world: World) -> None:
    assert not [path for path in world.dml.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]


# --- the trusted root -------------------------------------------------------------------------------------------------


def test_the_trusted_root_is_written_and_kept_up_to_date(empty: World) -> None:
    path = empty.base / "trust" / "root.json"
    assert "trusted root written" in create(empty, trusted_root=path, write=False).reasons
    assert not path.exists()
    assert "trusted root written" in create(empty, trusted_root=path).reasons
    assert path.read_bytes() == empty.repository.trusted_root()
    assert not create(empty, trusted_root=path).changed
    empty.clock.advance(300)
    create(empty)
    assert create(empty, trusted_root=path).reasons == ("trusted root written",)


def test_the_trusted_root_of_another_dml_is_not_overwritten(world: World, empty: World, snapshot: Snapshot) -> None:
    path = world.base / "root.json"
    fresh = type(empty)(empty.base / "fresh", empty.clock)
    before = snapshot(world.base)
    for write in (False, True):
        call = functools.partial(create, fresh, trusted_root=path, write=write)
        assert code_of(call) == "trusted-root-other"
    assert snapshot(world.base) == before
    assert not fresh.base.exists()


def test_a_file_that_is_no_trusted_root_is_not_overwritten(world: World) -> None:
    path = world.base / "thesis.txt"
    path.write_text("precious", encoding="utf-8")
    assert code_of(lambda: create(world, trusted_root=path)) == "trusted-root-other"


# --- what is not there ------------------------------------------------------------------------------------------------


def test_a_dml_that_is_missing_is_named(empty: World, snapshot: Snapshot) -> None:
    package = empty.package()
    before = snapshot(empty.base)
    calls: list[collections.abc.Callable[[], t.Any]] = [
        lambda: empty.repository.publish(package),
        lambda: empty.repository.promote(NAME, "1.0.0", "prod"),
        empty.repository.refresh,
        empty.repository.trusted_root,
    ]
    for call in calls:
        assert code_of(call) == "dml-missing"
    assert snapshot(empty.base) == before


def test_a_directory_of_something_else_does_not_become_a_dml(empty: World, snapshot: Snapshot) -> None:
    empty.dml.mkdir()
    (empty.dml / "thesis.txt").write_text("precious", encoding="utf-8")
    before = snapshot(empty.dml)
    assert code_of(lambda: create(empty)) == "dml-incomplete"
    assert snapshot(empty.dml) == before


def test_a_dml_that_lost_its_timestamp_is_not_made_anew(world: World) -> None:
    world.layout.timestamp.unlink()
    assert code_of(lambda: create(world)) == "dml-incomplete"


@pytest.mark.parametrize(
    "name, version, environment, code",
    [
        ("nobody/radicale", "1.0.0", "prod", "team-unknown"),
        (NAME, "1.0.0", "moon", "environment-unknown"),
        (NAME, "9.9.9", "prod", "package-not-found"),
        ("calendar/other", "1.0.0", "prod", "package-not-found"),
    ],
)
def test_promoting_what_is_not_there_is_refused(
    world: World, name: str, version: str, environment: str, code: str
) -> None:
    assert code_of(lambda: world.repository.promote(name, version, environment)) == code


def test_publishing_for_an_unknown_team_is_refused(world: World) -> None:
    package = world.package(name="nobody/radicale")
    assert code_of(lambda: world.repository.publish(package)) == "team-unknown"
