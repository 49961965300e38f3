# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading rollouts with their waves, deployments and migrations, evidence, and settings, as plain data (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from .._optional import optional
from .clock import seconds
from .tables import tables

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, Table, select
else:
    (select,) = optional("sqlalchemy", "select", package="SQLAlchemy")

__all__ = ["evidence", "rollouts", "setting"]

Data = dict[str, t.Any]


def rollouts(
    connection: Connection, where: collections.abc.Mapping[str, str], *, limit: int | None = None
) -> list[Data]:
    """Those whose columns have the given values, newest first."""
    table = tables().rollouts
    query = select(table).order_by(table.c.started.desc(), table.c.id.desc()).limit(limit)
    for name, value in where.items():
        query = query.where(table.c[name] == value)
    found = [{**row, "seconds": seconds(dict(row))} for row in connection.execute(query).mappings()]
    ids = [rollout["id"] for rollout in found]
    waves = {
        identity: [{**wave, "seconds": seconds(wave)} for wave in rows]
        for identity, rows in _children(connection, tables().waves, ids, "index").items()
    }
    deployments = _children(connection, tables().deployments, ids, "host")
    migrations = _children(connection, tables().migrations, ids, "started", "database")
    orders = _children(connection, tables().orders, ids, "number")
    children = {"waves": waves, "deployments": deployments, "migrations": migrations, "orders": orders}
    return [{**row, **{name: rows[row["id"]] for name, rows in children.items()}} for row in found]


def evidence(connection: Connection, where: collections.abc.Mapping[str, str]) -> list[Data]:
    """That whose columns have the given values, newest first."""
    table = tables().evidence
    query = select(table).order_by(table.c.recorded.desc(), table.c.id)
    for name, value in where.items():
        query = query.where(table.c[name] == value)
    return [dict(row) for row in connection.execute(query).mappings()]


def setting(connection: Connection, name: str) -> Data | None:
    """Its value; None if it was never set."""
    table = tables().settings
    value: Data | None = connection.execute(select(table.c.value).where(table.c.name == name)).scalar_one_or_none()
    return value


def _children(connection: Connection, table: Table, ids: list[str], *order: str) -> dict[str, list[Data]]:
    children: dict[str, list[Data]] = {identity: [] for identity in ids}
    query = select(table).where(table.c.rollout.in_(ids)).order_by(*(table.c[name] for name in order))
    for row in connection.execute(query).mappings():
        children[row["rollout"]].append({name: value for name, value in row.items() if name != "rollout"})
    return children
