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
    from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Integer, Text
else:
    JSON, BigInteger, Column, ForeignKey, Integer, Text = optional(
        "sqlalchemy", "JSON", "BigInteger", "Column", "ForeignKey", "Integer", "Text", package="SQLAlchemy"
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
    operations.create_table(
        "lease_members",
        *(Column(name, Text, primary_key=True) for name in ("package", "environment", "instance", "host", "boot")),
        Column("pid", Integer, primary_key=True, autoincrement=False),
        Column("started", Text, primary_key=True),
        Column("token", BigInteger, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("joined", "renewed", "expires")),
    )
    operations.create_table(
        "lease_history",
        *(Column(name, Text, primary_key=True) for name in ("package", "environment", "instance")),
        Column("token", BigInteger, primary_key=True, autoincrement=False),
        *(Column(name, Text, nullable=False) for name in ("holder", "acquired", "ended", "how", "by")),
    )
