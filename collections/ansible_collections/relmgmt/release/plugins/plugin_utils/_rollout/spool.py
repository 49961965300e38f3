# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the registry did not take, on the controller's disk until it is there again (private).

One file a job, below the home directory of the user: it is to outlive the run, and the registry's disk may be full.
"""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import json
import os
import pathlib

from .._registry import Entry, Holder, is_alive, stamp, utc_now

__all__ = ["DIRECTORY", "Waiting", "add", "left", "of_job", "remove"]

DIRECTORY = "~/.local/share/relmgmt/unrecorded"


@dataclasses.dataclass(frozen=True)
class Waiting:
    """What a job has to tell a registry, in its order. token: of the lease that the job held."""

    registry: str
    rollout: str
    token: int
    holder: Holder
    entries: tuple[Entry, ...] = ()

    @property
    def path(self) -> pathlib.Path:
        return pathlib.Path(DIRECTORY).expanduser() / f"{self.rollout}-{self.holder.pid}.json"


def of_job(job: Waiting) -> Waiting:
    """The job with what waits of it."""
    kept = _read(job.path)
    return kept if kept and (kept.registry, kept.token, kept.holder) == (job.registry, job.token, job.holder) else job


def add(job: Waiting, entries: collections.abc.Iterable[Entry]) -> None:
    """Keep more of it; what has no time happened now.

    Raises:
        OSError: it cannot be written.
    """
    now = stamp(utc_now())
    timed = [entry if entry.at else entry._replace(at=now) for entry in entries]
    data = dataclasses.asdict(dataclasses.replace(job, entries=(*job.entries, *timed)))
    job.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = job.path.with_suffix(".tmp")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as stream:
        json.dump(data, stream)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(job.path)


def remove(job: Waiting) -> None:
    """Nothing of it waits any more."""
    with contextlib.suppress(OSError):
        job.path.unlink()


def left(registry: str) -> list[Waiting]:
    """What jobs that have ended left for a registry, the oldest rollout first; an earlier one of this run is one."""
    found = [_read(path) for path in sorted(pathlib.Path(DIRECTORY).expanduser().glob("*.json"))]
    return [job for job in found if job and job.registry == registry and _ended(job.holder)]


def _ended(holder: Holder) -> bool:
    return holder == Holder.run() or not is_alive(holder)


def _read(path: pathlib.Path) -> Waiting | None:
    """None where there is nothing that can be read."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        entries = tuple(Entry(*entry) for entry in data.pop("entries"))
        return Waiting(**{**data, "holder": Holder(**data["holder"]), "entries": entries})
    except (OSError, ValueError, TypeError, KeyError):
        return None
