# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What profiles were made of, by their digests: written once, never changed, and never a secret in it (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from .._optional import optional
from .rows import ProfileRecord
from .tables import tables

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, insert, select
else:
    insert, select = optional("sqlalchemy", "insert", "select", package="SQLAlchemy")

__all__ = ["find", "keep"]

_AT_ONCE = 500  # digests in one question; a database bounds the length of those


def keep(connection: Connection, rollout: str, records: collections.abc.Iterable[ProfileRecord], *, now: str) -> int:
    """Write those that are not there yet; how many that are."""
    table = tables().profiles
    wanted = {record.digest: record for record in records}
    digests = sorted(wanted)
    for start in range(0, len(digests), _AT_ONCE):
        part = digests[start : start + _AT_ONCE]
        there: list[str] = list(connection.execute(select(table.c.digest).where(table.c.digest.in_(part))).scalars())
        for digest in there:
            del wanted[digest]
    rows = [{**dataclasses.asdict(record), "rollout": rollout, "recorded": now} for record in wanted.values()]
    if rows:
        connection.execute(insert(table), rows)
    return len(rows)


def find(connection: Connection, digests: collections.abc.Collection[str]) -> dict[str, ProfileRecord]:
    """Digest → record, of those that are known."""
    table = tables().profiles
    asked, found = sorted(digests), dict[str, ProfileRecord]()
    for start in range(0, len(asked), _AT_ONCE):
        query = select(table).where(table.c.digest.in_(asked[start : start + _AT_ONCE]))
        for row in connection.execute(query).mappings():
            found[row["digest"]] = ProfileRecord(**row)
    return found
