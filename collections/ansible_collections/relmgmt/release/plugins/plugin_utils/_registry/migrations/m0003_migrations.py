# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version 3: what rollouts do to databases (private)."""

from __future__ import annotations

import typing as t

from ..._optional import optional

if t.TYPE_CHECKING:
    from alembic.operations import Operations
    from sqlalchemy import Column, ForeignKey, Text
else:
    Column, ForeignKey, Text = optional("sqlalchemy", "Column", "ForeignKey", "Text", package="SQLAlchemy")

__all__ = ["upgrade"]


def upgrade(operations: Operations) -> None:
    """From version 2 to version 3."""
    operations.create_table(
        "migrations",
        Column("rollout", Text, ForeignKey("rollouts.id"), primary_key=True),
        *(Column(name, Text, primary_key=True) for name in ("database", "phase")),
        *(Column(name, Text, nullable=False) for name in ("host", "started", "outcome", "reason")),
        *(Column(name, Text) for name in ("finished", "version")),
    )
    operations.create_index("migrations_database", "migrations", ["database", "started"])
