# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Status: what runs where, and what of it is not as it was left (private)."""

from __future__ import annotations

from .standing import Asked, Standing, open_rollout, standings
from .table import table

__all__ = ["Asked", "Standing", "open_rollout", "standings", "table"]
