# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the controller's clock can be right, by what other controllers have recorded (private)."""

from __future__ import annotations

import datetime

from .clocks import Rollouts

__all__ = ["clock_warning"]

_MOST = datetime.timedelta(minutes=5)


def clock_warning(rollouts: Rollouts, now: datetime.datetime) -> str:
    """What speaks against the clock; empty where nothing does."""
    times = [
        row[name]
        for rollout in rollouts
        for row in (rollout, *rollout["waves"])
        for name in ("started", "finished")
        if row.get(name)
    ]
    latest = datetime.datetime.fromisoformat(max(times)) if times else now
    if latest - now <= _MOST:
        return ""
    ahead = (latest - now).total_seconds() / 60
    return (
        f"clock-behind: the registry has a record from {latest:%Y-%m-%d %H:%M} UTC, {ahead:.0f} minutes ahead of this"
        " controller's clock. One of the two clocks is wrong: set it right before ages of rehearsals and times of the"
        " record count for anything."
    )
