# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the consumer's side promises: the newest that is promoted, a cache that mends itself, settings in one place."""

from __future__ import annotations

import collections.abc
import concurrent.futures
import functools
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml import Settings

if t.TYPE_CHECKING:
    from .conftest import World

NAME = "calendar/radicale"
Snapshot = collections.abc.Callable[..., dict[str, tuple[int, str]]]


def code_of(call: collections.abc.Callable[[], t.Any]) -> str:
    with pytest.raises(RelmgmtError) as caught:
        call()
    assert caught.value.hint
    return caught.value.code


def fetch(world: World) -> pathlib.Path:
    client = world.client
    return client.fetch(client.resolve(NAME, "1.1.0", "prod"), world.cache)


def test_a_package_is_fetched_whole(world: World) -> None:
    path = fetch(world)
    target = world.client.resolve(NAME, "1.1.0", "prod")
    assert path == world.cache / "packages" / target.digest[7:]
    assert (path / "units" / "app" / "app" / "hello.txt").read_text(encoding="utf-8") == "I am 1.1.0\n"
    assert (path / "config" / "schema.json").read_bytes() == b"{}"
    assert (path / "manifest.json").read_bytes() == world.package("1.1.0").manifest_bytes()
    assert target.to_dict() == {
        "name": NAME,
        "version": "1.1.0",
        "versioning": "semver",
        "type": "minor",
        "digest": target.digest,
    }


def test_versions_sort_as_their_scheme_says(world: World) -> None:
    for version in ("1.10.0", "1.9.0", "2.0.0-rc.1"):
        world.release(version)
    world.repository.publish(world.package("3.0.0"))
    world.repository.promote(NAME, "1.0.0", "staging")
    found = {found.version: found.environments for found in world.client.versions(NAME)}
    assert list(found) == ["1.0.0", "1.1.0", "1.9.0", "1.10.0", "2.0.0-rc.1", "3.0.0"]
    assert found["1.0.0"] == ("prod", "staging")
    assert found["3.0.0"] == ()
    assert world.client.resolve(NAME, None, "prod").version == "2.0.0-rc.1"
    assert world.client.resolve(NAME, None, "staging").version == "1.0.0"


def test_the_newest_of_two_schemes_is_not_guessed(world: World) -> None:
    world.release("26.11", versioning="calver")
    assert code_of(lambda: world.client.resolve(NAME, None, "prod")) == "versioning-mixed"
    assert world.client.resolve(NAME, "26.11", "prod").versioning == "calver"


def test_a_package_nobody_published_has_no_versions(world: World) -> None:
    assert world.client.versions("calendar/other") == []


def test_what_is_in_the_cache_is_not_fetched_again(world: World, snapshot: Snapshot) -> None:
    path = fetch(world)
    before = snapshot(world.cache)
    for blob in world.layout.blobs.iterdir():
        blob.unlink()
    assert fetch(world) == path
    assert snapshot(world.cache) == before


def test_a_fetch_goes_on_without_metadata_once_resolved(world: World) -> None:
    client = world.client
    target = client.resolve(NAME, "1.1.0", "prod")
    world.layout.timestamp.unlink()
    assert client.fetch(target, world.cache).is_dir()


def damaged_cache() -> dict[str, collections.abc.Callable[[pathlib.Path], t.Any]]:
    def hello(path: pathlib.Path) -> pathlib.Path:
        return path / "units" / "app" / "app" / "hello.txt"

    def largest(path: pathlib.Path) -> pathlib.Path:
        return max((path / "oci" / "blobs" / "sha256").iterdir(), key=lambda each: each.stat().st_size)

    def replace_by_link(path: pathlib.Path) -> None:
        hello(path).rename(path.parent / "elsewhere")
        hello(path).symlink_to(path.parent / "elsewhere")

    return {
        "file changed": lambda path: hello(path).write_bytes(b"I am 9.9.9\n"),
        "file extended": lambda path: hello(path).write_bytes(hello(path).read_bytes() + b"\n"),
        "file missing": lambda path: hello(path).unlink(),
        "file replaced by a link": replace_by_link,
        "mode changed": lambda path: hello(path).chmod(0o755),
        "file added": lambda path: (path / "units" / "app" / "evil.py").touch(),
        "link to a directory added": lambda path: (path / "units" / "app" / "evil").symlink_to("/etc"),
        "unit added": lambda path: (path / "units" / "evil").mkdir(),
        "template added": lambda path: (path / "config" / "evil.j2").touch(),
        "configuration changed": lambda path: (path / "config" / "schema.json").write_bytes(b"[]"),
        "something added": lambda path: (path / "evil").touch(),
        "manifest changed": lambda path: (path / "manifest.json").write_bytes(b"{}"),
        "manifest missing": lambda path: (path / "manifest.json").unlink(),
        "blob truncated": lambda path: largest(path).write_bytes(b""),
        "index changed": lambda path: (path / "oci" / "index.json").write_bytes(b"[]"),
    }


@pytest.mark.parametrize("damage", damaged_cache().values(), ids=damaged_cache())
def test_a_damaged_cache_is_mended(
    world: World, damage: collections.abc.Callable[[pathlib.Path], t.Any], snapshot: Snapshot
) -> None:
    path = fetch(world)
    before = snapshot(path)
    damage(path)
    target = world.client.resolve(NAME, "1.1.0", "prod")
    assert not world.client.cached(target, world.cache)
    assert fetch(world) == path
    assert world.client.cached(target, world.cache)
    assert snapshot(path) == before


def test_a_fetch_that_was_killed_leaves_no_trace(world: World, snapshot: Snapshot) -> None:
    path = fetch(world)
    before = snapshot(world.cache)
    path.rename(path.with_name(f".partial-{path.name}"))
    assert fetch(world) == path
    assert snapshot(world.cache) == before


def test_fetches_at_once_share_one_result(world: World) -> None:
    target = world.client.resolve(NAME, "1.1.0", "prod")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _number: world.client.fetch(target, world.cache), range(4)))
    assert len(paths) == 1
    assert [path.name for path in (world.cache / "packages").glob("*")] == [".lock", target.digest[7:]]


# --- settings ---------------------------------------------------------------------------------------------------------


def test_an_option_wins_over_the_environment() -> None:
    environ = {"RELMGMT_DML": "/env/dml", "RELMGMT_KEYS": "/env/keys", "RELMGMT_CACHE": "~/c"}
    settings = Settings.from_params({"dml": "/option/dml", "keys": None, "cache": ""}, environ=environ)
    assert settings.dml == pathlib.Path("/option/dml")
    assert settings.keys == pathlib.Path("/env/keys")
    assert settings.cache == pathlib.Path("~/c").expanduser()


def test_the_cache_has_a_default_and_the_rest_is_asked_for() -> None:
    settings = Settings.from_params({}, environ={})
    assert settings.cache == pathlib.Path("~/.cache/relmgmt").expanduser()
    for name in ("dml", "keys", "trusted_root"):
        assert code_of(functools.partial(getattr, settings, name)) == "setting-missing"


def settings_of(world: World) -> Settings:
    places = {"dml": world.dml, "trusted_root": world.base / "root.json", "cache": world.cache}
    return Settings.from_params({name: str(path) for name, path in places.items()}, environ={})


def test_without_write_not_even_the_trusted_state_is_written(world: World, snapshot: Snapshot) -> None:
    before = snapshot(world.base)
    with settings_of(world).client(write=False, clock=world.clock) as client:
        target = client.resolve(NAME, None, "prod")
        assert not client.cached(target, world.cache)
        assert len(client.versions(NAME)) == 2
    assert snapshot(world.base) == before


def test_without_write_what_was_seen_still_counts(world: World) -> None:
    older = world.layout.timestamp.read_bytes()
    world.release("1.2.0")
    with settings_of(world).client(clock=world.clock) as client:
        assert client.resolve(NAME, None, "prod").version == "1.2.0"
    world.layout.timestamp.write_bytes(older)
    for write in (False, True):
        with settings_of(world).client(write=write, clock=world.clock) as client:
            assert code_of(functools.partial(client.resolve, NAME, None, "prod")) == "metadata-rollback"


def test_a_trusted_root_that_is_missing_is_named(world: World) -> None:
    (world.base / "root.json").unlink()
    assert code_of(lambda: settings_of(world).client().__enter__()) == "trusted-root-missing"


def test_a_dml_that_is_missing_is_named(world: World) -> None:
    world.dml.rename(world.base / "elsewhere")
    assert code_of(lambda: world.client.versions(NAME)) == "dml-missing"
