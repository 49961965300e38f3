# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files by digest, and the trees that are made of them (private).

An object is (digest, mode, owner): a hard link shares all three. A placed file shares an inode with its object only
where nobody who runs could write through it; else its blocks are shared by reflink where the file system can, else
copied.

Paths of single files are plain text: there are thousands, and ``pathlib`` would cost more than all else.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import pathlib
import stat
import typing as t

from .._model.digest import CHUNK, digest_stream, hex_of
from .._model.errors import IntegrityError, RelmgmtError
from .._model.manifest import Entry, Unit
from .disk import Disk
from .instance import NeedObjects
from .plain import owner_of
from .tree import FOLDER_MODE, is_folder, link_of, placed_mode, put_right, wrong_paths

__all__ = ["Objects", "mtime_of"]

FICLONE = 0x40049409  # linux/fs.h
EPOCH = 1_600_000_000
SPREAD = 1 << 28


def mtime_of(digest: str) -> int:
    """Seconds since 1970, a function of the contents alone.

    A constant would make servers answer "not modified" for a changed file and let Python run old bytecode.
    """
    return EPOCH + int(hex_of(digest)[:16], 16) % SPREAD


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
        self._wrong: dict[str, list[str]] = {}
        self._read: dict[tuple[int, int], str] = {}
        self._index: dict[str, list[str]] | None = None

    def name(self, entry: Entry) -> str:
        return f"{hex_of(entry.digest)}-{placed_mode(entry):04o}-{os.geteuid()}"

    def tree(self, unit: Unit) -> pathlib.Path:
        """Where the unit's tree is, or would be."""
        return self._disk.path("units", hex_of(unit.digest))

    def verify(self, unit: Unit) -> list[str]:
        """Paths of the unit's tree that are not as the manifest says, as ``wrong_paths`` names them. Read once."""
        if unit.digest not in self._wrong:
            owner = owner_of(self._disk.root)
            self._wrong[unit.digest] = wrong_paths(self.tree(unit), unit, owner=owner, read=self._read)
        return self._wrong[unit.digest]

    def lacking(self, units: t.Iterable[Unit]) -> list[Unit]:
        """The units whose trees are not here, or not as the manifest says; each once."""
        return [unit for unit in {unit.digest: unit for unit in units}.values() if self.verify(unit)]

    def wanted(self, unit: Unit) -> list[Entry]:
        """The entries of the unit that its tree lacks, or holds other than they should be."""
        wrong = set(self.verify(unit))
        return [entry for entry in unit.entries if entry.path in wrong]

    def missing(self, units: t.Iterable[Unit], *, read: bool = False) -> dict[str, list[str]]:
        """Files that the units' trees need and that are not here: digest → where they belong.

        ``read``: what is here only counts if it is whole. Else that turns out when it is used, which is cheaper.
        """
        found: dict[str, list[str]] = {}
        for unit in units:
            tree = "units/" + hex_of(unit.digest)
            for entry in self.wanted(unit):
                if entry.is_file and entry.size and not any(_has(path, entry, read) for path in self._sources(entry)):
                    found.setdefault(entry.digest, []).append(f"{tree}/{entry.path}")
        return found

    def receive(self, payload: t.BinaryIO, units: t.Iterable[Unit]) -> None:
        """Take files from a tar stream whose members are named by the hex digits of their digest.

        Raises:
            IntegrityError: a member is not one that the manifest lists, or its bytes are not (``object-tampered``);
                the stream is cut short or no tar (``transfer-damaged``).
        """
        import tarfile
        import zlib

        wanted: dict[str, dict[str, Entry]] = {}
        for unit in units:
            for entry in unit.entries:
                if entry.is_file:
                    wanted.setdefault(hex_of(entry.digest), {})[self.name(entry)] = entry
        self._disk.make_directory("objects")
        try:
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
        except (EOFError, tarfile.TarError, zlib.error) as exc:
            raise IntegrityError("transfer-damaged", f"the transfer cannot be unpacked: {exc}") from exc

    def _take(self, source: t.BinaryIO, entries: list[Entry]) -> None:
        first = self._object(entries[0])
        if os.path.exists(first):
            os.unlink(first)
        if not _copy(source, first, entries[0].digest):
            os.unlink(first)
            raise IntegrityError("object-tampered", f"{entries[0].path} arrived with other bytes than its digest names")
        self._finish(first, entries[0])
        for entry in entries[1:]:
            import shutil

            other = self._object(entry)
            shutil.copyfile(first, other)
            self._finish(other, entry)
        self._fresh.update(self.name(entry) for entry in entries)

    def build(self, unit: Unit) -> pathlib.Path:
        """Make what the unit's tree lacks under a temporary name, to be flushed and then settled.

        Raises:
            NeedObjects: files that it needs are not here, or damaged.
        """
        tree = self._disk.temporary("units", hex_of(unit.digest))
        directories = {str(tree)}
        unfound = []
        for entry in self.wanted(unit):
            path = f"{tree}/{entry.path}"
            directory = os.path.dirname(path)
            if directory not in directories:
                os.makedirs(directory, exist_ok=True)
                directories.add(directory)
            if not entry.is_file:
                os.symlink(link_of(entry), path)
            elif not self._place(entry, path):
                unfound.append(entry.digest)
        if unfound:
            raise NeedObjects(unfound)
        if not is_folder(self.tree(unit)):
            for directory, _names, _files in os.walk(str(tree), topdown=False):
                if directory != str(tree):
                    os.chmod(directory, FOLDER_MODE)
        return tree

    def settle(self, tree: pathlib.Path, unit: Unit) -> None:
        """Give a built and flushed tree its name, or its files their names in the tree that stands there."""
        name = hex_of(unit.digest)
        if is_folder(self.tree(unit)):
            put_right(self._disk, ("units", name), tree, unit, self.verify(unit))
        else:
            self._disk.settle(tree, "units", name, mode=FOLDER_MODE)
        self._wrong[unit.digest] = []

    def _place(self, entry: Entry, path: str) -> bool:
        name, source = self.name(entry), self._object(entry)
        if not entry.size:
            with open(path, "xb"):
                pass
        elif name in self._fresh and not self._shared:
            # Another entry of this tree may want the same bytes: from now on they are found at this one.
            os.rename(source, path)
            self._fresh.discard(name)
            self._placed().setdefault(entry.digest, []).append(path)
            return True
        elif self._shared and self._link(source, path, entry):
            return True
        elif not any(self._copy(known, path, entry) for known in self._sources(entry)):
            return False
        self._finish(path, entry)
        return True

    def _object(self, entry: Entry) -> str:
        return f"{self._disk.root}/objects/{self.name(entry)}"

    def _link(self, source: str, path: str, entry: Entry) -> bool:
        if not _has(source, entry, read=True):
            return False
        try:
            os.link(source, path)
        except OSError:  # too many links, or a file system without: a copy is as good
            return False
        return True

    def _copy(self, source: str, path: str, entry: Entry) -> bool:
        if not _has(source, entry, read=False):
            return False
        try:
            if self._reflinks and _reflink(source, path):
                whole = _has(path, entry, read=True)
            else:
                self._reflinks = False
                with open(source, "rb") as stream:
                    whole = _copy(stream, path, entry.digest)
        except OSError as exc:
            if exc.errno != errno.EIO:  # the disk does not give it back: another source may
                raise
            whole = False
        if not whole and os.path.exists(path):
            os.unlink(path)
        return whole

    def _sources(self, entry: Entry) -> list[str]:
        """Where a file with the entry's bytes should lie; one that is in its place may only have lost its mode."""
        return [self._object(entry), *self._placed().get(entry.digest, ())]

    def _placed(self) -> dict[str, list[str]]:
        """Where in the trees that are here a file of a digest lies; its bytes are verified when they are used."""
        if self._index is None:
            self._index = {}
            for release in self._disk.names("releases"):
                with contextlib.suppress(RelmgmtError, LookupError, TypeError, ValueError):  # a damaged manifest
                    for unit in self._disk.read_json("releases", release, "manifest.json")["units"]:
                        tree = self._disk.path("units", hex_of(unit["digest"]))
                        for entry in unit["entries"] if tree.is_dir() else ():
                            if "digest" in entry:
                                self._index.setdefault(entry["digest"], []).append(f"{tree}/{entry['path']}")
        return self._index

    @staticmethod
    def _finish(path: str, entry: Entry) -> None:
        os.chmod(path, placed_mode(entry))
        os.utime(path, (mtime_of(entry.digest),) * 2)

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


def _has(path: str, entry: Entry, read: bool) -> bool:
    """Whether the path holds a file of the entry's size; ``read``: with its bytes."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
            return False
        if not read:
            return True
        with open(path, "rb") as stream:
            return digest_stream(stream)[0] == entry.digest
    except OSError:
        return False


def _copy(source: t.BinaryIO, target: str, digest: str) -> bool:
    """Copy what is left of the stream into a new file; whether it is what the digest names."""
    sha = hashlib.sha256()
    with open(target, "xb") as stream:
        for chunk in iter(lambda: source.read(CHUNK), b""):
            sha.update(chunk)
            stream.write(chunk)
    return "sha256:" + sha.hexdigest() == digest


def _reflink(source: str, target: str) -> bool:
    """Share the blocks, not the inode. False where the file system cannot."""
    with open(source, "rb") as reader, open(target, "wb") as writer:
        try:
            fcntl.ioctl(writer.fileno(), FICLONE, reader.fileno())
        except OSError:
            os.unlink(target)
            return False
    return True
