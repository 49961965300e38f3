# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version 2: evidence, and settings such as the key that evidence has to be signed with (private)."""

from __future__ import annotations

import typing as t

from ..._optional import optional

if t.TYPE_CHECKING:
    from alembic.operations import Operations
    from sqlalchemy import JSON, Column, Text
else:
    JSON, Column, Text = optional("sqlalchemy", "JSON", "Column", "Text", package="SQLAlchemy")

__all__ = ["upgrade"]


def upgrade(operations: Operations) -> None:
    """From version 1 to version 2."""
    operations.create_table(
        "settings",
        Column("name", Text, primary_key=True),
        Column("value", JSON, nullable=False),
        Column("recorded", Text, nullable=False),
    )
    operations.create_table(
        "evidence",
        Column("id", Text, primary_key=True),
        *(Column(name, Text, nullable=False) for name in ("kind", "package", "before", "after", "recorded")),
        Column("envelope", JSON, nullable=False),
    )
    operations.create_index("evidence_pair", "evidence", ["kind", "package", "before", "after"])
