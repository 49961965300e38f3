# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One thing on a host that is not as it was left there (private).

It tells of bytes that they changed, and where they may be known, of their number; never what they are. Of rendered
configuration it does not even tell that: a digest or a length lets what is short be guessed.
"""

from __future__ import annotations

import os
import pathlib
import stat
import typing as t

from .._model.digest import digest_of
from .._model.manifest import Entry
from .plain import read_plain, status_at
from .tree import FOLDER_MODE, link_of, placed_mode

__all__ = [
    "CAPSULE",
    "CHANGED",
    "EXTRA",
    "LINK",
    "MISSING",
    "MODE",
    "OWNER",
    "PLACEMENT",
    "SERVICE",
    "Finding",
    "of_entry",
    "of_folder",
    "of_kept",
    "of_link",
]

MISSING, CHANGED, MODE, OWNER, LINK, EXTRA = "missing", "changed", "mode", "owner", "link", "extra"
PLACEMENT, SERVICE, CAPSULE = "placement", "service", "capsule"
_KINDS = ((stat.S_ISREG, "a file"), (stat.S_ISDIR, "a directory"), (stat.S_ISLNK, "a link"))


class Finding(t.NamedTuple):
    """path: begins at the instance, or is absolute, or names a service; what: one of the kinds above; expected, found:
    for people, empty where nothing may be told."""

    path: str
    what: str
    expected: str = ""
    found: str = ""


def of_entry(shown: str, place: pathlib.Path, entry: Entry, owner: int | None) -> list[Finding]:
    """What is wrong about an entry of a unit's tree. shown: its path for people."""
    if not entry.is_file:
        return of_link(shown, place, link_of(entry))
    wrong = _of_place(shown, place, stat.S_ISREG, "a file")
    if wrong:
        return wrong
    status = status_at(place)
    found = _of_status(shown, place, placed_mode(entry), None, owner)
    if status is not None and status.st_size != entry.size:
        return [*found, Finding(shown, CHANGED, f"{entry.size} B", f"{status.st_size} B")]
    if not found or _digest_of(place) != entry.digest:  # with the right mode and owner its bytes have been read before
        found.append(Finding(shown, CHANGED))
    return found


def of_kept(shown: str, place: pathlib.Path, kept: t.Mapping[str, t.Any], owner: int | None) -> list[Finding]:
    """What is wrong about a file that the capsule names."""
    wrong = _of_place(shown, place, stat.S_ISREG, "a file")
    if wrong:
        return wrong
    found = _of_status(shown, place, int(kept["mode"], 8), kept["group"], owner)
    if not found or _digest_of(place) != kept["sha256"]:
        found.append(Finding(shown, CHANGED))
    return found


def of_folder(
    shown: str, place: pathlib.Path, owner: int | None, *, mode: int = FOLDER_MODE, group: int | None = None
) -> list[Finding]:
    """What is wrong about a directory."""
    return _of_place(shown, place, stat.S_ISDIR, "a directory") or _of_status(shown, place, mode, group, owner)


def of_link(shown: str, place: pathlib.Path, target: str) -> list[Finding]:
    """What is wrong about a link."""
    status = status_at(place)
    if status is None:
        return [Finding(shown, MISSING, f"a link to {target}")]
    if not stat.S_ISLNK(status.st_mode):
        return [Finding(shown, LINK, target, _kind(status.st_mode))]
    found = os.readlink(str(place))
    return [] if found == target else [Finding(shown, LINK, target, found)]


def _of_place(shown: str, place: pathlib.Path, wanted: t.Callable[[int], bool], name: str) -> list[Finding]:
    """Where there is nothing, or something else."""
    status = status_at(place)
    if status is None:
        return [Finding(shown, MISSING, name)]
    return [] if wanted(status.st_mode) else [Finding(shown, CHANGED, name, _kind(status.st_mode))]


def _digest_of(place: pathlib.Path) -> str:
    plain = read_plain(place)
    return digest_of(plain.data) if plain else ""


def _of_status(shown: str, place: pathlib.Path, mode: int, group: int | None, owner: int | None) -> list[Finding]:
    status = status_at(place)
    if status is None:
        return []
    found = []
    if stat.S_IMODE(status.st_mode) != mode:
        found.append(Finding(shown, MODE, f"{mode:04o}", f"{stat.S_IMODE(status.st_mode):04o}"))
    if owner not in (None, status.st_uid) or group not in (None, status.st_gid):
        whose = status.st_uid if owner is None else owner, status.st_gid if group is None else group
        found.append(Finding(shown, OWNER, "{}:{}".format(*whose), f"{status.st_uid}:{status.st_gid}"))
    return found


def _kind(mode: int) -> str:
    return next((name for test, name in _KINDS if test(mode)), "something else")
