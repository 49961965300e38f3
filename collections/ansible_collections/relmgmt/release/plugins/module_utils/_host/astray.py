# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Something about a service that is not as its start leaves it (private)."""

from __future__ import annotations

import typing as t

__all__ = ["Astray"]


class Astray(t.NamedTuple):
    """What it should be and what it is, for people. restarts: whether what runs has to be stopped to put it right."""

    expected: str
    found: str
    restarts: bool = False
