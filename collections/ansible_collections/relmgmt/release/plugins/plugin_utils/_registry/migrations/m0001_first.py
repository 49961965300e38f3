# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version 1: packages, promotions, rollouts with waves and deployments, leases (private)."""

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
    """From nothing to version 1."""
    operations.create_table("registry", _key("id"), _number("schema"), _number("token"))
    operations.create_table(
        "packages", _key("digest"), *_texts("name", "version", "versioning", "type", "owner", "recorded")
    )
    operations.create_table("promotions", _key("environment"), _key("digest"), *_texts("name", "version", "recorded"))
    _rollouts(operations)
    operations.create_table(
        "leases",
        *(_key(name) for name in ("package", "environment", "instance")),
        _number("token"),
        *_texts("host", "boot", "started", "acquired", "renewed", "expires"),
        Column("pid", Integer, nullable=False),
    )


def _rollouts(operations: Operations) -> None:
    operations.create_table(
        "rollouts",
        _key("id"),
        *_texts("kind", "package", "version", "digest", "environment", "instance", "strategy"),
        Column("plan", JSON, nullable=False),
        _number("token"),
        *_texts("started"),
        Column("finished", Text),
        *_texts("result", "reason"),
    )
    running = text("result = 'running'")
    operations.create_index(
        "rollouts_one_running", "rollouts", ["package", "environment", "instance"], unique=True,
        sqlite_where=running, postgresql_where=running,
    )  # fmt: skip
    operations.create_table(
        "waves",
        Column("rollout", Text, ForeignKey("rollouts.id"), primary_key=True),
        Column("index", Integer, primary_key=True, autoincrement=False),
        *_texts("name"),
        Column("hosts", JSON, nullable=False),
        *_texts("started"),
        Column("finished", Text),
        *_texts("verdict", "reason"),
    )
    operations.create_table(
        "deployments",
        Column("rollout", Text, ForeignKey("rollouts.id"), primary_key=True),
        _key("host"),
        *_texts("site"),
        Column("wave", Integer),
        *_texts("version_before", "version_after", "release", "profile", "outcome", "reason", "updated"),
        Column("deployment", Integer, nullable=False),
    )


def _key(name: str) -> Column[t.Any]:
    return Column(name, Text, primary_key=True)


def _number(name: str) -> Column[t.Any]:
    return Column(name, BigInteger, nullable=False)


def _texts(*names: str) -> list[Column[t.Any]]:
    return [Column(name, Text, nullable=False) for name in names]
