# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is shown of counts and times (private)."""

from __future__ import annotations

import collections.abc

__all__ = ["counted", "hosts", "named", "took"]

SHOWN = 3  # hosts that a line names


def took(seconds: float) -> str:
    """For example ``2:05`` or ``1:02:05``."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counted(counts: collections.abc.Mapping[str, int]) -> str:
    """For example ``4 confirmed, 1 reverted``."""
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def hosts(number: int) -> str:
    return f"{number} host" if number == 1 else f"{number} hosts"


def named(items: collections.abc.Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = len(items) - SHOWN
    return "; ".join(items[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
