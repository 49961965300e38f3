# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The functions of ``os`` that the engine uses, over a file system in memory.

``step`` is called before each call that changes something, twice for a write, of which the first half is there when the
second is called: there a process may die.
"""

from __future__ import annotations

import errno
import os
import stat
import typing as t

from .filesystem import Directory, File, FileSystem, Inode, Link

__all__ = ["Calls"]


class Status(t.NamedTuple):
    """Of ``os.stat_result`` what is used."""

    st_mode: int
    st_size: int


class Space(t.NamedTuple):
    """Of ``os.statvfs_result`` what is used."""

    f_bavail: int = 1 << 20
    f_frsize: int = 4096


class Paths:
    """``os.path``."""

    join = staticmethod(os.path.join)

    def __init__(self, system: FileSystem) -> None:
        self._system = system

    def _inode(self, path: str, *, follow: bool) -> Inode | None:
        try:
            return self._system.find(path, follow=follow)
        except OSError:
            return None

    def lexists(self, path: str) -> bool:
        return self._inode(path, follow=False) is not None

    def exists(self, path: str) -> bool:
        return self._inode(path, follow=True) is not None

    def islink(self, path: str) -> bool:
        return isinstance(self._inode(path, follow=False), Link)

    def isdir(self, path: str) -> bool:
        return isinstance(self._inode(path, follow=True), Directory)

    def isfile(self, path: str) -> bool:
        return isinstance(self._inode(path, follow=True), File)


class Calls:
    """``os``: what is not here, the engine must not use where a crash matters."""

    O_RDONLY, O_WRONLY, O_RDWR, O_APPEND = os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_APPEND
    O_CREAT, O_EXCL, O_TRUNC, O_CLOEXEC = os.O_CREAT, os.O_EXCL, os.O_TRUNC, os.O_CLOEXEC
    O_NOFOLLOW, O_DIRECTORY = os.O_NOFOLLOW, os.O_DIRECTORY
    sep = os.sep

    def __init__(self, system: FileSystem, step: t.Callable[[str], None]) -> None:
        self._system = system
        self._step = step
        self._at: dict[int, int] = {}
        self._append: set[int] = set()
        self.path = Paths(system)

    # --- reading ---

    def lstat(self, path: str, *, dir_fd: int | None = None) -> Status:
        return _status(self._system.find(path, follow=False, start=dir_fd))

    def stat(self, path: str) -> Status:
        return _status(self._system.find(path))

    def listdir(self, path: str | int) -> list[str]:
        inode = self._system.opened(path) if isinstance(path, int) else self._system.find(path)
        if not isinstance(inode, Directory):
            raise _error(errno.ENOTDIR, path)
        return list(inode.entries)

    def readlink(self, path: str) -> str:
        inode = self._system.find(path, follow=False)
        if not isinstance(inode, Link):
            raise _error(errno.EINVAL, path)
        return inode.target

    def read(self, handle: int, size: int) -> bytes:
        inode = self._system.opened(handle)
        if not isinstance(inode, File):
            raise _error(errno.EISDIR, handle)
        at = self._at[handle]
        data = inode.data[at : at + size]
        self._at[handle] = at + len(data)
        return data

    def statvfs(self, _path: str) -> Space:
        return Space()

    # --- open files ---

    def open(self, path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        try:
            inode = self._system.find(path, follow=not flags & os.O_NOFOLLOW, start=dir_fd)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
            directory, name = self._system.parent(path, start=dir_fd)
            dangling = directory.entries.get(name)
            if isinstance(dangling, Link):
                if flags & os.O_EXCL:
                    raise _error(errno.EEXIST, path) from None
                return self.open(os.path.join(os.path.dirname(path), dangling.target), flags, mode)
            self._step("create")
            inode = File(mode & ~0o022)
            directory.change({name: inode})
        else:
            if flags & os.O_EXCL and flags & os.O_CREAT:
                raise _error(errno.EEXIST, path)
            if isinstance(inode, Link):
                raise _error(errno.ENOTDIR if flags & os.O_DIRECTORY else errno.ELOOP, path)
            if isinstance(inode, Directory) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                raise _error(errno.EISDIR, path)
            if isinstance(inode, File) and flags & os.O_DIRECTORY:
                raise _error(errno.ENOTDIR, path)
            if isinstance(inode, File) and flags & os.O_TRUNC and inode.data:
                self._step("truncate")
                inode.put(b"")
        handle = self._system.open(inode)
        self._at[handle] = 0
        if flags & os.O_APPEND:
            self._append.add(handle)
        return handle

    def close(self, handle: int) -> None:
        self._system.close(handle)

    def write(self, handle: int, data: bytes) -> int:
        inode = t.cast(File, self._system.opened(handle))
        half = len(data) // 2
        for part in (data[:half], data[half:]) if half else (data,):
            self._step("write")
            at = len(inode.data) if handle in self._append else self._at[handle]
            inode.put(inode.data[:at].ljust(at, b"\0") + part + inode.data[at + len(part) :])
            self._at[handle] = at + len(part)
        return len(data)

    def ftruncate(self, handle: int, size: int) -> None:
        inode = t.cast(File, self._system.opened(handle))
        self._step("truncate")
        inode.put(inode.data[:size].ljust(size, b"\0"))

    def fsync(self, handle: int) -> None:
        inode = self._system.opened(handle)
        self._step("fsync")
        inode.sync()

    def fchmod(self, handle: int, mode: int) -> None:
        inode = self._system.opened(handle)
        self._step("chmod")
        inode.mode = mode

    def fchown(self, handle: int, _uid: int, _gid: int) -> None:
        self._system.opened(handle)
        self._step("chown")

    # --- names ---

    def chmod(self, path: str, mode: int) -> None:
        inode = self._system.find(path)
        self._step("chmod")
        inode.mode = mode

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        self._add(path, Directory(mode & ~0o022), "mkdir")

    def makedirs(self, path: str, mode: int = 0o777, *, exist_ok: bool = False) -> None:
        if self.path.isdir(path) and exist_ok:
            return
        head = path.rstrip("/").rpartition("/")[0]
        if head and not self.path.exists(head):
            self.makedirs(head, exist_ok=True)
        self.mkdir(path, mode)

    def symlink(self, target: str, path: str) -> None:
        self._add(path, Link(target), "symlink")

    def _add(self, path: str, inode: Inode, what: str) -> None:
        directory, name = self._system.parent(path)
        if name in directory.entries:
            raise _error(errno.EEXIST, path)
        self._step(what)
        directory.change({name: inode})

    def unlink(self, path: str, *, dir_fd: int | None = None) -> None:
        if isinstance(self._system.find(path, follow=False, start=dir_fd), Directory):
            raise _error(errno.EISDIR, path)
        directory, name = self._system.parent(path, start=dir_fd)
        self._step("unlink")
        directory.change({name: None})

    def rmdir(self, path: str, *, dir_fd: int | None = None) -> None:
        inode = self._system.find(path, follow=False, start=dir_fd)
        if not isinstance(inode, Directory):
            raise _error(errno.ENOTDIR, path)
        if inode.entries:
            raise _error(errno.ENOTEMPTY, path)
        directory, name = self._system.parent(path, start=dir_fd)
        self._step("rmdir")
        directory.change({name: None})

    def rename(self, old: str, new: str) -> None:
        inode = self._system.find(old, follow=False)
        (source, name), (target, other) = self._system.parent(old), self._system.parent(new)
        if source is not target:
            raise NotImplementedError("the engine renames within one directory")
        there = target.entries.get(other)
        if isinstance(there, Directory) and not isinstance(inode, Directory):
            raise _error(errno.EISDIR, new)
        if there is not None and isinstance(inode, Directory) and not isinstance(there, Directory):
            raise _error(errno.ENOTDIR, new)
        if isinstance(there, Directory) and there.entries:
            raise _error(errno.ENOTEMPTY, new)
        if there is inode:
            return
        self._step("rename")
        source.change({name: None, other: inode})

    replace = rename

    def sync(self) -> None:
        self._step("sync")
        self._system.sync()


def _status(inode: Inode) -> Status:
    kind = stat.S_IFDIR if isinstance(inode, Directory) else stat.S_IFREG if isinstance(inode, File) else stat.S_IFLNK
    return Status(kind | inode.mode, len(inode.data) if isinstance(inode, File) else 0)


def _error(number: int, path: str | int) -> OSError:
    return OSError(number, os.strerror(number), path)
