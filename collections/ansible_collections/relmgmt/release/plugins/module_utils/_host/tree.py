# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The placed tree of a unit: whether it is as the manifest says, and how single paths of it are put right (private)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import stat
import typing as t

from .._model.digest import CHUNK
from .._model.manifest import Entry, Unit
from .disk import Disk

__all__ = ["FOLDER_MODE", "clear", "folders_of", "is_folder", "link_of", "placed_mode", "put_right", "wrong_paths"]

FOLDER_MODE = 0o555


def placed_mode(entry: Entry) -> int:
    """Trees are read-only."""
    return int(entry.mode, 8) & 0o555


def link_of(entry: Entry) -> str:
    """Where the entry's symbolic link points to; that of state leads out of the tree, to the instance's ``state``."""
    return entry.link or "../" * (entry.path.count("/") + 2) + "state/" + entry.state


def wrong_paths(
    tree: pathlib.Path,
    unit: Unit,
    *,
    owner: int | None = None,
    read: dict[tuple[int, int], str] | None = None,
) -> list[str]:
    """Paths of the tree that are not as the manifest says: changed, missing, or not listed; empty stands for the tree.

    Of a directory that is not listed, the directory alone is named. What cannot be read counts as changed.

    Args:
        owner: whose all of it has to be; None: anybody's.
        read: digests of files with several names that were read before, by device and inode; what is read is added.
    """
    if not is_folder(tree):
        return ["", *(entry.path for entry in unit.entries)]
    listed = {entry.path: entry for entry in unit.entries}
    folders = folders_of(unit)
    wrong = [] if _is_kept(os.lstat(str(tree)), owner) else [""]
    known = {} if read is None else read
    pending = [""]
    while pending:
        folder = pending.pop()
        prefix = folder + "/" if folder else ""
        for item in _items(f"{tree}/{folder}"):
            path = prefix + item.name
            if path in listed:
                if _whole(item, listed[path], owner, known):
                    del listed[path]
            elif path in folders and item.is_dir(follow_symlinks=False):
                pending.append(path)
                if not _is_kept(item.stat(follow_symlinks=False), owner):
                    wrong.append(path)
            else:
                wrong.append(path)
    return sorted([*wrong, *listed])


def put_right(disk: Disk, tree: t.Sequence[str], built: pathlib.Path, unit: Unit, wrong: t.Iterable[str]) -> None:
    """Let the ``wrong`` paths of a tree that stands be as in ``built``, each by one rename; remove what is not listed.

    Whoever runs from the tree meanwhile finds every file either as it was or as it should be.
    """
    top, folders, listed = disk.path(*tree), folders_of(unit), {entry.path for entry in unit.entries}
    touched = sorted({folder for path in wrong for folder in _above(path)} | (folders & set(wrong)))
    for folder in touched:
        path = top / folder
        if not is_folder(path):
            clear(disk, (*tree, *folder.split("/")))
            os.mkdir(str(path))
        elif os.lstat(str(path)).st_uid != os.geteuid():
            os.chown(str(path), os.geteuid(), -1)
        os.chmod(str(path), 0o755)
    for name in wrong:
        path = top / name
        if name not in folders and (name not in listed or is_folder(path)):
            clear(disk, (*tree, *name.split("/")))
        if name in listed:
            os.replace(str(built / name), str(path))
    for folder in reversed(touched):
        os.chmod(str(top / folder), FOLDER_MODE)
        disk.sync_directory(top / folder)


def is_folder(path: pathlib.Path) -> bool:
    """Whether it is a directory itself, not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(str(path)).st_mode)
    except OSError:
        return False


def folders_of(unit: Unit) -> set[str]:
    """The directories of the unit's tree, by their paths in it; the tree itself is empty."""
    lowest = {entry.path.rpartition("/")[0] for entry in unit.entries}
    return {folder for path in lowest for folder in (path, *_above(path))} | {""}


def _above(path: str) -> list[str]:
    """The directories that the path lies in, the tree itself (empty) included."""
    found = []
    while path:
        path = path.rpartition("/")[0]
        found.append(path)
    return found


def _items(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return list(items)
    except OSError:  # what it should hold counts as missing
        return []


def _is_kept(status: os.stat_result, owner: int | None) -> bool:
    """Whether a directory has the mode and the owner that it was given."""
    return stat.S_IMODE(status.st_mode) == FOLDER_MODE and owner in (None, status.st_uid)


def _whole(item: os.DirEntry[str], entry: Entry, owner: int | None, read: dict[tuple[int, int], str]) -> bool:
    try:
        if not entry.is_file:
            return item.is_symlink() and os.readlink(item.path) == link_of(entry)
        return item.is_file(follow_symlinks=False) and _same(item.path, entry, owner, read)
    except OSError:  # a disk that does not give the bytes back
        return False


def _same(path: str, entry: Entry, owner: int | None, read: dict[tuple[int, int], str]) -> bool:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if stat.S_IMODE(status.st_mode) != placed_mode(entry) or status.st_size != entry.size:
            return False
        if owner not in (None, status.st_uid):
            return False
        if status.st_nlink == 1:
            return _digest(handle, entry.size) == entry.digest
        inode = (status.st_dev, status.st_ino)
        if inode not in read:
            read[inode] = _digest(handle, entry.size)
        return read[inode] == entry.digest
    finally:
        os.close(handle)


def _digest(handle: int, size: int) -> str:
    """The digest of that many bytes; empty where there are less."""
    sha, left = hashlib.sha256(), size
    while left > 0:
        chunk = os.read(handle, min(left, CHUNK))
        if not chunk:
            return ""
        sha.update(chunk)
        left -= len(chunk)
    return "sha256:" + sha.hexdigest()


def clear(disk: Disk, parts: t.Sequence[str]) -> None:
    """Remove whatever is there, a device or a pipe too."""
    if is_folder(disk.path(*parts)):
        disk.remove(*parts)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(str(disk.path(*parts)))
