# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a database's refusal means: code and next step, and whom to look for where it is busy (private)."""

from __future__ import annotations

import collections.abc
import os
import pathlib
import typing as t

from ...module_utils._model.errors import BackendError

__all__ = ["gone", "refusal", "users"]

BUSY = "registry-busy"
_HINT = "Name a SQLite file or a PostgreSQL URL, and see that it can be reached, and be written by this user."


class Refusal(t.NamedTuple):
    """What the database says contains one of ``words``."""

    code: str
    words: tuple[str, ...]
    hint: str


_REFUSALS = (
    Refusal(BUSY, ("locked", "lock timeout"), "Run it again when the other run is done."),
    Refusal(
        "registry-full",
        ("is full", "No space left", "53100"),
        "Make room for it. Hosts need none of it: what runs now ends, and is recorded later.",
    ),
    Refusal(
        "registry-readonly", ("readonly", "read-only"), "Let this user write to it; a standby server is read only."
    ),
)


def refusal(name: str, cause: str, who: collections.abc.Callable[[], str]) -> BackendError:
    """The error for what a database said of itself. who: names those who use it, for people; asked if it is busy."""
    for known in _REFUSALS:
        if any(word in cause for word in known.words):
            used = who() if known.code == BUSY else ""
            return BackendError(known.code, f"The registry {name}: {cause}{used}", hint=known.hint)
    return BackendError("registry-failed", f"The registry {name}: {cause}", hint=_HINT)


def gone(name: str, why: str) -> BackendError:
    """What was opened again is not what the run began with."""
    return BackendError(
        "registry-gone",
        f"The registry {name} {why}",
        hint="Bring it back, from a backup if need be: see docs/registry.md.",
    )


def users(path: pathlib.Path) -> str:
    """The other processes of this machine that have the file open, as far as this user may see them."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            here = any(os.readlink(handle) == str(path) for handle in (entry / "fd").iterdir())
        except OSError:
            continue
        if here and entry.name != str(os.getpid()):
            found.append(f"process {entry.name}")
    return f" (open in {', '.join(sorted(found))})" if found else ""
