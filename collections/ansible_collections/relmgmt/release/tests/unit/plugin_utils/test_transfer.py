# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections.abc
import io
import pathlib
import tarfile
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of, hex_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import IntegrityError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.plugin_utils._transfer import gather, pack, prepare, surplus, weigh

FILES = {"app/run": b"#!/bin/sh\n", "app/copy": b"#!/bin/sh\n", "app/empty": b"", "lib/module.py": b"VALUE = 1\n"}
RUN, MODULE = digest_of(FILES["app/run"]), digest_of(FILES["lib/module.py"])


class Cache:
    """A cache directory with packages of the given files; the path begins with the unit's name."""

    def __init__(self, packages: pathlib.Path) -> None:
        self.packages = packages

    def add(self, version: str, files: collections.abc.Mapping[str, bytes]) -> tuple[Manifest, pathlib.Path]:
        units = []
        for unit in sorted({path.partition("/")[0] for path in files}):
            own = {path.partition("/")[2]: data for path, data in files.items() if path.startswith(f"{unit}/")}
            entries: list[dict[str, t.Any]] = [
                {"path": path, "mode": "0644", "size": len(data), "digest": digest_of(data)}
                for path, data in own.items()
            ]
            links = [{"path": "latest", "link": min(own)}, {"path": "data", "state": "data"}]
            blob = {"digest": digest_of(b""), "size": 0}
            units.append({"name": unit, "kind": "files", "destination": unit, "blob": blob, "entries": entries + links})
        manifest = Manifest.from_dict(
            {
                "format": 1,
                "name": "web/shop",
                "version": version,
                "versioning": "semver",
                "type": "minor",
                "owner": "tests",
                "units": units,
                "config": {},
                "state": [{"name": "data"}],
                "runtime": {},
                "activation": "restart",
                "about": {},
            }
        )
        directory = self.packages / hex_of(manifest.digest)
        for path, data in files.items():
            (directory / "units" / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / "units" / path).write_bytes(data)
        (directory / "manifest.json").write_bytes(manifest.to_bytes())
        return manifest, directory


@pytest.fixture
def cache(tmp_path: pathlib.Path) -> Cache:
    return Cache(tmp_path)


def unpacked(payload: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(payload), mode="r:gz") as archive:
        return {"sha256:" + member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]  # files alone


def test_every_file_is_packed_once_under_its_digest(cache: Cache) -> None:
    manifest, directory = cache.add("1.0.0", FILES)
    assert unpacked(pack(manifest, directory, held=set())) == {
        RUN: FILES["app/run"],
        MODULE: FILES["lib/module.py"],
    }


@pytest.mark.parametrize(("held", "sent"), [(set(), {RUN, MODULE}), ({RUN}, {MODULE}), ({RUN, MODULE}, set())])
def test_what_the_host_has_is_not_sent(cache: Cache, held: set[str], sent: set[str]) -> None:
    manifest, directory = cache.add("1.0.0", FILES)
    assert set(unpacked(pack(manifest, directory, held=held))) == sent


@pytest.mark.parametrize("wanted", [set(), {RUN}, {RUN, MODULE}])
def test_what_a_host_asks_for_is_sent_and_nothing_else(cache: Cache, wanted: set[str]) -> None:
    manifest, directory = cache.add("1.0.0", FILES)
    data, lost = gather(manifest, directory, [], wanted)
    assert (set(unpacked(data)), lost) == (wanted, set())


def test_what_the_package_lacks_comes_from_the_one_before_it(cache: Cache) -> None:
    _old, before = cache.add("1.0.0", FILES)
    new, directory = cache.add("2.0.0", {"app/run": FILES["app/run"]})
    unheard = digest_of(b"unheard of")
    data, lost = gather(new, directory, [cache.packages / "nowhere", before], {RUN, MODULE, unheard})
    assert unpacked(data) == {RUN: FILES["app/run"], MODULE: FILES["lib/module.py"]}
    assert lost == {unheard}


def test_a_damaged_package_before_it_counts_as_one_that_is_not_there(cache: Cache) -> None:
    _old, before = cache.add("1.0.0", FILES)
    new, directory = cache.add("2.0.0", {"app/run": FILES["app/run"]})
    (before / "units" / "lib" / "module.py").write_bytes(b"VALUE = 2\n")
    assert gather(new, directory, [before], {MODULE})[1] == {MODULE}
    (before / "manifest.json").write_bytes(b"{")
    assert gather(new, directory, [before], {MODULE})[1] == {MODULE}


def test_the_same_files_are_the_same_bytes_but_for_the_time_of_compression(cache: Cache) -> None:
    manifest, directory = cache.add("1.0.0", FILES)
    first, second = (unpacked(pack(manifest, directory, held=set())) for _time in range(2))
    assert list(first.items()) == list(second.items())


def test_what_the_host_s_deployments_hold_is_known_from_the_cache(cache: Cache) -> None:
    old, directory = cache.add("1.0.0", FILES)
    new, _directory = cache.add("2.0.0", {"app/run": FILES["app/run"], "app/new": b"new"})
    held = [{"release": old.digest}, {"release": "sha256:" + "0" * 64}]
    found = surplus(held, directory.parent)
    assert found == {RUN, MODULE, digest_of(b"")}
    assert set(unpacked(pack(new, cache.packages / hex_of(new.digest), held=found))) == {digest_of(b"new")}


def test_a_host_that_holds_nothing_is_sent_everything(cache: Cache) -> None:
    _manifest, directory = cache.add("1.0.0", FILES)
    assert surplus([], directory.parent) == set()


@pytest.mark.parametrize("damage", ["changed", "extended", "missing"])
def test_a_damaged_cache_is_refused_and_the_file_is_named(cache: Cache, damage: str) -> None:
    manifest, directory = cache.add("1.0.0", FILES)
    path = directory / "units" / "lib" / "module.py"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"VALUE = 2\n" if damage == "changed" else FILES["lib/module.py"] + b"\n")
    with pytest.raises(IntegrityError) as caught:
        pack(manifest, directory, held=set())
    assert caught.value.code == "cache-damaged"
    assert str(path) in caught.value.message
    assert "package_fetch" in caught.value.hint


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}"])
def test_a_damaged_manifest_of_an_older_package_only_costs_bytes(cache: Cache, damage: bytes) -> None:
    old, _directory = cache.add("1.0.0", FILES)
    (cache.packages / hex_of(old.digest) / "manifest.json").write_bytes(damage)
    assert surplus([{"release": old.digest}], cache.packages) == set()


def test_what_is_weighed_is_what_is_sent_wherever_the_package_lies(tmp_path: pathlib.Path) -> None:
    cache, dry = Cache(tmp_path / "cache" / "packages"), Cache(tmp_path / "run" / "packages")
    old, before = cache.add("1", {"app/run": FILES["app/run"]})
    held = [{"release": old.digest}]
    dry.add("2", FILES)
    manifest, source = cache.add("2", FILES)
    own = dry.packages / hex_of(manifest.digest)
    weighed = [weigh(manifest, own, held, [before]), weigh(manifest, source, held, [])]
    assert not (tmp_path / "cache" / "transfers").exists()
    sent = prepare(manifest, source, held).stat().st_size
    assert [*weighed, weigh(manifest, source, held, [])] == [sent] * 3
    assert weigh(manifest, own, held, []) > sent  # where nobody has what the host runs
