# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One writer at a time on a host, and no writer that has been overtaken (private)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import typing as t

from .._model import outcome
from .._model.errors import ConflictError
from .disk import Disk
from .journal import Journal

__all__ = ["LOCK_WAIT", "Fence", "check_fence", "locked"]

LOCK_WAIT = 10.0
LOCK_INTERVAL = 0.1


class Fence(t.NamedTuple):
    """Which controller speaks: its registry, and the token of its lease, which only grows."""

    registry: str
    token: int


@contextlib.contextmanager
def locked(
    disk: Disk, *, clock: t.Callable[[], float], wait: t.Callable[[float], None], limit: float = LOCK_WAIT
) -> t.Iterator[None]:
    """Hold the instance's lock. The kernel gives it back when the process ends, however it ends.

    Raises:
        ConflictError: somebody else held it for ``limit`` seconds (``host-locked``).
    """
    disk.make_directory()
    handle = os.open(str(disk.path("lock")), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+") as stream:
        os.fchmod(handle, 0o600)  # whoever can open it can hold it
        deadline = clock() + limit
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if clock() >= deadline:
                    stream.seek(0)
                    raise ConflictError(
                        "host-locked",
                        "{} is in use by process {}".format(disk.root, stream.read().strip() or "?"),
                        hint="Wait for it to end, then run the same command again.",
                    ) from None
                wait(LOCK_INTERVAL)
        stream.seek(0)
        stream.truncate()
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def check_fence(disk: Disk, journal: Journal, fence: Fence | None, *, keep: bool) -> None:
    """Refuse a controller that has been overtaken; remember (``keep``) the one that speaks.

    A run by hand has no fence and is let through. A controller with another registry is let through unless a deployment
    that somebody else activated still waits for its confirmation.

    Raises:
        ConflictError: ``fenced``, ``fence-foreign``.
    """
    if fence is None:
        return
    known = disk.read_json("fence.json") or {}
    if known.get("registry") == fence.registry:
        if known["token"] > fence.token:
            raise ConflictError(
                "fenced",
                "{}: a newer rollout (token {}) has spoken to this host; this one holds token {}".format(
                    disk.root, known["token"], fence.token
                ),
                hint="Another run took over: follow that one. If none did, the registry's clock is behind.",
            )
    elif known and journal.history().state == outcome.PROVISIONAL:
        raise ConflictError(
            "fence-foreign",
            "{}: a deployment activated by another controller (registry {}) is not yet confirmed".format(
                disk.root, known["registry"]
            ),
            hint="Confirm or revert it there, or by release_revert without a rollout.",
        )
    if keep and known != fence._asdict():
        disk.write(json.dumps(fence._asdict()).encode("utf-8"), "fence.json")
