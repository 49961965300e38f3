# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and directories as they lie on the disk, never through a link: so is read what is to be proven (private)."""

from __future__ import annotations

import os
import pathlib
import stat
import typing as t

from .._model.digest import CHUNK

__all__ = ["Plain", "contents_of", "mode_of", "owner_of", "read_plain", "status_at", "status_of"]


class Plain(t.NamedTuple):
    """A plain file: its bytes, permission bits, group and owner."""

    data: bytes
    mode: int
    group: int
    owner: int


def read_plain(path: pathlib.Path) -> Plain | None:
    """The file; None where there is none, it is something else, or the disk does not give it back."""
    try:
        handle = os.open(str(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return None
        data = b"".join(iter(lambda: os.read(handle, CHUNK), b""))
        return Plain(data, stat.S_IMODE(status.st_mode), status.st_gid, status.st_uid)
    except OSError:
        return None
    finally:
        os.close(handle)


def owner_of(place: pathlib.Path) -> int | None:
    """Whose everything has to be that lies there: ours, where the place is; None where that cannot be told."""
    try:
        owner = os.lstat(str(place)).st_uid
    except OSError:
        return None
    return owner if owner == os.geteuid() else None


def mode_of(path: pathlib.Path, group: int | None = None, owner: int | None = None) -> int:
    """Permission bits of a file or directory; -1 where there is none, or it is of another group or owner."""
    try:
        status = os.lstat(str(path))
    except OSError:
        return -1
    plain = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    own = group in (None, status.st_gid) and owner in (None, status.st_uid)
    return stat.S_IMODE(status.st_mode) if plain and own else -1


def status_at(path: pathlib.Path) -> os.stat_result | None:
    """What lies there, not what it leads to; None where that is nothing, or nobody can say."""
    try:
        return os.lstat(str(path))
    except OSError:
        return None


def status_of(path: pathlib.Path) -> dict[str, t.Any]:
    """Mode, as text, and group. Raises OSError."""
    status = os.lstat(str(path))
    return {"mode": f"{stat.S_IMODE(status.st_mode):04o}", "group": status.st_gid}


def contents_of(top: pathlib.Path) -> tuple[list[str], list[str]]:
    """Directories (the top itself is empty) and files below a directory, by their relative paths."""
    folders, files = [], []
    for directory, _names, found in os.walk(str(top)):
        relative = directory[len(str(top)) + 1 :]
        folders.append(relative)
        files += [f"{relative}/{name}".lstrip("/") for name in found]
    return sorted(folders), sorted(files)
