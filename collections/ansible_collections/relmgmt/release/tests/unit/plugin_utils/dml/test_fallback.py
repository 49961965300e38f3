# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packages of what hosts run: had where that is possible, and no error where it is not."""

from __future__ import annotations

import collections.abc
import contextlib
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._dml import Client, Settings
from ansible_collections.relmgmt.release.plugins.plugin_utils._fallback import find_packages

from .conftest import NAME, World, tree


class Places(Settings):
    """The places of a world, at its time; counts how often its DML was opened."""

    opened: t.ClassVar[list[bool]] = []
    clock: t.ClassVar[t.Any] = None

    @contextlib.contextmanager
    def client(self, *, write: bool = True, **_limits: t.Any) -> collections.abc.Iterator[Client]:
        self.opened.append(write)
        with super().client(write=write, clock=self.clock) as client:
            yield client


@pytest.fixture
def places(world: World) -> Places:
    Places.opened, Places.clock = [], world.clock
    return Places({"dml": world.dml, "trusted_root": world.base / "root.json", "cache": world.cache})


def release_of(world: World, version: str) -> str:
    return world.client.resolve(NAME, version, "prod").digest


def find(places: Places, releases: dict[str, str], cache: pathlib.Path | None = None) -> dict[str, pathlib.Path]:
    return find_packages(places, releases, package=NAME, environment="prod", cache=cache)


def test_what_the_cache_holds_is_found_there_without_the_dml(world: World, places: Places) -> None:
    path = world.client.fetch(world.client.resolve(NAME, "1.0.0", "prod"), world.cache)
    assert find(places, {release_of(world, "1.0.0"): "1.0.0"}) == {release_of(world, "1.0.0"): path}
    assert places.opened == []


def test_what_the_cache_lacks_is_fetched_once(world: World, places: Places) -> None:
    releases = {release_of(world, version): version for version in ("1.0.0", "1.1.0")}
    found = find(places, releases)
    assert {digest: (path / "units" / "app" / "app" / "hello.txt").read_text() for digest, path in found.items()} == {
        digest: f"I am {version}\n" for digest, version in releases.items()
    }
    assert find(places, releases) == found
    assert places.opened == [True]


def test_a_dry_run_writes_to_its_own_cache_alone(world: World, places: Places, tmp_path: pathlib.Path) -> None:
    release = release_of(world, "1.0.0")
    before = tree(world.base)
    found = find(places, {release: "1.0.0"}, tmp_path / "own")
    assert [path.is_relative_to(tmp_path / "own") for path in found.values()] == [True]
    assert tree(world.base) == before


def test_what_the_dml_does_not_have_any_more_is_no_error(world: World, places: Places) -> None:
    known = release_of(world, "1.0.0")
    unknown = {"sha256:" + "0" * 64: "0.9.0", "sha256:" + "1" * 64: "1.1.0", "../../etc": "../../etc"}
    assert set(find(places, {**unknown, known: "1.0.0"})) == {known}


@pytest.mark.parametrize("place", ["dml", "trusted_root"])
def test_a_dml_that_cannot_be_asked_is_no_error(world: World, places: Places, place: str) -> None:
    lost = Places({**places.places, place: world.base / "nowhere"})
    assert find(lost, {release_of(world, "1.0.0"): "1.0.0"}) == {}
