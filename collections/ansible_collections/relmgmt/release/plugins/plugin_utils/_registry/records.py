# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing to the registry's tables: the same record twice leaves one row, unchanged (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model.errors import ConflictError, InputError
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.outcome import VERDICTS
from .._optional import optional
from .rows import ORDERS, RESULTS, RUNNING, DeploymentRow, EvidenceRow, Order, RolloutRow, known
from .tables import tables

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Table, and_, insert, select, update
else:
    and_, insert, select, update = optional("sqlalchemy", "and_", "insert", "select", "update", package="SQLAlchemy")

__all__ = ["begin", "claim", "deploy", "evidence", "finish", "order", "package", "promotion", "setting", "taken_over",
           "wave"]  # fmt: skip

Data = collections.abc.Mapping[str, t.Any]


def package(connection: Connection, manifest: Manifest, *, now: str) -> bool:
    about = {key: getattr(manifest, key) for key in ("name", "version", "versioning", "type", "owner")}
    return _put(connection, tables().packages, {"digest": manifest.digest}, about, first={"recorded": now})


def promotion(connection: Connection, environment: str, name: str, version: str, digest: str, *, now: str) -> bool:
    key = {"environment": environment, "digest": digest}
    return _put(connection, tables().promotions, key, {"name": name, "version": version}, first={"recorded": now})


def begin(connection: Connection, row: RolloutRow, *, now: str) -> bool:
    """Raises ConflictError (``rollout-open``, ``rollout-finished``, ``rollout-id-taken``)."""
    table = tables().rollouts
    scope = ("package", "environment", "instance")
    same = and_(
        *(table.c[name] == getattr(row, name) for name in scope), table.c.result == RUNNING, table.c.id != row.id
    )
    other = connection.execute(select(table.c.id).where(same)).scalar_one_or_none()
    if other is not None:
        raise ConflictError(
            "rollout-open",
            f"Rollout {other} of {row.package} to {row.environment} (instance {row.instance}) is not finished",
            hint="Resume it by running it again, or close it.",
        )
    before = connection.execute(select(table).where(table.c.id == row.id)).one_or_none()
    if before is not None:
        if any(getattr(before, name) != getattr(row, name) for name in (*scope, "kind", "version", "digest")):
            raise ConflictError("rollout-id-taken", f"{row.id} is the id of another rollout", hint="Run it again.")
        _refuse_finished(before)
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(row) if field.name != "id"}
    values["plan"] = dict(row.plan)
    first = {"started": now, "result": RUNNING, "reason": "", "by": values.pop("by")}
    return _put(connection, table, {"id": row.id}, values, first=first)


def claim(connection: Connection, rollout: str, token: int) -> None:
    """Raises InputError (``rollout-unknown``), ConflictError (``rollout-finished``)."""
    _refuse_finished(_rollout(connection, rollout))
    table = tables().rollouts
    connection.execute(update(table).where(table.c.id == rollout).values(token=token))


def finish(connection: Connection, rollout: str, result: str, reason: str, *, token: int | None, now: str) -> bool:
    """Raises InputError (``rollout-unknown``, ``record-malformed``), ConflictError (``rollout-finished``,
    ``rollout-taken-over``)."""
    known(result, RESULTS[1:], what=f"rollout {rollout}: result")
    before = _rollout(connection, rollout)
    if token is not None and before.token != token:
        raise taken_over(rollout, before.token, token)
    if (before.result, before.reason) == (result, reason):
        return False
    _refuse_finished(before)
    table = tables().rollouts
    values = {"result": result, "reason": reason, "finished": now}
    connection.execute(update(table).where(table.c.id == rollout).values(**values))
    return True


def taken_over(rollout: str, holds: int, held: int) -> ConflictError:
    return ConflictError(
        "rollout-taken-over",
        f"Rollout {rollout} was taken over by another job (token {holds}, this one holds {held})",
        hint="Follow that one: see rollout_info.",
    )


def wave(connection: Connection, rollout: str, index: int, data: Data, *, now: str) -> bool:
    """A wave that begins has no verdict yet; one that gets the same verdict again keeps its time."""
    if data["verdict"]:
        known(data["verdict"], VERDICTS, what=f"rollout {rollout}: wave {index}: verdict")
    _rollout(connection, rollout)
    table = tables().waves
    here = select(table.c.verdict).where(table.c.rollout == rollout, table.c.index == index)
    again = data["verdict"] and connection.execute(here).scalar_one_or_none() == data["verdict"]
    later = {} if again else {"finished": now if data["verdict"] else None}
    return _put(connection, table, {"rollout": rollout, "index": index}, data, first={"started": now}, later=later)


def deploy(connection: Connection, rollout: str, rows: collections.abc.Iterable[DeploymentRow], *, now: str) -> int:
    """How many rows are new or changed."""
    _rollout(connection, rollout)
    changed = 0
    for row in rows:
        values = dataclasses.asdict(row)
        key = {"rollout": rollout, "host": values.pop("host")}
        changed += _put(connection, tables().deployments, key, values, later={"updated": now})
    return changed


def order(connection: Connection, rollout: str, wanted: Order, *, now: str) -> bool:
    """Write it behind those that were given before; False if the newest asks for the same already.

    Raises InputError (``rollout-unknown``, ``record-malformed``), ConflictError (``rollout-finished``).
    """
    known(wanted.kind, ORDERS, what=f"rollout {rollout}: order")
    _refuse_finished(_rollout(connection, rollout))
    table = tables().orders
    here = table.c.rollout == rollout
    last = connection.execute(select(table).where(here).order_by(table.c.number.desc()).limit(1)).one_or_none()
    if last is not None and (last.kind, last.by, last.reason) == (wanted.kind, wanted.by, wanted.reason):
        return False
    values = {**wanted._asdict(), "given": now}
    connection.execute(insert(table).values(rollout=rollout, number=last.number + 1 if last else 1, **values))
    return True


def evidence(connection: Connection, row: EvidenceRow, *, now: str) -> bool:
    values = {**dataclasses.asdict(row), "envelope": dict(row.envelope)}
    return _put(connection, tables().evidence, {"id": values.pop("id")}, values, first={"recorded": now})


def setting(connection: Connection, name: str, value: Data, *, now: str) -> bool:
    return _put(connection, tables().settings, {"name": name}, {"value": dict(value)}, later={"recorded": now})


def _put(
    connection: Connection,
    table: Table,
    key: Data,
    values: Data,
    *,
    first: Data | None = None,
    later: Data | None = None,
) -> bool:
    """Make the row, or change it if ``values`` differ; ``first`` is set when it is made, ``later`` at every change."""
    here = and_(*(table.c[name] == value for name, value in key.items()))
    before = connection.execute(select(table).where(here)).mappings().one_or_none()
    if before is None:
        connection.execute(insert(table).values(**key, **values, **(first or {}), **(later or {})))
        return True
    if all(before[name] == value for name, value in values.items()):
        return False
    connection.execute(update(table).where(here).values(**values, **(later or {})))
    return True


def _rollout(connection: Connection, rollout: str) -> Row[t.Any]:
    """The rollout's row, locked where the database locks rows: what is recorded of one rollout is recorded in turn."""
    table = tables().rollouts
    row = connection.execute(select(table).where(table.c.id == rollout).with_for_update()).one_or_none()
    if row is None:
        raise InputError("rollout-unknown", f"The registry knows no rollout {rollout!r}", hint="See rollout_info.")
    return row


def _refuse_finished(row: Row[t.Any]) -> None:
    if row.result != RUNNING:
        raise ConflictError(
            "rollout-finished", f"Rollout {row.id} has ended: {row.result}", hint="Begin a new rollout instead."
        )
