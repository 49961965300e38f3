# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the DML takes and how long it waits, named in one place (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime

__all__ = ["LIMITS", "Clock", "Limits", "utc_now"]

Clock = collections.abc.Callable[[], datetime.datetime]


def utc_now() -> datetime.datetime:
    """The time now, as TUF wants it."""
    return datetime.datetime.now(datetime.UTC)


@dataclasses.dataclass(frozen=True)
class Limits:
    """Sizes in bytes, waits in seconds."""

    manifest: int = 16 << 20
    key: int = 64 << 10
    root: int = 512_000
    timestamp: int = 16_384
    snapshot: int = 4_000_000
    targets: int = 20_000_000
    lock_wait: float = 60.0
    lock_poll: float = 0.05


LIMITS = Limits()
