# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventories: sites, environments, configuration items and their packages; and what a CMDB says of them (private)."""

from __future__ import annotations

from .adopting import adopt, text_of
from .cmdb_file import MAX_BYTES, Cmdb, cmdb_text, form_of, load_cmdb, named
from .difference import DIFFERENT, MISSING_HERE, MISSING_THERE, Difference, compare
from .fleet import Fleet, Group, Item, groups
from .record import Placed, Record, known, placed
from .recorded import recorded
from .sites import SUFFIXES, fleet, load, templates

__all__ = [
    "DIFFERENT",
    "MAX_BYTES",
    "MISSING_HERE",
    "MISSING_THERE",
    "SUFFIXES",
    "Cmdb",
    "Difference",
    "Fleet",
    "Group",
    "Item",
    "Placed",
    "Record",
    "adopt",
    "cmdb_text",
    "compare",
    "fleet",
    "form_of",
    "groups",
    "known",
    "load",
    "load_cmdb",
    "named",
    "placed",
    "recorded",
    "templates",
    "text_of",
]
