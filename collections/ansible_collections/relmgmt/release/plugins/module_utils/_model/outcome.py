# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened on a host and what follows from it (private)."""

from __future__ import annotations

__all__ = [
    "ABSENT",
    "ADOPTED",
    "CAUSES",
    "CONFIRMED",
    "CONTINUE",
    "FAILED",
    "FROZEN",
    "HOST",
    "MIGRATED",
    "OUTCOMES",
    "PAUSE",
    "PROVISIONAL",
    "RELEASE",
    "REPLACED",
    "REVERTED",
    "REVERT_ALL",
    "REVERT_WAVE",
    "STAGED",
    "THAWED",
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

# What deployment 0 of an instance is: nothing, or what ran there before the first release came.
ABSENT = "absent"
ADOPTED = "adopted"

# What an instance is whose package another one, which took its place, has replaced.
REPLACED = "replaced"

# What an unhappy outcome speaks against: the release, which was tried and found unhealthy, or this host alone.
RELEASE = "release"
HOST = "host"
CAUSES = (RELEASE, HOST)
MIGRATED = "migrated"  # of a database
FROZEN = "frozen"  # no way leads behind a deployment any more
THAWED = "thawed"

CONTINUE = "continue"
PAUSE = "pause"
REVERT_WAVE = "revert_wave"
REVERT_ALL = "revert_all"
VERDICTS = (CONTINUE, PAUSE, REVERT_WAVE, REVERT_ALL)
