# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A question that could not be asked (private)."""

from __future__ import annotations

__all__ = ["NotAsked"]


class NotAsked(Exception):
    """The probe failed before it reached what it asks: no such program, no such name, no such certificate store."""
