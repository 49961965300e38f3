# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry: the face of the topic (private)."""

from __future__ import annotations

from .._holder import Holder, is_alive
from . import entry, heartbeat
from .clock import Clock, seconds, stamp, utc_now
from .entry import Entry
from .jobs import JobRow
from .leases import Lease
from .location import location
from .registry import Registry
from .rows import (
    FAILED,
    FORWARD,
    FROZEN,
    PAUSE,
    REHEARSAL,
    RESUME,
    REVERT,
    ROLLBACK,
    ROLLOUT,
    ROTATION,
    RUNNING,
    STOPPED,
    SUCCEEDED,
    DeploymentRow,
    EvidenceRow,
    Order,
    ProfileRecord,
    RolloutRow,
)

__all__ = [
    "FAILED",
    "FORWARD",
    "FROZEN",
    "PAUSE",
    "REHEARSAL",
    "RESUME",
    "REVERT",
    "ROLLBACK",
    "ROLLOUT",
    "ROTATION",
    "RUNNING",
    "STOPPED",
    "SUCCEEDED",
    "Clock",
    "DeploymentRow",
    "Entry",
    "EvidenceRow",
    "Holder",
    "JobRow",
    "Lease",
    "Order",
    "ProfileRecord",
    "Registry",
    "RolloutRow",
    "entry",
    "heartbeat",
    "is_alive",
    "location",
    "seconds",
    "stamp",
    "utc_now",
]
