# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs that work on one rollout: which hosts each has, and how far it is (private).

A host belongs to one living job at a time. A job lives while it holds the rollout's present token, its process is not
known to be gone, and it is heard of in time.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import secrets
import typing as t

from ...module_utils._model.errors import ConflictError
from .._holder import Alive, Holder
from .._optional import optional
from . import members
from .clock import stamp
from .tables import tables

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, insert, select, update
else:
    insert, select, update = optional("sqlalchemy", "insert", "select", "update", package="SQLAlchemy")

__all__ = ["JobRow", "begin", "end", "of", "report", "require_untaken"]


@dataclasses.dataclass(frozen=True)
class JobRow:
    """One job. ready: the wave that it may begin as far as its own hosts go, 0 before the first."""

    id: str
    hosts: tuple[str, ...]
    holder: Holder
    ready: int = 0
    living: bool = True


def begin(
    connection: Connection,
    rollout: str,
    hosts: collections.abc.Sequence[str],
    holder: Holder,
    *,
    token: int,
    now: datetime.datetime,
    ttl: float,
    alive: Alive,
) -> str:
    """The id of the new job.

    Raises:
        ConflictError: another living job has one of the hosts (``host-taken``).
    """
    require_untaken(connection, rollout, hosts, holder, token=token, now=now, alive=alive)
    identity = secrets.token_hex(4)
    values = {"job": identity, "hosts": list(hosts), "token": token, "ready": 0, **dataclasses.asdict(holder)}
    times = {"joined": stamp(now), "expires": _later(now, ttl)}
    connection.execute(insert(tables().jobs).values(rollout=rollout, **values, **times))
    return identity


def require_untaken(
    connection: Connection,
    rollout: str,
    hosts: collections.abc.Sequence[str],
    holder: Holder,
    *,
    token: int,
    now: datetime.datetime,
    alive: Alive,
) -> None:
    """Raise as ``begin`` where that would; nothing is written."""
    for other in of(connection, rollout, token=token, now=now, alive=alive):
        both = sorted(set(other.hosts) & set(hosts))
        if other.living and other.holder != holder and both:
            raise ConflictError(
                "host-taken",
                f"{', '.join(both)} of rollout {rollout}: another job works on that, {other.holder}",
                hint="A host can be in one job of a rollout only: choose others, or wait for that job.",
            )


def report(
    connection: Connection, rollout: str, job: str, *, ready: int | None, now: datetime.datetime, ttl: float
) -> None:
    """It is still there; ready: and may begin this wave."""
    values = {"expires": _later(now, ttl), **({} if ready is None else {"ready": ready})}
    connection.execute(update(tables().jobs).where(*_here(rollout, job)).values(**values))


def end(connection: Connection, rollout: str, job: str, *, now: str) -> None:
    """It is done, well or not."""
    connection.execute(update(tables().jobs).where(*_here(rollout, job)).values(ended=now))


def of(connection: Connection, rollout: str, *, token: int, now: datetime.datetime, alive: Alive) -> list[JobRow]:
    """Every job that ever worked on the rollout, the oldest first."""
    table = tables().jobs
    query = select(table).where(table.c.rollout == rollout).order_by(table.c.joined, table.c.job)
    beating = {member.holder for member in members.living(connection, token, now=now, alive=alive) if not member.gone}
    found = []
    for row in connection.execute(query):
        holder = Holder(row.host, row.boot, row.pid, row.started)
        heard = holder in beating or (row.expires > stamp(now) and alive(holder))
        living = not row.ended and row.token == token and heard
        found.append(JobRow(row.job, tuple(row.hosts), holder, row.ready, living))
    return found


def _here(rollout: str, job: str) -> tuple[t.Any, ...]:
    table = tables().jobs
    return table.c.rollout == rollout, table.c.job == job


def _later(now: datetime.datetime, ttl: float) -> str:
    return stamp(now + datetime.timedelta(seconds=ttl))
