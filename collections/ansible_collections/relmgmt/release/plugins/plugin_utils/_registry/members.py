# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes that hold a lease, and how each of them stopped to (private).

Whom we see living holds on, whatever the clock says; who is certainly gone does not; where nobody can say, time
decides.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import typing as t

from .._holder import Alive, Holder, is_near
from .._optional import optional
from .clock import stamp
from .tables import tables

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, and_, delete, func, insert, select, update
else:
    and_, delete, func, insert, select, update = optional(
        "sqlalchemy", "and_", "delete", "func", "insert", "select", "update", package="SQLAlchemy"
    )

__all__ = ["DIED", "EXPIRED", "RELEASED", "TAKEN_OVER", "Member", "beat", "end", "history", "holders", "join", "living"]

RELEASED = "released"
EXPIRED = "expired"
DIED = "died"
TAKEN_OVER = "taken-over"
DATABASE = "database"  # stands for the package where a database is leased; no package is called so
Data = dict[str, t.Any]
Where = collections.abc.Mapping[str, str]


class Member(t.NamedTuple):
    """One holder of a lease. ``gone``: how its time has ended already, empty if it has not."""

    holder: Holder
    joined: str
    expires: str
    gone: str


def join(connection: Connection, token: int, holder: Holder, *, now: datetime.datetime, ttl: float) -> str:
    """The holder, new or not, holds the lease for ``ttl`` seconds from now; until when."""
    if not beat(connection, token, holder, now=now, ttl=ttl):
        times = {"joined": stamp(now), **_times(now, ttl)}
        values = {"token": token, **dataclasses.asdict(holder), **times}
        connection.execute(insert(tables().lease_members).values(**values))
    return _times(now, ttl)["expires"]


def beat(connection: Connection, token: int, holder: Holder, *, now: datetime.datetime, ttl: float) -> bool:
    """A sign of life; False if the holder is no member, or not any more."""
    table = tables().lease_members
    return bool(connection.execute(update(table).where(_here(token, holder)).values(**_times(now, ttl))).rowcount)


def living(connection: Connection, token: int, *, now: datetime.datetime, alive: Alive) -> list[Member]:
    """All members, in the order in which they came; of those that hold no longer ``gone`` says so."""
    table = tables().lease_members
    query = select(table).where(table.c.token == token).order_by(table.c.joined, table.c.host, table.c.pid)
    return [_member(row, now=now, alive=alive) for row in connection.execute(query).mappings()]


def end(
    connection: Connection, token: int, member: Member, how: str, *, by: Holder | None, now: datetime.datetime
) -> None:
    """Take the member from the lease, on record: once for each package that it covers. by: who did; None if itself."""
    gone, leases = tables().lease_history, tables().leases
    connection.execute(delete(tables().lease_members).where(_here(token, member.holder)))
    here = select(leases).where(leases.c.token == token, leases.c.package != DATABASE).order_by(leases.c.package)
    number = connection.execute(select(func.count()).select_from(gone).where(gone.c.token == token)).scalar_one()
    for lease in connection.execute(here).all():
        number += 1
        connection.execute(
            insert(gone).values(
                token=token,
                number=number,
                package=lease.package,
                environment=lease.environment,
                instance=lease.instance,
                holder=str(member.holder),
                joined=member.joined,
                ended=stamp(now),
                how=how,
                by=str(by or member.holder),
            )
        )


def holders(connection: Connection, where: Where, *, now: datetime.datetime, alive: Alive) -> list[Data]:
    """Who holds leases whose columns have the given values, by package and in the order in which they came."""
    members, leases = tables().lease_members, tables().leases
    keys = ("package", "environment", "instance")
    query = (
        select(*(leases.c[name] for name in keys), members)
        .join(leases, leases.c.token == members.c.token)
        .where(leases.c.package != DATABASE, *(leases.c[name] == value for name, value in where.items()))
        .order_by(*(leases.c[name] for name in keys), members.c.joined, members.c.host, members.c.pid)
    )
    found = []
    for row in connection.execute(query).mappings():
        member = _member(row, now=now, alive=alive)
        about = {name: row[name] for name in (*keys, "token", "host", "pid", "joined", "renewed", "expires")}
        found.append({**about, "holder": str(member.holder), "gone": member.gone})
    return found


def history(connection: Connection, where: Where, *, limit: int) -> list[Data]:
    """Who held leases whose columns have the given values, and how that ended; the latest end first."""
    table = tables().lease_history
    query = select(table).where(*(table.c[name] == value for name, value in where.items()))
    query = query.order_by(table.c.ended.desc(), table.c.token.desc(), table.c.number.desc()).limit(limit)
    return [{name: row[name] for name in row if name != "number"} for row in connection.execute(query).mappings()]


def _member(row: RowMapping, *, now: datetime.datetime, alive: Alive) -> Member:
    holder = Holder(**{field.name: row[field.name] for field in dataclasses.fields(Holder)})
    late = EXPIRED if row["expires"] <= stamp(now) and not is_near(holder) else ""
    return Member(holder, row["joined"], row["expires"], late if alive(holder) else DIED)


def _times(now: datetime.datetime, ttl: float) -> dict[str, str]:
    return {"renewed": stamp(now), "expires": stamp(now + datetime.timedelta(seconds=ttl))}


def _here(token: int, holder: Holder) -> t.Any:
    table = tables().lease_members
    values = {"token": token, **dataclasses.asdict(holder)}
    return and_(*(table.c[name] == value for name, value in values.items()))
