# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts were last seen with, since when and by whom, as plain data (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model.outcome import UNKNOWN
from .._optional import optional
from .tables import tables

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, select
else:
    (select,) = optional("sqlalchemy", "select", package="SQLAlchemy")

__all__ = ["last_seen"]

Data = dict[str, t.Any]
_KEY = ("package", "environment", "instance")
_LATEST = ("site", "outcome", "reason", "rollout", "kind", "digest", "heard")


def last_seen(connection: Connection, where: collections.abc.Mapping[str, str]) -> list[Data]:
    """One row for each host and instance of a package that a rollout had to do with, where rollouts' columns have the
    given values. ``since`` and ``by`` are of the rollout that brought the version, all else of the last one."""
    rollouts, deployments = tables().rollouts, tables().deployments
    query = (
        select(
            *(rollouts.c[name] for name in (*_KEY, "kind", "by")),
            *(deployments.c[name] for name in ("rollout", "host", "site", "outcome", "reason", "deployment")),
            deployments.c.version_after.label("version"),
            deployments.c.release.label("digest"),
            deployments.c.updated.label("heard"),
        )
        .join(rollouts, rollouts.c.id == deployments.c.rollout)
        .where(*(rollouts.c[name] == value for name, value in where.items()))
        .order_by(rollouts.c.started, rollouts.c.id)
    )
    found: dict[tuple[str, ...], Data] = {}
    for row in connection.execute(query).mappings():
        key = (*(row[name] for name in _KEY), row["host"])
        before = found.get(key)
        lost = row["version"] == UNKNOWN and before is not None
        if before is None or not (lost or row["version"] == before["version"]):
            found[key] = {**row, "since": row["heard"]}
        else:
            latest = {name: row[name] for name in _LATEST}
            found[key] = {**before, **latest, "deployment": row["deployment"] or before["deployment"]}
    return [found[key] for key in sorted(found)]
