# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place of the engine that writes files: atomic, durable, below one directory (private).

Every other file of the engine names paths relative to the instance's directory and asks this class. Single files are
written by temporary file, fsync, rename, fsync of the directory; trees are written below a temporary name, flushed once
by ``flush`` and renamed. What a method finds done already may be what a killed one left: it makes it durable all the
same.

The file system is reached through functions of ``os`` alone, so that the tests can put one underneath that loses what
was not synced.
"""

from __future__ import annotations

import errno
import json
import os
import pathlib
import stat
import typing as t

from .._model.errors import BackendError

__all__ = ["TEMPORARY", "Disk", "existing"]

TEMPORARY = ".tmp-"
_CHUNK = 1 << 20
_RESERVE, _RESERVE_BYTES = "reserve", 128 << 10


class Disk:
    """The instance's directory, or another one that files are written below.

    spare: whose reserve is given up where there is no room; its own if there is none."""

    def __init__(self, root: pathlib.Path, *, spare: Disk | None = None) -> None:
        self.root = root
        self._spare = spare or self

    def path(self, *parts: str) -> pathlib.Path:
        return self.root.joinpath(*parts)

    def exists(self, *parts: str) -> bool:
        return os.path.lexists(str(self.path(*parts)))

    def names(self, *parts: str) -> list[str]:
        """Names in a directory, sorted, without temporary ones; none where there is no directory."""
        try:
            return sorted(name for name in os.listdir(str(self.path(*parts))) if not name.startswith(TEMPORARY))
        except FileNotFoundError:
            return []

    def read(self, *parts: str) -> bytes | None:
        """The bytes of a file, None where there is none."""
        try:
            handle = os.open(str(self.path(*parts)), os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            return b"".join(iter(lambda: os.read(handle, _CHUNK), b""))
        finally:
            os.close(handle)

    def read_json(self, *parts: str) -> t.Any:
        """The value of a JSON file, None where there is none.

        Raises:
            BackendError: the file is not JSON (``host-file-damaged``).
        """
        data = self.read(*parts)
        if data is None:
            return None
        try:
            return json.loads(data.decode("utf-8"))
        except ValueError:
            raise BackendError("host-file-damaged", f"{self.path(*parts)} is not readable as JSON") from None

    def target(self, *parts: str) -> str:
        """Where a symbolic link points to, empty where there is none."""
        try:
            return os.readlink(str(self.path(*parts)))
        except (FileNotFoundError, OSError):
            return ""

    def make_directory(self, *parts: str, mode: int = 0o755) -> pathlib.Path:
        """The directory, made with its parents where it is missing."""
        path = self.path(*parts)
        if not os.path.isdir(str(path)):
            os.makedirs(str(path), exist_ok=True)
            os.chmod(str(path), mode)
        return path

    def keep_reserve(self) -> None:
        """Set some room aside, that what is written by this class gets when the disk is full: the way back is written
        too, and needs no room that is not there.

        Raises:
            BackendError: there is none (``disk-full``).
        """
        try:
            if not self.exists(_RESERVE):
                self._write(b"\xff" * _RESERVE_BYTES, _RESERVE, mode=0o600)
        except OSError as exc:
            if exc.errno != errno.ENOSPC:
                raise
            raise BackendError(
                "disk-full",
                f"{self.root}: there is no room for {_RESERVE_BYTES >> 10} KiB that the way back may need",
                hint="Free some space, or remove old releases by release_prune.",
            ) from None

    def _sparing(self, act: t.Callable[..., None], *args: t.Any, **options: t.Any) -> None:
        """Do it, if need be in the room that was set aside."""
        try:
            act(*args, **options)
        except OSError as exc:
            if exc.errno != errno.ENOSPC or not self._spare.exists(_RESERVE):
                raise
            os.unlink(str(self._spare.path(_RESERVE)))
            act(*args, **options)

    def write(self, data: bytes, *parts: str, mode: int = 0o644, uid: int = -1, gid: int = -1) -> None:
        """Replace a file, durably: after a crash it holds the old or the new bytes."""
        self._sparing(self._write, data, *parts, mode=mode, uid=uid, gid=gid)

    def _write(self, data: bytes, *parts: str, mode: int = 0o644, uid: int = -1, gid: int = -1) -> None:
        path = self.path(*parts)
        temporary = path.with_name(TEMPORARY + path.name)
        handle = os.open(str(temporary), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            if max(uid, gid) >= 0:
                os.fchown(handle, uid, gid)
            os.fchmod(handle, mode)
            _put(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(str(temporary), str(path))
        self.sync_directory(path.parent)

    def lines(self, *parts: str) -> list[bytes]:
        """The lines of a ledger, without what a crash left of one that it cut short; none where there is no ledger."""
        return _whole(self.read(*parts) or b"").split(b"\n")[:-1]

    def append(self, line: bytes, *parts: str) -> None:
        """Add one line to a ledger, durably. What a crash left of a line that it cut short is dropped first."""
        self._sparing(self._append, line, *parts)

    def _append(self, line: bytes, *parts: str) -> None:
        path = self.path(*parts)
        data = self.read(*parts) or b""
        whole = _whole(data)
        handle = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            if not data:
                self.sync_directory(path.parent)  # before the first line: a ledger with lines has a durable name
            if whole != data:
                os.ftruncate(handle, len(whole))
                os.fsync(handle)  # else a crash could leave the new line's beginning with the old one's end
            _put(handle, line + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)

    def point(self, target: str, *parts: str) -> None:
        """Make a symbolic link point to the target, durably, by one rename(2)."""
        self._sparing(self._point, target, *parts)

    def _point(self, target: str, *parts: str) -> None:
        path = self.path(*parts)
        if self.target(*parts) != target:
            temporary = path.with_name(TEMPORARY + path.name)
            if os.path.lexists(str(temporary)):
                os.unlink(str(temporary))
            os.symlink(target, str(temporary))
            os.replace(str(temporary), str(path))
        self.sync_directory(path.parent)

    def temporary(self, *parts: str) -> pathlib.Path:
        """An empty directory beside the path that nobody else may enter, to be filled and then given to ``settle``."""
        path = self.path(*parts)
        os.makedirs(str(path.parent), exist_ok=True)
        temporary = path.with_name(TEMPORARY + path.name)
        if os.path.lexists(str(temporary)):
            self._delete(temporary)
        os.mkdir(str(temporary), 0o700)
        return temporary

    def settle(self, temporary: pathlib.Path, *parts: str, mode: int) -> None:
        """Give a filled and flushed temporary directory its mode, then its name, in place of what stands there."""
        path = self.path(*parts)
        self.remove(*parts)
        handle = os.open(str(temporary), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fchmod(handle, mode)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(str(temporary), str(path))
        self.sync_directory(path.parent)

    def remove(self, *parts: str) -> None:
        """Remove a file, a link or a tree, read-only directories included. Removing nothing is fine.

        A tree first loses its name: nobody takes what is left of it after a crash for the whole.
        """
        path = self.path(*parts)
        if os.path.islink(str(path)) or os.path.isfile(str(path)):
            os.unlink(str(path))
        elif os.path.isdir(str(path)):
            going = path.with_name(TEMPORARY + "going-" + path.name)
            if os.path.lexists(str(going)):
                self._delete(going)
            os.chmod(str(path), 0o700)
            os.rename(str(path), str(going))
            self.sync_directory(path.parent)
            self._delete(going)
        if os.path.isdir(str(path.parent)):
            self.sync_directory(path.parent)

    def sweep(self) -> None:
        """Remove what an interrupted verb left under temporary names. The caller holds the lock."""
        paths = [self.path(name) for name in os.listdir(str(self.root))]
        directories = [path for path in paths if os.path.isdir(str(path)) and not os.path.islink(str(path))]
        for directory in (self.root, *directories):
            for name in os.listdir(str(directory)):
                if name.startswith(TEMPORARY):
                    self._delete(directory / name)

    def free_bytes(self) -> int:
        """Bytes that this user may still write, where the instance is or will be."""
        status = os.statvfs(str(existing(self.root)))
        return status.f_bavail * status.f_frsize

    def flush(self) -> None:
        """Bring everything written so far to the disk, in one call for the whole file system."""
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        handle = os.open(str(self.root), os.O_RDONLY)
        try:
            if not hasattr(libc, "syncfs") or libc.syncfs(handle) != 0:
                os.sync()
        finally:
            os.close(handle)

    def sync(self, *parts: str) -> None:
        """Make a file durable as it is: who wrote it may have been killed before it was. None is fine."""
        try:
            handle = os.open(str(self.path(*parts)), os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    @staticmethod
    def sync_directory(path: pathlib.Path) -> None:
        """Make names in the directory durable."""
        handle = os.open(str(path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    @staticmethod
    def _delete(path: pathlib.Path) -> None:
        """Remove a file, a link or a tree; links in it are removed, never followed, whoever swaps them meanwhile."""
        parent = os.open(str(path.parent), os.O_RDONLY | os.O_DIRECTORY)
        try:
            _delete_in(parent, path.name)
        finally:
            os.close(parent)


def _delete_in(parent: int, name: str) -> None:
    if not stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
        os.unlink(name, dir_fd=parent)
        return
    handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        os.fchmod(handle, 0o700)
        for entry in os.listdir(handle):
            _delete_in(handle, entry)
    finally:
        os.close(handle)
    os.rmdir(name, dir_fd=parent)


def _put(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _whole(ledger: bytes) -> bytes:
    """The ledger's whole lines. A crash cuts the last one short: of its end, or of pieces that are then zeros."""
    end = ledger.rfind(b"\n") + 1
    last = ledger.rfind(b"\n", 0, max(end - 1, 0)) + 1
    return ledger[: last if b"\0" in ledger[last:end] else end]


def existing(path: pathlib.Path) -> pathlib.Path:
    """The nearest ancestor that exists."""
    while not os.path.exists(str(path)):
        path = path.parent
    return path
