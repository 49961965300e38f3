# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry's schema, step by step; a step that was released is never changed (private).

Each file has ``upgrade(operations)``; its place in ``MIGRATIONS`` is the version it leads to, beginning with 1.
"""

from __future__ import annotations

import typing as t

from . import m0001_first, m0002_evidence, m0003_migrations, m0004_orders, m0005_profiles

__all__ = ["MIGRATIONS"]

MIGRATIONS: tuple[t.Callable[[t.Any], None], ...] = (
    m0001_first.upgrade,
    m0002_evidence.upgrade,
    m0003_migrations.upgrade,
    m0004_orders.upgrade,
    m0005_profiles.upgrade,
)
