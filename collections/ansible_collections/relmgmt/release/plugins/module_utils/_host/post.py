# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a guard stands: a lock that says that somebody sees to the way back of an instance (private)."""

from __future__ import annotations

import fcntl
import os
import typing as t

from .instance import Instance

__all__ = ["Post", "guarded"]

_LOCK = "guard"
_ATTEMPTS, _PAUSE = 10, 0.05


class Post:
    """The lock. The kernel gives it back when the process ends, however it ends."""

    def __init__(self, instance: Instance) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(str(instance.disk.path(_LOCK)), flags, 0o600)

    def take(self, wait: t.Callable[[float], None]) -> bool:
        """False where somebody else has it: for longer than it takes to ask who has."""
        for _attempt in range(_ATTEMPTS):
            if _free(self._handle):
                return True
            wait(_PAUSE)
        return False

    def leave(self) -> None:
        fcntl.flock(self._handle, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._handle)


def guarded(instance: Instance) -> bool | None:
    """Whether a guard watches the instance; True is said for as long as the caller holds the instance's lock. None:
    this user may not know."""
    try:
        handle = os.open(str(instance.disk.path(_LOCK)), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except PermissionError:
        return None
    try:
        return not _free(handle)
    finally:
        os.close(handle)


def _free(handle: int) -> bool:
    """Whether nobody had the lock; from then on the handle has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
