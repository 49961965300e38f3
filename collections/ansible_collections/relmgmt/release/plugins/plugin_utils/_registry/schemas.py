# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the registry knows of databases' schemas: who began to migrate one, and what it was told last (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from .._optional import optional
from .tables import tables

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, and_, delete, insert, select, update
else:
    and_, delete, insert, select, update = optional(
        "sqlalchemy", "and_", "delete", "insert", "select", "update", package="SQLAlchemy"
    )

__all__ = ["begin", "begun", "end", "give_up", "standing", "touched", "version"]

Data = dict[str, t.Any]
GIVEN_UP = "given up: nothing of it runs any more, somebody says"


def begin(connection: Connection, rollout: str, phase: str, hosts: t.Mapping[str, str], *, now: str) -> None:
    """hosts: database → the host that begins. What the same rollout did in this phase before is replaced."""
    table = tables().migrations
    for database, host in hosts.items():
        key = {"rollout": rollout, "database": database, "phase": phase}
        connection.execute(delete(table).where(and_(*(table.c[name] == value for name, value in key.items()))))
        connection.execute(insert(table).values(**key, host=host, started=now, outcome="", reason=""))


def end(connection: Connection, rollout: str, phase: str, database: str, result: Data, *, now: str) -> None:
    """result: outcome, version, reason; and whether it has ended, or nobody knows."""
    table = tables().migrations
    values = {name: result[name] for name in ("outcome", "version", "reason")}
    here = and_(table.c.rollout == rollout, table.c.database == database, table.c.phase == phase)
    connection.execute(update(table).where(here).values(**values, finished=now if result["ended"] else None))


def give_up(connection: Connection, host: str, *, now: str) -> None:
    """What was begun on the host counts as ended, nobody knows where."""
    table = tables().migrations
    here = and_(table.c.host == host, table.c.finished.is_(None))
    connection.execute(update(table).where(here).values(outcome="unknown", reason=GIVEN_UP, finished=now))


def begun(connection: Connection, database: str) -> Data | None:
    """The newest migration of it if nobody knows how that ended."""
    table = tables().migrations
    query = select(table).where(table.c.database == database).order_by(table.c.started.desc(), table.c.rollout.desc())
    row = connection.execute(query.limit(1)).mappings().one_or_none()
    return dict(row) if row and row["finished"] is None else None


def version(connection: Connection, database: str) -> str | None:
    """What its schema's version was after the newest migration; None if that is not known."""
    table = tables().migrations
    query = (
        select(table.c.version)
        .where(table.c.database == database, table.c.finished.is_not(None))
        .order_by(table.c.finished.desc(), table.c.started.desc())
    )
    found: str | None = connection.execute(query.limit(1)).scalar_one_or_none()
    return None if begun(connection, database) else found


def touched(connection: Connection, rollout: str) -> list[str]:
    """The databases that it began to migrate."""
    table = tables().migrations
    query = select(table.c.database).where(table.c.rollout == rollout).distinct().order_by(table.c.database)
    return list(connection.execute(query).scalars())


def standing(connection: Connection, package: str, instance: str) -> dict[str, tuple[str, str]]:
    """Host → environment, and the version of the package that it was last seen with."""
    rollouts, deployments = tables().rollouts, tables().deployments
    query = (
        select(deployments.c.host, rollouts.c.environment, deployments.c.version_after)
        .join(rollouts, rollouts.c.id == deployments.c.rollout)
        .where(rollouts.c.package == package, rollouts.c.instance == instance)
        .order_by(deployments.c.updated)
    )
    rows: collections.abc.Iterable[t.Any] = connection.execute(query)
    return {row.host: (row.environment, row.version_after) for row in rows}
