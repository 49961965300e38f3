# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times of the registry: UTC, fixed width, so that their text sorts as they do (private)."""

from __future__ import annotations

import collections.abc
import datetime
import typing as t

__all__ = ["Clock", "seconds", "stamp", "utc_now"]

Clock = collections.abc.Callable[[], datetime.datetime]


def utc_now() -> datetime.datetime:
    """The clock of a real run."""
    return datetime.datetime.now(datetime.UTC)


def stamp(moment: datetime.datetime) -> str:
    """For example ``2026-11-21T10:30:00.000000Z``; the moment is aware of its time zone."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds(row: collections.abc.Mapping[str, t.Any]) -> float | None:
    """From ``started`` to ``finished``; None where that has not come."""
    if not row["finished"]:
        return None
    begun, ended = (datetime.datetime.fromisoformat(row[name]) for name in ("started", "finished"))
    return (ended - begun).total_seconds()
