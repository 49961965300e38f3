# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place of the engine that writes files: atomic, durable, below one directory (private).

Every other file of the engine names paths relative to the instance's directory and asks this class. Single files are
written by temporary file, fsync, rename, fsync of the directory; trees are written below a temporary name, flushed once
by ``flush`` and renamed.
"""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import shutil
import typing as t

from .._model.errors import BackendError

__all__ = ["TEMPORARY", "Disk"]

TEMPORARY = ".tmp-"


class Disk:
    """The instance's directory."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root

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
            return self.path(*parts).read_bytes()
        except FileNotFoundError:
            return None

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
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)
        return path

    def write(self, data: bytes, *parts: str, mode: int = 0o644, gid: int = -1) -> None:
        """Replace a file, durably: after a crash it holds the old or the new bytes."""
        path = self.path(*parts)
        temporary = path.with_name(TEMPORARY + path.name)
        handle = os.open(str(temporary), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(handle, mode)
            if gid >= 0:
                os.fchown(handle, -1, gid)
            stream.write(data)
            stream.flush()
            os.fsync(handle)
        os.replace(str(temporary), str(path))
        self.sync_directory(path.parent)

    def append(self, line: bytes, *parts: str) -> None:
        """Add one line to a ledger, durably. What a crash left of a line that it cut short is dropped first."""
        path = self.path(*parts)
        fresh = not path.exists()
        with open(str(path), "ab") as stream:
            if not fresh:
                stream.truncate(path.read_bytes().rfind(b"\n") + 1)
            stream.write(line + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        if fresh:
            self.sync_directory(path.parent)

    def point(self, target: str, *parts: str) -> None:
        """Make a symbolic link point to the target by one rename(2); nothing if it does already."""
        path = self.path(*parts)
        if self.target(*parts) == target:
            return
        temporary = path.with_name(TEMPORARY + path.name)
        if os.path.lexists(str(temporary)):
            temporary.unlink()
        os.symlink(target, str(temporary))
        os.replace(str(temporary), str(path))
        self.sync_directory(path.parent)

    def temporary(self, *parts: str) -> pathlib.Path:
        """An empty directory beside the path that nobody else may enter, to be filled and then given to ``settle``."""
        path = self.path(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(TEMPORARY + path.name)
        self._delete(temporary)
        temporary.mkdir(mode=0o700)
        return temporary

    def settle(self, temporary: pathlib.Path, *parts: str, mode: int) -> None:
        """Give a filled and flushed temporary directory its name, in place of what stands there."""
        path = self.path(*parts)
        self.remove(*parts)
        os.rename(str(temporary), str(path))
        path.chmod(mode)
        self.sync_directory(path.parent)

    def remove(self, *parts: str) -> None:
        """Remove a file, a link or a tree, read-only directories included. Removing nothing is fine.

        A tree first loses its name: nobody takes what is left of it after a crash for the whole.
        """
        path = self.path(*parts)
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            going = path.with_name(TEMPORARY + "going-" + path.name)
            self._delete(going)
            path.chmod(0o700)
            os.rename(str(path), str(going))
            self.sync_directory(path.parent)
            self._delete(going)
        if path.parent.is_dir():
            self.sync_directory(path.parent)

    def sweep(self) -> None:
        """Remove what an interrupted verb left under temporary names. The caller holds the lock."""
        for directory in (
            self.root,
            *(path for path in self.root.iterdir() if path.is_dir() and not path.is_symlink()),
        ):
            for name in os.listdir(str(directory)):
                path = directory / name
                if name.startswith(TEMPORARY):
                    if path.is_dir() and not path.is_symlink():
                        self._delete(path)
                    else:
                        path.unlink()

    def free_bytes(self) -> int:
        """Bytes that this user may still write, where the instance is or will be."""
        return shutil.disk_usage(str(existing(self.root))).free

    def flush(self) -> None:
        """Bring everything written so far to the disk, in one call for the whole file system."""
        libc = ctypes.CDLL(None, use_errno=True)
        handle = os.open(str(self.root), os.O_RDONLY)
        try:
            if not hasattr(libc, "syncfs") or libc.syncfs(handle) != 0:
                os.sync()
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
        if not path.is_dir():
            return
        for directory, _names, _files in os.walk(str(path)):
            os.chmod(directory, 0o700)
        shutil.rmtree(str(path))


def existing(path: pathlib.Path) -> pathlib.Path:
    """The nearest ancestor that exists."""
    while not path.exists():
        path = path.parent
    return path
