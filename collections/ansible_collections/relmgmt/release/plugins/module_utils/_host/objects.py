# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files by digest, and the trees that are made of them (private).

An object is (digest, mode, owner): a hard link shares all three. A placed file shares an inode with its object only
where
nobody who runs could write through it; else its blocks are shared by reflink where the file system can, else copied.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import shutil
import tarfile
import typing as t

from .._model.digest import CHUNK, digest_stream, hex_of
from .._model.errors import IntegrityError
from .._model.manifest import Entry, Unit
from .disk import Disk
from .instance import NeedObjects

__all__ = ["Objects", "mtime_of"]

FICLONE = 0x40049409  # linux/fs.h
EPOCH = 1_600_000_000
SPREAD = 1 << 28


def mtime_of(digest: str) -> int:
    """Seconds since 1970, a function of the contents alone.

    A constant would make servers answer "not modified" for a changed file and let Python run old bytecode.
    """
    return EPOCH + int(hex_of(digest)[:16], 16) % SPREAD


def placed_mode(entry: Entry) -> int:
    """Trees are read-only."""
    return int(entry.mode, 8) & 0o555


class Objects:
    """``objects/`` and ``units/`` of an instance.

    ``shared``: files are hard-linked into trees and stay in ``objects/``. Else every tree has files of its own: what
    arrives is moved into the first tree that needs it and copied from there into later ones.
    """

    def __init__(self, disk: Disk, *, shared: bool) -> None:
        self._disk = disk
        self._shared = shared
        self._fresh: set[str] = set()
        self._reflinks = True
        self._bad: set[pathlib.Path] = set()
        self._index: dict[str, pathlib.Path] | None = None

    def name(self, entry: Entry) -> str:
        return f"{hex_of(entry.digest)}-{placed_mode(entry):04o}-{os.geteuid()}"

    def lacking(self, units: t.Iterable[Unit]) -> list[Unit]:
        """The units whose trees are not here, or not as the manifest says."""
        return [unit for unit in units if not self._disk.exists("units", hex_of(unit.digest)) or self.verify(unit)]

    def missing(self, units: t.Iterable[Unit]) -> set[str]:
        """Digests of the files that are needed to build the units' trees and are not here."""
        objects = set(self._disk.names("objects"))
        wanted = {
            entry.digest
            for unit in units
            for entry in unit.entries
            if entry.is_file and entry.size and self.name(entry) not in objects
        }
        return wanted - set(self._placed()) if wanted else wanted

    def receive(self, payload: t.BinaryIO, units: t.Iterable[Unit]) -> None:
        """Take files from a tar stream whose members are named by the hex digits of their digest.

        Raises:
            IntegrityError: a member is not one that the manifest lists, or its bytes are not (``object-tampered``).
        """
        wanted: dict[str, dict[str, Entry]] = {}
        for unit in units:
            for entry in unit.entries:
                if entry.is_file:
                    wanted.setdefault(hex_of(entry.digest), {})[self.name(entry)] = entry
        self._disk.make_directory("objects")
        with tarfile.open(fileobj=payload, mode="r|*") as archive:
            for member in archive:
                entries = list(wanted.get(member.name, {}).values())
                source = archive.extractfile(member) if member.isfile() else None
                if not entries or source is None or member.size != entries[0].size:
                    raise IntegrityError(
                        "object-tampered",
                        f"the transfer holds {member.name!r}, which the manifest does not list",
                    )
                self._take(t.cast(t.BinaryIO, source), entries)

    def _take(self, source: t.BinaryIO, entries: list[Entry]) -> None:
        first = self._disk.path("objects", self.name(entries[0]))
        if first.exists():
            first.unlink()
        if not _copy(source, first, entries[0].digest):
            raise IntegrityError("object-tampered", f"{entries[0].path} arrived with other bytes than its digest names")
        self._finish(first, entries[0])
        for entry in entries[1:]:
            other = self._disk.path("objects", self.name(entry))
            shutil.copyfile(str(first), str(other))
            self._finish(other, entry)
        self._fresh.update(self.name(entry) for entry in entries)

    def build(self, unit: Unit) -> pathlib.Path:
        """Make the unit's tree under a temporary name, to be flushed and then settled.

        Raises:
            NeedObjects: a file that it needs is damaged here.
        """
        tree = self._disk.temporary("units", hex_of(unit.digest))
        directories = {tree}
        for entry in unit.entries:
            path = tree / entry.path
            if path.parent not in directories:
                path.parent.mkdir(parents=True, exist_ok=True)
                directories.add(path.parent)
            if entry.link:
                os.symlink(entry.link, str(path))
            elif entry.state:
                os.symlink("../" * (entry.path.count("/") + 2) + "state/" + entry.state, str(path))
            else:
                self._place(entry, path)
        for directory, _names, _files in os.walk(str(tree), topdown=False):
            if directory != str(tree):
                os.chmod(directory, 0o555)
        return tree

    def settle(self, tree: pathlib.Path, unit: Unit) -> None:
        """Give a built and flushed tree its name."""
        self._disk.settle(tree, "units", hex_of(unit.digest), mode=0o555)

    def _place(self, entry: Entry, path: pathlib.Path) -> None:
        name = self.name(entry)
        source = self._disk.path("objects", name)
        if not entry.size:
            path.touch()
        elif name in self._fresh and not self._shared:
            # Another entry of this tree may want the same bytes: from now on they are found at this one.
            source.rename(path)
            self._fresh.discard(name)
            self._placed().setdefault(entry.digest, path)
            return
        elif self._shared and source.exists() and self._link(source, path, entry):
            return
        else:
            self._copy(source if source.exists() else self._placed().get(entry.digest), path, entry)
        self._finish(path, entry)

    def _link(self, source: pathlib.Path, path: pathlib.Path, entry: Entry) -> bool:
        with open(str(source), "rb") as stream:
            if digest_stream(stream)[0] != entry.digest:
                return False
        try:
            os.link(str(source), str(path))
        except OSError:  # too many links, or a file system without: a copy is as good
            return False
        return True

    def _copy(self, source: pathlib.Path | None, path: pathlib.Path, entry: Entry) -> None:
        if source is None:
            raise NeedObjects([entry.digest])
        if self._reflinks and _reflink(source, path):
            with open(str(path), "rb") as stream:
                whole = digest_stream(stream)[0] == entry.digest
        else:
            self._reflinks = False
            with open(str(source), "rb") as stream:
                whole = _copy(stream, path, entry.digest)
        if not whole:
            raise NeedObjects([entry.digest])

    def _placed(self) -> dict[str, pathlib.Path]:
        """Where in the trees that are here a file of a digest lies; its bytes are verified when they are used."""
        if self._index is None:
            self._index = {}
            for release in self._disk.names("releases"):
                manifest = self._disk.read_json("releases", release, "manifest.json") or {"units": ()}
                for unit in manifest["units"]:
                    tree = self._disk.path("units", hex_of(unit["digest"]))
                    for entry in unit["entries"] if tree.is_dir() else ():
                        if "digest" in entry and tree / entry["path"] not in self._bad:
                            self._index.setdefault(entry["digest"], tree / entry["path"])
        return self._index

    @staticmethod
    def _finish(path: pathlib.Path, entry: Entry) -> None:
        os.chmod(str(path), placed_mode(entry))
        os.utime(str(path), (mtime_of(entry.digest),) * 2)

    def verify(self, unit: Unit) -> list[str]:
        """Paths of the unit's tree that are not as the manifest says: changed, missing, or not listed."""
        tree = self._disk.path("units", hex_of(unit.digest))
        wrong = []
        listed = {entry.path: entry for entry in unit.entries}
        for directory, names, files in os.walk(str(tree)):
            for name in files + [name for name in names if os.path.islink(os.path.join(directory, name))]:
                path = pathlib.Path(directory, name)
                found = listed.pop(str(path.relative_to(tree)), None)
                if found is None or not _same(path, found):
                    wrong.append(str(path.relative_to(tree)))
        self._bad.update(tree / path for path in wrong)
        return sorted(wrong + list(listed))

    def remove(self, keep: t.Iterable[Unit]) -> list[str]:
        """Remove what the units to keep do not need; returns the names."""
        units = list(keep)
        trees = {hex_of(unit.digest) for unit in units}
        files = {self.name(entry) for unit in units for entry in unit.entries if entry.is_file}
        removed = []
        for directory, kept in (("units", trees), ("objects", files)):
            for name in self._disk.names(directory):
                if name not in kept:
                    self._disk.remove(directory, name)
                    removed.append(f"{directory}/{name}")
        return removed


def _same(path: pathlib.Path, entry: Entry) -> bool:
    if path.is_symlink():
        return bool(entry.state) or os.readlink(str(path)) == entry.link
    if not entry.is_file or path.stat().st_mode & 0o777 != placed_mode(entry):
        return False
    with open(str(path), "rb") as stream:
        return digest_stream(stream) == (entry.digest, entry.size)


def _copy(source: t.BinaryIO, target: pathlib.Path, digest: str) -> bool:
    """Copy what is left of the stream into a new file; False, and no file, if it is not what the digest names."""
    sha = hashlib.sha256()
    with open(str(target), "xb") as stream:
        for chunk in iter(lambda: source.read(CHUNK), b""):
            sha.update(chunk)
            stream.write(chunk)
    if "sha256:" + sha.hexdigest() != digest:
        target.unlink()
        return False
    return True


def _reflink(source: pathlib.Path, target: pathlib.Path) -> bool:
    """Share the blocks, not the inode. False where the file system cannot."""
    with open(str(source), "rb") as reader, open(str(target), "wb") as writer:
        try:
            fcntl.ioctl(writer.fileno(), FICLONE, reader.fileno())
        except OSError:
            os.unlink(str(target))
            return False
    return True
