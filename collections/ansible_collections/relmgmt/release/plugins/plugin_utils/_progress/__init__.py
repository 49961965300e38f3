# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress of a rollout, seen while it runs: what is known, as lines and as a screen (private)."""

from __future__ import annotations

from .events import STEPS, Answered, Began, Closed, Event, Judged, Planned, Said, event_of
from .lines import Lines, summary
from .screen import Screen, screen_wanted

__all__ = [
    "STEPS",
    "Answered",
    "Began",
    "Closed",
    "Event",
    "Judged",
    "Lines",
    "Planned",
    "Said",
    "Screen",
    "event_of",
    "screen_wanted",
    "summary",
]
