# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version 5: what the profiles of hosts were made of (private)."""

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
    """From version 4 to version 5."""
    operations.create_table(
        "profiles",
        Column("digest", Text, primary_key=True),
        *(
            Column(name, Text, nullable=False)
            for name in ("package", "version", "release", "environment", "instance", "host")
        ),
        *(
            Column(name, JSON, nullable=False)
            for name in ("config", "secrets", "versions", "facts", "relmgmt", "fallbacks", "asks")
        ),
        *(Column(name, Text, nullable=False) for name in ("rollout", "recorded")),
    )
