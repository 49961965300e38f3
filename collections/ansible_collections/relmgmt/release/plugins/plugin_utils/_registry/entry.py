# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened in a rollout, as data that may be written now, or later when the registry is there again (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from .._optional import optional
from . import jobs, records, schemas
from .rows import DeploymentRow
from .tables import tables

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, select
else:
    (select,) = optional("sqlalchemy", "select", package="SQLAlchemy")

__all__ = ["Entry", "deployments", "end", "end_of_job", "migration", "wave", "write"]

Data = dict[str, t.Any]


class Entry(t.NamedTuple):
    """``kind`` is one of the functions below that make it; ``at``: when it happened, empty if just now."""

    kind: str
    data: Data
    at: str = ""


def deployments(rows: collections.abc.Iterable[DeploymentRow]) -> Entry:
    """What became of hosts."""
    return Entry("deployments", {"rows": [dataclasses.asdict(row) for row in rows]})


def wave(index: int, name: str, hosts: collections.abc.Iterable[str], verdict: str = "", reason: str = "") -> Entry:
    """A wave began or, with a verdict, has finished."""
    return Entry("wave", {"index": index, "name": name, "hosts": list(hosts), "verdict": verdict, "reason": reason})


def migration(phase: str, database: str, *, outcome: str, version: str | None, reason: str, ended: bool) -> Entry:
    """What came of a migration: see ``Registry.end_migration``."""
    result = {"outcome": outcome, "version": version, "reason": reason, "ended": ended}
    return Entry("migration", {"phase": phase, "database": database, **result})


def end(result: str, reason: str) -> Entry:
    """The rollout has ended."""
    return Entry("end", {"result": result, "reason": reason})


def end_of_job(job: str) -> Entry:
    """A job on the rollout has ended, well or not."""
    return Entry("end_of_job", {"job": job})


def write(
    connection: Connection, rollout: str, entries: collections.abc.Iterable[Entry], *, token: int, now: str
) -> None:
    """Write them in their order.

    Raises:
        InputError: ``rollout-unknown``.
        ConflictError: another job has taken the rollout over (``rollout-taken-over``); it has ended otherwise
            (``rollout-finished``).
    """
    table = tables().rollouts
    last = connection.execute(select(table.c.token).where(table.c.id == rollout)).scalar_one_or_none()
    if last is not None and last != token:
        raise records.taken_over(rollout, last, token)
    for each in entries:
        _WRITERS[each.kind](connection, rollout, dict(each.data), token, each.at or now)


def _deployments(connection: Connection, rollout: str, data: Data, _token: int, now: str) -> None:
    records.deploy(connection, rollout, [DeploymentRow(**row) for row in data["rows"]], now=now)


def _wave(connection: Connection, rollout: str, data: Data, _token: int, now: str) -> None:
    records.wave(connection, rollout, data.pop("index"), data, now=now)


def _migration(connection: Connection, rollout: str, data: Data, _token: int, now: str) -> None:
    schemas.end(connection, rollout, data["phase"], data["database"], data, now=now)


def _end(connection: Connection, rollout: str, data: Data, token: int, now: str) -> None:
    records.finish(connection, rollout, data["result"], data["reason"], token=token, now=now)


def _end_of_job(connection: Connection, rollout: str, data: Data, _token: int, now: str) -> None:
    jobs.end(connection, rollout, data["job"], now=now)


_WRITERS: dict[str, collections.abc.Callable[[t.Any, str, Data, int, str], None]] = {
    "deployments": _deployments,
    "wave": _wave,
    "migration": _migration,
    "end": _end,
    "end_of_job": _end_of_job,
}
