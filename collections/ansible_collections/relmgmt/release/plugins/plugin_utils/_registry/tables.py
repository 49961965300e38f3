# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry's tables as queries see them; the migrations make them, a test compares the two (private)."""

from __future__ import annotations

import functools
import types
import typing as t

from .._optional import optional

if t.TYPE_CHECKING:
    from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, MetaData, Table, Text
else:
    JSON, BigInteger, Column, ForeignKey, Index, Integer, MetaData, Table, Text = optional(
        "sqlalchemy",
        "JSON", "BigInteger", "Column", "ForeignKey", "Index", "Integer", "MetaData", "Table", "Text",
        package="SQLAlchemy",
    )  # fmt: skip

__all__ = ["Tables", "tables"]


class Tables(types.SimpleNamespace):
    """``registry`` holds one row: the registry's id, the version of its schema, the last fencing token.

    ``orders``: what people ask of a rollout while it runs. ``jobs``: those that work on a rollout, each on hosts of its
    own. ``profiles``: what those of hosts were made of, by digest. ``leases``: what is leased, under which token.
    ``lease_members``: the processes that hold a lease. ``lease_history``: those that did, and how that ended.
    """

    metadata: MetaData
    registry: Table
    packages: Table
    promotions: Table
    rollouts: Table
    waves: Table
    deployments: Table
    leases: Table
    settings: Table
    evidence: Table
    migrations: Table
    orders: Table
    jobs: Table
    lease_members: Table
    lease_history: Table
    profiles: Table


@functools.lru_cache(maxsize=1)
def tables() -> Tables:
    """Made on first use: SQLAlchemy may be missing where only the file is imported."""
    metadata = MetaData()
    made = {name: Table(name, metadata, *columns) for name, columns in _columns().items()}
    rollouts = made["rollouts"].c
    Index(
        "rollouts_one_running", rollouts.package, rollouts.environment, rollouts.instance, unique=True,
        sqlite_where=rollouts.result == "running", postgresql_where=rollouts.result == "running",
    )  # fmt: skip
    evidence = made["evidence"].c
    Index("evidence_pair", evidence.kind, evidence.package, evidence.before, evidence.after)
    migrations = made["migrations"].c
    Index("migrations_database", migrations.database, migrations.started)
    return Tables(metadata=metadata, **made)


def _columns() -> dict[str, list[Column[t.Any]]]:
    return {
        "registry": [_key("id"), _number("schema"), _number("token")],
        "packages": [_key("digest"), *map(_text, ("name", "version", "versioning", "type", "owner", "recorded"))],
        "promotions": [_key("environment"), _key("digest"), *map(_text, ("name", "version", "recorded"))],
        "rollouts": [
            _key("id"),
            *map(_text, ("kind", "package", "version", "digest", "environment", "instance", "strategy")),
            Column("plan", JSON, nullable=False),
            _number("token"),
            _text("started"),
            Column("finished", Text),
            *map(_text, ("result", "reason")),
            Column("by", Text, nullable=False, server_default=""),
        ],
        "waves": [
            Column("rollout", Text, ForeignKey("rollouts.id"), primary_key=True),
            Column("index", Integer, primary_key=True, autoincrement=False),
            _text("name"),
            Column("hosts", JSON, nullable=False),
            _text("started"),
            Column("finished", Text),
            *map(_text, ("verdict", "reason")),
        ],
        "deployments": [
            Column("rollout", Text, ForeignKey("rollouts.id"), primary_key=True),
            _key("host"),
            _text("site"),
            Column("wave", Integer),
            *map(_text, ("version_before", "version_after", "release", "profile", "outcome", "reason", "updated")),
            Column("deployment", Integer, nullable=False),
            Column("cause", Text, nullable=False, server_default=""),
        ],
        "leases": [
            *map(_key, ("package", "environment", "instance")),
            _number("token"),
            _text("acquired"),
        ],
        "settings": [_key("name"), Column("value", JSON, nullable=False), _text("recorded")],
        "evidence": [
            _key("id"),
            *map(_text, ("kind", "package", "before", "after", "recorded")),
            Column("envelope", JSON, nullable=False),
        ],
        "migrations": [
            Column("rollout", Text, ForeignKey("rollouts.id"), primary_key=True),
            *map(_key, ("database", "phase")),
            *map(_text, ("host", "started", "outcome", "reason")),
            *(Column(name, Text) for name in ("finished", "version")),
        ],
        "orders": [
            Column("rollout", Text, ForeignKey("rollouts.id"), primary_key=True),
            Column("number", Integer, primary_key=True, autoincrement=False),
            *map(_text, ("kind", "by", "reason", "given")),
        ],
        "jobs": [
            Column("rollout", Text, ForeignKey("rollouts.id"), primary_key=True),
            _key("job"),
            Column("hosts", JSON, nullable=False),
            _number("token"),
            *map(_text, ("host", "boot", "started", "joined", "expires")),
            *(Column(name, Integer, nullable=False) for name in ("pid", "ready")),
            Column("ended", Text, nullable=False, server_default=""),
        ],
        "lease_members": [
            Column("token", BigInteger, primary_key=True, autoincrement=False),
            *map(_key, ("host", "boot", "started")),
            Column("pid", Integer, primary_key=True, autoincrement=False),
            *map(_text, ("joined", "renewed", "expires")),
        ],
        "lease_history": [
            Column("token", BigInteger, primary_key=True, autoincrement=False),
            Column("number", Integer, primary_key=True, autoincrement=False),
            *map(_text, ("package", "environment", "instance", "holder", "joined", "ended", "how", "by")),
        ],
        "profiles": [
            _key("digest"),
            *map(_text, ("package", "version", "release", "environment", "instance", "host")),
            *(
                Column(name, JSON, nullable=False)
                for name in ("config", "secrets", "versions", "facts", "relmgmt", "fallbacks", "asks")
            ),
            *map(_text, ("rollout", "recorded")),
        ],
    }


def _key(name: str) -> Column[t.Any]:
    return Column(name, Text, primary_key=True)


def _text(name: str) -> Column[t.Any]:
    return Column(name, Text, nullable=False)


def _number(name: str) -> Column[t.Any]:
    return Column(name, BigInteger, nullable=False)
