# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version 4: who began a rollout, what people ask of it, the jobs that work on it, what a failure speaks against, who
shares a lease, and how leases ended (private)."""

from __future__ import annotations

import typing as t

from ..._optional import optional

if t.TYPE_CHECKING:
    from alembic.operations import Operations
    from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Integer, Text, text
else:
    JSON, BigInteger, Column, ForeignKey, Integer, Text, text = optional(
        "sqlalchemy", "JSON", "BigInteger", "Column", "ForeignKey", "Integer", "Text", "text", package="SQLAlchemy"
    )

__all__ = ["upgrade"]


def upgrade(operations: Operations) -> None:
    """From version 3 to version 4."""
    operations.add_column("rollouts", Column("by", Text, nullable=False, server_default=""))
    operations.create_table(
        "orders",
        Column("rollout", Text, ForeignKey("rollouts.id"), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        *(Column(name, Text, nullable=False) for name in ("kind", "by", "reason", "given")),
    )
    operations.add_column("deployments", Column("cause", Text, nullable=False, server_default=""))
    operations.create_table(
        "jobs",
        Column("rollout", Text, ForeignKey("rollouts.id"), primary_key=True),
        Column("job", Text, primary_key=True),
        Column("hosts", JSON, nullable=False),
        Column("token", BigInteger, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("host", "boot", "started", "joined", "expires")),
        *(Column(name, Integer, nullable=False) for name in ("pid", "ready")),
        Column("ended", Text, nullable=False, server_default=""),
    )
    _leases(operations)


def _leases(operations: Operations) -> None:
    """A lease may have several holders now; who holds one while this runs goes on to hold it."""
    connection = operations.get_bind()
    held = [{**row, "joined": row["acquired"]} for row in connection.execute(text("SELECT * FROM leases")).mappings()]
    operations.drop_table("leases")
    leases = operations.create_table(
        "leases",
        *(Column(name, Text, primary_key=True) for name in ("package", "environment", "instance")),
        Column("token", BigInteger, nullable=False),
        Column("acquired", Text, nullable=False),
    )
    members = operations.create_table(
        "lease_members",
        Column("token", BigInteger, primary_key=True, autoincrement=False),
        *(Column(name, Text, primary_key=True) for name in ("host", "boot", "started")),
        Column("pid", Integer, primary_key=True, autoincrement=False),
        *(Column(name, Text, nullable=False) for name in ("joined", "renewed", "expires")),
    )
    operations.create_table(
        "lease_history",
        Column("token", BigInteger, primary_key=True, autoincrement=False),
        Column("number", Integer, primary_key=True, autoincrement=False),
        *(
            Column(name, Text, nullable=False)
            for name in ("package", "environment", "instance", "holder", "joined", "ended", "how", "by")
        ),
    )
    operations.bulk_insert(leases, [_values(leases, row) for row in held])
    holders = {row["token"]: row for row in held}
    operations.bulk_insert(members, [_values(members, row) for row in holders.values()])


def _values(table: t.Any, row: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {column.name: row[column.name] for column in table.columns}
