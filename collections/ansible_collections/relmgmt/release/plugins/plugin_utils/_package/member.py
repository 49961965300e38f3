# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the readers of archives share: members, how much may come out, and what they refuse (private)."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ...module_utils._model.errors import InputError
from .limits import Limits

__all__ = ["Budget", "Member", "ambiguous", "damaged"]


class Member(t.NamedTuple):
    """One thing in an archive. path: as the archive says it; mode: as ``stat`` has it, with the type; link: where a
    symbolic link leads; attributes: names of what it carries besides its bytes."""

    path: str
    mode: int
    data: bytes = b""
    link: str = ""
    attributes: tuple[str, ...] = ()


class Budget:
    """Bytes and members that may still come out of an archive: a small one cannot become a large one."""

    def __init__(self, archive: pathlib.Path, limits: Limits) -> None:
        allowed = max(limits.archive_ratio * os.path.getsize(archive), limits.archive_floor)
        self._bytes = min(allowed, limits.archive_bytes)
        self._members = limits.unit_entries

    def take(self, size: int) -> None:
        """Raises InputError (``archive-too-large``) where that is more than is left."""
        self._bytes -= size
        if self._bytes < 0:
            raise InputError(
                "archive-too-large",
                "it unpacks to more than is allowed for its size",
                hint="Look whether it is what you think; if so, unpack it and make it a unit of kind 'files'.",
            )

    def count(self) -> None:
        """One member more. Raises as ``take``."""
        self._members -= 1
        if self._members < 0:
            raise InputError("archive-too-large", "it has too many members", hint="Make several units.")


def damaged(why: str) -> InputError:
    return InputError("archive-damaged", f"it cannot be read: {why}", hint="Get it anew from where it came.")


def ambiguous(why: str) -> InputError:
    """Two readers of the archive would find different things in it."""
    return InputError("archive-ambiguous", why, hint="Do not trust it; ask whoever made it to pack it anew.")
