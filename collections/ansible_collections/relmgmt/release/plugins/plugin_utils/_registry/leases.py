# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leases: one job at a time on a package in an environment, and on each database that it changes (private).

A fencing token is given once, greater than all before it in the whole registry; hosts refuse a smaller one than they
saw. Taking the token first also makes contenders queue: it locks the registry's only row until the transaction ends.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ...module_utils._model.errors import ConflictError
from .._optional import optional
from .clock import stamp
from .holder import Alive, Holder
from .tables import tables

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, Row, and_, delete, insert, select, update
else:
    and_, delete, insert, select, update = optional(
        "sqlalchemy", "and_", "delete", "insert", "select", "update", package="SQLAlchemy"
    )

__all__ = ["Lease", "acquire", "release", "renew", "require_free"]


@dataclasses.dataclass(frozen=True)
class Lease:
    """The right to roll out a package to an instance of an environment until ``expires``; ``registry`` is an id.

    It covers databases, whichever package or instance they belong to, under the same token.
    """

    registry: str
    package: str
    environment: str
    instance: str
    token: int
    expires: str
    databases: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.package} in {self.environment} (instance {self.instance})"


def acquire(
    connection: Connection, wanted: Lease, holder: Holder, *, now: datetime.datetime, ttl: float, alive: Alive
) -> Lease:
    """The lease with its token, within a writing transaction.

    Raises:
        ConflictError: another process holds it (``rollout-locked``).
    """
    registry, leases = tables().registry, tables().leases
    connection.execute(update(registry).values(token=registry.c.token + 1))
    token = int(connection.execute(select(registry.c.token)).scalar_one())
    lease = dataclasses.replace(wanted, token=token, expires=stamp(now + datetime.timedelta(seconds=ttl)))
    times = {"acquired": stamp(now), "renewed": stamp(now), "expires": lease.expires}
    for what, values in _rows(wanted):
        here = and_(*(leases.c[name] == value for name, value in values.items()))
        row = connection.execute(select(leases).where(here)).one_or_none()
        if row is not None:
            _refuse_held(what, row, holder, now=now, alive=alive)
            connection.execute(delete(leases).where(here))
        connection.execute(insert(leases).values(**values, **dataclasses.asdict(holder), **times, token=lease.token))
    return lease


def require_free(
    connection: Connection, wanted: Lease, holder: Holder, *, now: datetime.datetime, alive: Alive
) -> None:
    """Raise as ``acquire`` where that would; nothing is written."""
    leases = tables().leases
    for what, values in _rows(wanted):
        here = and_(*(leases.c[name] == value for name, value in values.items()))
        row = connection.execute(select(leases).where(here)).one_or_none()
        if row is not None:
            _refuse_held(what, row, holder, now=now, alive=alive)


def renew(connection: Connection, lease: Lease, *, now: datetime.datetime, ttl: float) -> Lease:
    """The same lease for longer.

    Raises:
        ConflictError: it is gone, or somebody else took it over (``lease-lost``).
    """
    longer = dataclasses.replace(lease, expires=stamp(now + datetime.timedelta(seconds=ttl)))
    table = tables().leases
    renewed = update(table).where(table.c.token == lease.token).values(renewed=stamp(now), expires=longer.expires)
    if connection.execute(renewed).rowcount != len(_rows(lease)):
        raise ConflictError(
            "lease-lost",
            f"The lease on {lease} with token {lease.token} is gone or was taken over",
            hint="Another run may be at work: see it with relmgmt.release.rollout_info.",
        )
    return longer


def release(connection: Connection, lease: Lease) -> bool:
    """Give it back; False if it was not ours any more."""
    table = tables().leases
    return connection.execute(delete(table).where(table.c.token == lease.token)).rowcount == len(_rows(lease))


def _refuse_held(what: str, row: Row[t.Any], holder: Holder, *, now: datetime.datetime, alive: Alive) -> None:
    other = Holder(row.host, row.boot, row.pid, row.started)
    if other == holder or row.expires <= stamp(now) or not alive(other):
        return
    raise ConflictError(
        "rollout-locked",
        f"{what} is held by {other} since {row.acquired}",
        hint=f"Wait for that run, or end it; without a sign of life the lease ends at {row.expires}.",
    )


def _rows(lease: Lease) -> list[tuple[str, dict[str, str]]]:
    """What is leased, for people and by its key; no package is called as databases are here."""
    package = {"package": lease.package, "environment": lease.environment, "instance": lease.instance}
    databases = [
        (f"Database {database}", {"package": "database", "environment": database, "instance": ""})
        for database in lease.databases
    ]
    return [(str(lease), package), *databases]
