# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The heartbeat of a run: a process beside it that renews its lease, and ends with it (private).

The verbs of a run live in short workers and the run itself is Ansible's, so neither can renew while a wave takes its
time. The heartbeat is no daemon: it watches the run and is gone about a second after it, however that ended. It has
nothing of the run open: no terminal, no pipe, no file, no directory.
"""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import os
import subprocess
import sys
import time
import typing as t

from ...module_utils._model.errors import BackendError, ConflictError, RelmgmtError
from .._beside import detach, start_beside
from .holder import Holder
from .leases import Lease
from .registry import Registry

__all__ = ["beat", "lives", "main", "start"]

LOOK_SECONDS = 1.0  # between two looks at the run
RETRY_SECONDS = 5.0  # after a beat that the registry did not take


def start(location: str, lease: Lease, holder: Holder, *, ttl: float) -> None:
    """Let the lease be renewed for as long as the holder lives.

    Raises:
        BackendError: no process can be started (``heartbeat-failed``).
    """
    request = {
        "location": location,
        "lease": dataclasses.asdict(lease),
        "holder": dataclasses.asdict(holder),
        "ttl": ttl,
    }
    try:
        start_beside(__name__, request)  # The location may hold a password.
    except (OSError, subprocess.CalledProcessError) as exc:
        raise BackendError(
            "heartbeat-failed",
            f"The process that keeps the lease on {lease} cannot be started: {exc}",
            hint=f"See whether {sys.executable or 'Python'} can be run by this user.",
        ) from exc


def main(request: dict[str, t.Any]) -> None:
    """The process itself."""
    detach()
    lease = Lease(**{**request["lease"], "databases": tuple(request["lease"]["databases"])})
    holder, ttl = Holder(**request["holder"]), float(request["ttl"])

    def renew() -> None:
        with Registry.open(request["location"], identity=lease.registry) as registry:
            registry.beat(lease, holder, ttl=ttl)

    beat(renew, lambda: lives(holder), every=ttl / 3)


def beat(
    renew: collections.abc.Callable[[], object],
    lives: collections.abc.Callable[[], bool],
    *,
    every: float,
    clock: collections.abc.Callable[[], float] = time.monotonic,
    sleep: collections.abc.Callable[[float], None] = time.sleep,
) -> None:
    """Renew every so many seconds, until the run ends or the lease is not its own any more."""
    due = clock() + every
    while lives():
        if clock() >= due:
            try:
                renew()
                due = clock() + every
            except ConflictError:
                return
            except RelmgmtError:
                due = clock() + min(RETRY_SECONDS, every)
        sleep(LOOK_SECONDS)


def lives(holder: Holder) -> bool:
    """Whether the process of this machine does. Where nobody tells when processes began, one of that number is it."""
    if holder.started:
        return Holder.of(holder.pid).started == holder.started
    with contextlib.suppress(PermissionError):
        try:
            os.kill(holder.pid, 0)
        except ProcessLookupError:
            return False
    return True
