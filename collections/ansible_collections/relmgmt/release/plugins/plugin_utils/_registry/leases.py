# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leases: one rollout at a time of a package in an environment, and on each database that it changes (private).

A fencing token is given once, greater than all before it in the whole registry; hosts refuse a smaller one than they
saw. It is no smaller than the time, so that a registry which lost its last days gives none again that it gave then.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ...module_utils._model.errors import ConflictError
from .._holder import Alive, Holder, is_near
from .._optional import optional
from . import members
from .clock import stamp
from .tables import tables

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update
else:
    and_, delete, func, insert, select, update = optional(
        "sqlalchemy", "and_", "delete", "func", "insert", "select", "update", package="SQLAlchemy"
    )

__all__ = ["Lease", "acquire", "beat", "join", "release", "renew", "require_free"]


@dataclasses.dataclass(frozen=True)
class Lease:
    """The right to roll out a package to an instance of an environment until ``expires``; ``registry`` is an id.

    It covers databases, whichever package or instance they belong to, and packages that it replaces, under the same
    token.
    """

    registry: str
    package: str
    environment: str
    instance: str
    token: int
    expires: str
    databases: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.package} in {self.environment} (instance {self.instance})"


def acquire(
    connection: Connection, wanted: Lease, holder: Holder, *, now: datetime.datetime, ttl: float, alive: Alive
) -> Lease:
    """The lease with its token, within a writing transaction.

    Raises:
        ConflictError: another process holds it (``rollout-locked``).
    """
    leases, token = tables().leases, _next_token(connection, now)
    for what, values in _rows(wanted):
        here = and_(*(leases.c[name] == value for name, value in values.items()))
        row = connection.execute(select(leases).where(here)).one_or_none()
        if row is not None:
            _take_over(connection, what, row, holder, now=now, alive=alive)
        connection.execute(insert(leases).values(**values, token=token, acquired=stamp(now)))
    until = members.join(connection, token, holder, now=now, ttl=ttl)
    return dataclasses.replace(wanted, token=token, expires=until)


def require_free(
    connection: Connection, wanted: Lease, holder: Holder, *, now: datetime.datetime, alive: Alive
) -> None:
    """Raise as ``acquire`` where that would; nothing is written. A lease that has the token that is wanted is one to
    join."""
    leases = tables().leases
    for what, values in _rows(wanted):
        here = and_(*(leases.c[name] == value for name, value in values.items()))
        row = connection.execute(select(leases).where(here)).one_or_none()
        if row is not None and row.token != wanted.token:
            _refuse_held(connection, what, row, holder, now=now, alive=alive)


def join(
    connection: Connection, lease: Lease, holder: Holder, *, now: datetime.datetime, ttl: float, alive: Alive
) -> Lease:
    """The same lease, held by one more.

    Raises:
        ConflictError: it is not that one any more, or nobody is left who holds it (``lease-lost``).
    """
    if all(member.gone for member in members.living(connection, lease.token, now=now, alive=alive)):
        raise _lost(lease)
    return renew(connection, lease, holder, now=now, ttl=ttl)


def renew(connection: Connection, lease: Lease, holder: Holder, *, now: datetime.datetime, ttl: float) -> Lease:
    """The same lease for longer: nobody has taken it over, so who comes late may still have it.

    Raises:
        ConflictError: it is gone, or somebody else took it over (``lease-lost``).
    """
    leases = tables().leases
    count = connection.execute(select(func.count()).select_from(leases).where(leases.c.token == lease.token))
    if count.scalar_one() != len(_rows(lease)):
        raise _lost(lease)
    return dataclasses.replace(lease, expires=members.join(connection, lease.token, holder, now=now, ttl=ttl))


def beat(connection: Connection, lease: Lease, holder: Holder, *, now: datetime.datetime, ttl: float) -> None:
    """Renew it for a holder that has not left it.

    Raises:
        ConflictError: it has, or the lease is lost (``lease-lost``).
    """
    if not members.beat(connection, lease.token, holder, now=now, ttl=ttl):
        raise _lost(lease)


def release(connection: Connection, lease: Lease, holder: Holder, *, now: datetime.datetime, alive: Alive) -> bool:
    """Leave it; the last gives it back. False if it was not the holder's any more."""
    ours = False
    left = []
    for member in members.living(connection, lease.token, now=now, alive=alive):
        if member.holder == holder:
            ours = True
            members.end(connection, lease.token, member, members.RELEASED, by=None, now=now)
        elif member.gone:
            members.end(connection, lease.token, member, member.gone, by=holder, now=now)
        else:
            left.append(member)
    if not left:
        connection.execute(delete(tables().leases).where(tables().leases.c.token == lease.token))
    return ours


def _next_token(connection: Connection, now: datetime.datetime) -> int:
    registry = tables().registry
    last = int(connection.execute(select(registry.c.token)).scalar_one())
    token = max(last + 1, int(now.timestamp()))
    connection.execute(update(registry).values(token=token))
    return token


def _take_over(
    connection: Connection, what: str, row: Row[t.Any], holder: Holder, *, now: datetime.datetime, alive: Alive
) -> None:
    """End the lease of the row if all who hold it are gone, or are the one that wants it."""
    for member in _refuse_held(connection, what, row, holder, now=now, alive=alive):
        members.end(connection, row.token, member, member.gone or members.TAKEN_OVER, by=holder, now=now)
    connection.execute(delete(tables().leases).where(tables().leases.c.token == row.token))


def _refuse_held(
    connection: Connection, what: str, row: Row[t.Any], holder: Holder, *, now: datetime.datetime, alive: Alive
) -> list[members.Member]:
    """Who holds the lease of the row, of whom nobody lives but the one that wants it."""
    held = members.living(connection, row.token, now=now, alive=alive)
    others = [member for member in held if not member.gone and member.holder != holder]
    if others:
        who = ", ".join(str(member.holder) for member in others)
        here = [str(member.holder) for member in others if is_near(member.holder)]
        ends = f"without a sign of life the lease ends at {max(member.expires for member in others)}"
        raise ConflictError(
            "rollout-locked",
            f"{what} is held by {who} since {row.acquired}",
            hint=f"Wait for that run, or end it; {f'{here[0]} lives' if here else ends}.",
        )
    return held


def _lost(lease: Lease) -> ConflictError:
    return ConflictError(
        "lease-lost",
        f"The lease on {lease} with token {lease.token} is gone or was taken over",
        hint="Another run may be at work: see it with relmgmt.release.rollout_info.",
    )


def _rows(lease: Lease) -> list[tuple[str, dict[str, str]]]:
    """What is leased, for people and by its key."""
    packages = [dataclasses.replace(lease, package=name) for name in (lease.package, *lease.replaces)]
    own = [
        (str(one), {"package": one.package, "environment": one.environment, "instance": one.instance})
        for one in packages
    ]
    databases = [
        (f"Database {database}", {"package": members.DATABASE, "environment": database, "instance": ""})
        for database in lease.databases
    ]
    return [*own, *databases]
