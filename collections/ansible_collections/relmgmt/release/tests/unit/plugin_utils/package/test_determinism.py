# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same input gives the same bytes, wherever, whenever and by whomever it is built."""

from __future__ import annotations

import collections.abc
import os
import pathlib
import shutil
import time

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._package import build

Write = collections.abc.Callable[..., pathlib.Path]


def _contents(directory: pathlib.Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(directory)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in directory.rglob("*")
    }


def _copy_backwards(source: pathlib.Path, target: pathlib.Path) -> None:
    """A copy whose files are made in the other order, at another time, for other people."""
    for path in sorted(source.rglob("*"), reverse=True):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            place.symlink_to(os.readlink(path))
        elif path.is_file():
            shutil.copyfile(path, place)
            place.chmod(0o700 if os.access(path, os.X_OK) else 0o600)
            os.utime(place, (1, 1))


@pytest.fixture
def elsewhere() -> collections.abc.Iterator[None]:
    """Another umask and another time zone."""
    umask, zone = os.umask(0o077), os.environ.get("TZ")
    os.environ["TZ"] = "Pacific/Kiritimati"
    time.tzset()
    yield
    os.umask(umask)
    os.environ.pop("TZ")
    if zone is not None:
        os.environ["TZ"] = zone
    time.tzset()


@pytest.mark.parametrize("kind", ["files", "wheels"])
def test_two_builds_are_byte_identical(
    kind: str,
    project: pathlib.Path,
    write: Write,
    write_wheels: Write,
    make_wheel: collections.abc.Callable[..., str],
    tmp_path: pathlib.Path,
    request: pytest.FixtureRequest,
) -> None:
    path = write() if kind == "files" else write_wheels(make_wheel("two"), make_wheel("one"))
    first = build(path, tmp_path / "first")
    request.getfixturevalue("elsewhere")
    other = tmp_path / "other place" / "below"
    _copy_backwards(project, other)
    second = build(other / "release.yml", tmp_path / "second" / "layout")
    assert second.digest == first.digest
    assert _contents(tmp_path / "second" / "layout") == _contents(tmp_path / "first")


def test_the_digest_is_the_one_that_was_published(write: Write, tmp_path: pathlib.Path) -> None:
    """A new release of this code must not rename packages that exist; the blob alone depends on libzstd."""
    unit = build(write(), tmp_path / "out", write=False).manifest.units[0]
    assert unit.digest == "sha256:4d7c0ec5a835ae437dfc512e933fff4208512b4aecced69315f775073d1a12bf"


def test_second_build_changes_nothing(write: Write, tmp_path: pathlib.Path) -> None:
    path = write()
    assert build(path, tmp_path / "out").changed
    before = (tmp_path / "out").stat().st_ino
    again = build(path, tmp_path / "out")
    assert not again.changed
    assert again.before == again.manifest
    assert (tmp_path / "out").stat().st_ino == before


def test_check_says_what_the_build_then_does(project: pathlib.Path, write: Write, tmp_path: pathlib.Path) -> None:
    path = write()
    predicted = build(path, tmp_path / "out", write=False)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["project"]
    assert build(path, tmp_path / "out") == predicted
    (project / "src" / "run").write_text("other")
    predicted = build(path, tmp_path / "out", write=False)
    assert predicted.changed
    assert build(path, tmp_path / "out") == predicted


def test_damaged_output_is_built_anew(write: Write, tmp_path: pathlib.Path) -> None:
    path = write()
    built = build(path, tmp_path / "out")
    blob = tmp_path / "out" / "blobs" / "sha256" / built.manifest.units[0].blob.digest[7:]
    blob.write_bytes(b"")
    assert build(path, tmp_path / "out").changed
    assert blob.stat().st_size == built.manifest.units[0].blob.size
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "project"]


def test_how_a_release_becomes_current_is_part_of_what_a_host_is_told(write: Write, tmp_path: pathlib.Path) -> None:
    def told(**declared: object) -> object:
        return build(write(**declared), tmp_path / "out", write=False).manifest.runtime.get("reboot")

    assert told() is None
    assert told(activation="reboot") == {}
    assert told(activation="reboot", reboot={"timeout": 60}) == {"timeout": 60}
