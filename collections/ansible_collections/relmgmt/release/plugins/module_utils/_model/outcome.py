# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened on a host and what follows from it (private)."""

from __future__ import annotations

__all__ = [
    "CONFIRMED",
    "CONTINUE",
    "FAILED",
    "OUTCOMES",
    "PAUSE",
    "PROVISIONAL",
    "REVERTED",
    "REVERT_ALL",
    "REVERT_WAVE",
    "STAGED",
    "UNKNOWN",
    "UNREACHABLE",
    "VERDICTS",
]

STAGED = "staged"
PROVISIONAL = "provisional"
CONFIRMED = "confirmed"
REVERTED = "reverted"
FAILED = "failed"
UNREACHABLE = "unreachable"
UNKNOWN = "unknown"
OUTCOMES = (STAGED, PROVISIONAL, CONFIRMED, REVERTED, FAILED, UNREACHABLE, UNKNOWN)

CONTINUE = "continue"
PAUSE = "pause"
REVERT_WAVE = "revert_wave"
REVERT_ALL = "revert_all"
VERDICTS = (CONTINUE, PAUSE, REVERT_WAVE, REVERT_ALL)
