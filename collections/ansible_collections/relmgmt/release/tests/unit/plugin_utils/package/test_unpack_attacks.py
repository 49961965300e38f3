# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blobs that are not what the manifest says, although all digests of the layout are right: refused by name."""

from __future__ import annotations

import collections.abc
import dataclasses
import io
import pathlib
import tarfile

import pytest
import zstandard

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError, IntegrityError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Blob, Entry, Manifest, Unit
from ansible_collections.relmgmt.release.plugins.plugin_utils._package import Layout, Limits, build, unpack

Member = tuple[str, bytes, bytes]  # name, tar type, contents or link target
GOOD: list[Member] = [("a", tarfile.REGTYPE, b"first"), ("b/c", tarfile.REGTYPE, b"second")]


def _tar(members: list[Member]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, kind, data in members:
            header = tarfile.TarInfo(name)
            header.type = kind
            if kind == tarfile.REGTYPE:
                header.size = len(data)
            else:
                header.linkname = data.decode()
            archive.addfile(header, io.BytesIO(data))
    return buffer.getvalue()


def _compress(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def _layout(directory: pathlib.Path, blob: bytes, entries: tuple[Entry, ...]) -> Layout:
    """A layout that is sound in itself, with this blob for these entries: what a malicious publisher can make."""
    unit = Unit("app", "files", "app", Blob(digest_of(blob), len(blob)), entries)
    manifest = Manifest("web/shop", "1.0.0", "semver", "minor", "Web team", (unit,))
    (directory / "blob").write_bytes(blob)
    return Layout.write(directory / "layout", manifest, {digest_of(blob): directory / "blob"})


ENTRIES = tuple(Entry(name, size=len(data), digest=digest_of(data)) for name, _kind, data in GOOD)


def test_good_blob_is_unpacked(tmp_path: pathlib.Path) -> None:
    layout = _layout(tmp_path, _compress(_tar(GOOD)), ENTRIES)
    unpack(layout, tmp_path / "out")
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert found == ["manifest.json", "units/app/a", "units/app/b/c"]
    assert (tmp_path / "out" / "units" / "app" / "b" / "c").read_bytes() == b"second"
    assert (tmp_path / "out" / "manifest.json").read_bytes() == layout.manifest_bytes()


ATTACKS: dict[str, list[Member]] = {
    "a path that climbs out": [*GOOD, ("../evil", tarfile.REGTYPE, b"x")],
    "an absolute path": [*GOOD, ("/tmp/evil", tarfile.REGTYPE, b"x")],
    "a second spelling of a path": [GOOD[0], ("./b/c", tarfile.REGTYPE, b"second")],
    "a symbolic link": [GOOD[0], ("b/c", tarfile.SYMTYPE, b"/etc/passwd")],
    "a hard link": [GOOD[0], ("b/c", tarfile.LNKTYPE, b"a")],
    "a link in place of a directory": [GOOD[0], ("b", tarfile.SYMTYPE, b"/tmp"), GOOD[1]],
    "a character device": [GOOD[0], ("b/c", tarfile.CHRTYPE, b"")],
    "a block device": [GOOD[0], ("b/c", tarfile.BLKTYPE, b"")],
    "a pipe": [GOOD[0], ("b/c", tarfile.FIFOTYPE, b"")],
    "a directory": [GOOD[0], ("b", tarfile.DIRTYPE, b""), GOOD[1]],
    "an extra file": [*GOOD, ("d", tarfile.REGTYPE, b"x")],
    "a file that is there twice": [*GOOD, GOOD[0]],
    "a missing file": [GOOD[0]],
    "nothing in it": [],
    "one bit flipped": [GOOD[0], ("b/c", tarfile.REGTYPE, b"secone")],
    "a shorter file": [GOOD[0], ("b/c", tarfile.REGTYPE, b"secon")],
    "a longer file": [GOOD[0], ("b/c", tarfile.REGTYPE, b"seconds")],
}


def _refused(tmp_path: pathlib.Path, blob: bytes) -> IntegrityError:
    layout = _layout(tmp_path, blob, ENTRIES)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(IntegrityError) as caught:
        unpack(layout, tmp_path / "out")
    assert caught.value.code == "unit-contents-mismatch"
    assert "unit app" in caught.value.message
    assert caught.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "out"])
    assert not (tmp_path / "out" / "manifest.json").exists()
    return caught.value


@pytest.mark.parametrize("attack", ATTACKS)
def test_blob_is_refused_for(attack: str, tmp_path: pathlib.Path) -> None:
    _refused(tmp_path, _compress(_tar(ATTACKS[attack])))


def _bomb(size: int) -> bytes:
    return _compress(_tar(GOOD) + bytes(size))


DAMAGED: dict[str, collections.abc.Callable[[], bytes]] = {
    "a truncated frame": lambda: _compress(_tar(GOOD))[:-5],
    "a truncated tar": lambda: _compress(_tar(GOOD)[:600]),
    "a changed checksum": lambda: _compress(_tar(GOOD))[:-1] + b"\0",
    "something else": lambda: b"not zstandard at all",
    "no bytes": lambda: b"",
    "a bomb behind the files": lambda: _bomb(64 << 20),
    "a bomb in a file": lambda: _compress(_tar([GOOD[0], ("b/c", tarfile.REGTYPE, bytes(64 << 20))])),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_blob_is_refused_for_being(damage: str, tmp_path: pathlib.Path) -> None:
    _refused(tmp_path, DAMAGED[damage]())


def test_package_beyond_the_limits_is_refused(tmp_path: pathlib.Path) -> None:
    layout = _layout(tmp_path, _compress(_tar(GOOD)), ENTRIES)
    with pytest.raises(IntegrityError, match="larger than allowed"):
        unpack(layout, tmp_path / "out", limits=Limits(unit_bytes=10))


def test_links_are_left_to_the_host(tmp_path: pathlib.Path) -> None:
    layout = _layout(tmp_path, _compress(_tar(GOOD)), (*ENTRIES, Entry("l", link="a"), Entry("s", state="data")))
    unpack(layout, tmp_path / "out")
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))


def test_modes_are_those_of_the_manifest(tmp_path: pathlib.Path) -> None:
    entries = (dataclasses.replace(ENTRIES[0], mode="0755"), ENTRIES[1])
    unpack(_layout(tmp_path, _compress(_tar(GOOD)), entries), tmp_path / "out")
    modes = [(tmp_path / "out/units/app" / entry.path).stat().st_mode & 0o777 for entry in entries]
    assert modes == [0o755, 0o644]


def test_directory_that_is_not_empty_is_left_alone(
    write: collections.abc.Callable[..., pathlib.Path], tmp_path: pathlib.Path
) -> None:
    build(write(), tmp_path / "layout")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter").write_text("dear")
    with pytest.raises(InputError) as caught:
        unpack(Layout(tmp_path / "layout"), tmp_path / "out")
    assert caught.value.code == "output-foreign"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["letter"]


def test_configuration_is_unpacked_apart(
    write: collections.abc.Callable[..., pathlib.Path], tmp_path: pathlib.Path
) -> None:
    build(write(), tmp_path / "layout")
    unpack(Layout(tmp_path / "layout"), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out" / "config").iterdir()) == [
        "config.schema.json",
        "shop.ini.j2",
    ]
