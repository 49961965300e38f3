# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drift: what of a host is not as it was left there, and not as the record wants it (private)."""

from __future__ import annotations

from .intent import Intent, against, intent_of, pinned
from .report import FORMATS, SUFFIXES, report
from .seen import Finding, Seen, seen

__all__ = ["FORMATS", "SUFFIXES", "Finding", "Intent", "Seen", "against", "intent_of", "pinned", "report", "seen"]
