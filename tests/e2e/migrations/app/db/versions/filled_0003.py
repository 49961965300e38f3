# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrate: the column is filled."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("SELECT pg_advisory_xact_lock(3)")  # a test may hold it
    op.execute("UPDATE events SET summary = title")


def downgrade() -> None:
    op.execute("UPDATE events SET summary = NULL")
