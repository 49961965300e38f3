# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file system in memory that keeps, over a power loss, no more than POSIX promises.

Every inode has what programs see and what is on the disk. ``fsync`` brings one inode to the disk: the bytes and the
mode of a file, the entries and the mode of a directory, and nothing beside it. Whatever was not brought there is lost,
kept, or kept in part, as somebody chooses:

- of a file: any length that it had since, any part of the new bytes; for the rest the old ones, or zeros;
- of a directory: any subset of its changes in which those of one name keep their order; a rename is one change.
"""

from __future__ import annotations

import errno
import functools
import os
import typing as t

__all__ = ["Choose", "Directory", "File", "FileSystem", "Inode", "Link", "Tree", "remains"]

Choose = t.Callable[[int], int]  # of so many possibilities, one; 0 is the nastiest
Tree = t.Dict[str, t.Any]
Change = t.Dict[str, t.Optional["Inode"]]

_MAX_LINKS = 40


class Inode:
    """A file, a link or a directory."""

    def __init__(self, mode: int) -> None:
        self.mode = self.kept_mode = mode

    def sync(self) -> None:
        self.kept_mode = self.mode

    def lose(self, choose: Choose) -> None:
        if self.mode != self.kept_mode and not choose(2):
            self.mode = self.kept_mode
        self.kept_mode = self.mode


class Link(Inode):
    """A symbolic link; it is made at once with all that it is."""

    def __init__(self, target: str) -> None:
        super().__init__(0o777)
        self.target = target


class File(Inode):
    """``sizes``: the lengths that it had since it was last synced."""

    def __init__(self, mode: int, data: bytes = b"") -> None:
        super().__init__(mode)
        self.data = self.kept = data
        self.sizes: set[int] = set()

    def put(self, data: bytes) -> None:
        self.data = data
        self.sizes.add(len(data))

    def sync(self) -> None:
        super().sync()
        self.kept = self.data
        self.sizes = set()

    def lose(self, choose: Choose) -> None:
        super().lose(choose)
        if self.sizes:
            found = remains(self.kept, self.data, self.sizes)
            self.data = found[choose(len(found))]
            self.sync()


class Directory(Inode):
    """``changes``: what was done to its entries since it was last synced."""

    def __init__(self, mode: int = 0o755) -> None:
        super().__init__(mode)
        self.entries: dict[str, Inode] = {}
        self.kept: dict[str, Inode] = {}
        self.changes: list[Change] = []

    def change(self, change: Change) -> None:
        self.changes.append(change)
        _apply(self.entries, change)

    def sync(self) -> None:
        super().sync()
        self.kept = dict(self.entries)
        self.changes = []

    def lose(self, choose: Choose) -> None:
        super().lose(choose)
        lost: set[str] = set()
        for change in self.changes:
            if not lost.isdisjoint(change) or not choose(2):
                lost.update(change)
            else:
                _apply(self.kept, change)
        self.entries = dict(self.kept)
        self.changes = []
        for inode in self.entries.values():
            inode.lose(choose)


def _apply(entries: dict[str, Inode], change: Change) -> None:
    for name, inode in change.items():
        if inode is None:
            entries.pop(name, None)
        else:
            entries[name] = inode


def remains(kept: bytes, data: bytes, sizes: t.Iterable[int]) -> list[bytes]:
    """What may be found in a file after a power loss: the nastiest first, all of the new bytes last."""
    same = len(os.path.commonprefix([kept, data]))
    cuts = sorted({same, (same + len(data)) // 2, max(len(data) - 1, same), len(data)})
    found = [data[:same] + bytes(len(data) - same - 1) + data[-1:]] if len(data) > same else []
    found.append(kept)
    for size in sorted({len(kept), *sizes}):
        for cut in cuts:
            for content in (data[:cut] + kept[cut:], data[:cut], data[:same] + bytes(cut - same) + data[cut:]):
                found.append(content[:size].ljust(size, b"\0"))
    return [*(content for content in dict.fromkeys(found) if content != data), data]


class FileSystem:
    """The inodes below ``/`` and the open files. What may be asked of it is ``calls.Calls``."""

    def __init__(self) -> None:
        self.root = Directory()
        self._handles: dict[int, Inode] = {}
        self._next = 1 << 30  # no number of a real open file

    # --- what programs see ---

    def find(self, path: str, *, follow: bool = True, start: int | None = None) -> Inode:
        """The inode of a path; ``follow``: what a link at its end leads to. ``start``: an open directory."""
        parent, name = self.parent(path, start=start)
        inode = parent.entries.get(name) if name else parent
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if follow and isinstance(inode, Link):
            return self._walk(path, start)[-1]
        return inode

    def parent(self, path: str, *, start: int | None = None) -> tuple[Directory, str]:
        """The directory of the path's last part, and that part; empty for the root."""
        head, _slash, name = path.rstrip("/").rpartition("/")
        if not head:
            return self._directory_of(start) if start is not None and not path.startswith("/") else self.root, name
        inode = self._walk(head, start)[-1]
        if not isinstance(inode, Directory):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return inode, name

    def _walk(self, path: str, start: int | None) -> list[Inode]:
        """The chain of inodes that a path leads through, links followed."""
        chain: list[Inode] = [self.root if start is None or path.startswith("/") else self._directory_of(start)]
        parts = list(_parts(path))
        links = 0
        while parts:
            part = parts.pop()
            if part == "..":
                chain = chain[:-1] or chain
                continue
            here = chain[-1]
            if not isinstance(here, Directory):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            inode = here.entries.get(part)
            if inode is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if isinstance(inode, Link):
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                if inode.target.startswith("/"):
                    chain = [self.root]
                parts += _parts(inode.target)
            else:
                chain.append(inode)
        return chain

    def tree(self) -> Tree:
        """All that programs see, to be compared."""
        return t.cast(Tree, _tree(self.root))

    # --- open files ---

    def open(self, inode: Inode) -> int:
        self._next += 1
        self._handles[self._next] = inode
        return self._next

    def opened(self, handle: int) -> Inode:
        if handle not in self._handles:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._handles[handle]

    def close(self, handle: int) -> None:
        self.opened(handle)
        del self._handles[handle]

    def _directory_of(self, handle: int) -> Directory:
        inode = self.opened(handle)
        if not isinstance(inode, Directory):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return inode

    # --- what happens to it ---

    def sync(self) -> None:
        """Bring everything to the disk."""
        for inode in _inodes(self.root):
            inode.sync()

    def kill(self) -> None:
        """The process that had it open dies: all that it wrote is there, nothing is open."""
        self._handles = {}

    def crash(self, choose: Choose) -> None:
        """The power fails; what comes back is chosen."""
        self.kill()
        self.root.lose(choose)

    def copy(self) -> FileSystem:
        """Another one in the same state, with nothing open."""
        other = FileSystem()
        other.root = t.cast(Directory, _copy(self.root, {}))
        return other


@functools.lru_cache(maxsize=4096)
def _parts(path: str) -> tuple[str, ...]:
    """Its words, the last one first."""
    return tuple(part for part in reversed(path.split("/")) if part not in ("", "."))


def _tree(inode: Inode) -> t.Any:
    if isinstance(inode, Directory):
        return {name: _tree(entry) for name, entry in sorted(inode.entries.items())}
    return (inode.mode, inode.data) if isinstance(inode, File) else t.cast(Link, inode).target


def _inodes(inode: Inode) -> t.Iterator[Inode]:
    yield inode
    if isinstance(inode, Directory):
        for entry in inode.entries.values():
            yield from _inodes(entry)


def _copy(inode: Inode, known: dict[int, Inode]) -> Inode:
    if id(inode) in known:
        return known[id(inode)]
    other = object.__new__(type(inode))
    other.__dict__.update(inode.__dict__)
    known[id(inode)] = other
    if isinstance(other, File):
        other.sizes = set(other.sizes)
    elif isinstance(other, Directory):
        other.entries = {name: _copy(entry, known) for name, entry in other.entries.items()}
        other.kept = {name: _copy(entry, known) for name, entry in other.kept.items()}
        other.changes = [
            {name: entry if entry is None else _copy(entry, known) for name, entry in change.items()}
            for change in other.changes
        ]
    return other
