# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry's schema: forward only, each step once, whoever comes first (private)."""

from __future__ import annotations

import secrets
import typing as t

from ...module_utils._model.errors import InputError
from .._optional import optional
from .database import Database
from .tables import tables
from .trouble import gone

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, inspect, select, update
else:
    inspect, select, update = optional("sqlalchemy", "inspect", "select", "update", package="SQLAlchemy")

__all__ = ["VERSION", "migrate"]

VERSION = 5


def migrate(database: Database, *, write: bool, identity: str = "") -> str:
    """Bring the schema to ``VERSION`` and return the registry's id.

    Args:
        identity: the id that it has to have; empty: any, or none yet.

    Raises:
        BackendError: it has another id (``registry-gone``).
        InputError: a newer relmgmt made it (``registry-newer``); it is older, may not be written (``registry-older``).
    """
    with database.read() as connection:
        version, found = _state(connection)
    if identity and found != identity:
        raise gone(database.name, "is another one than this run began with" if found else "is empty")
    if version < VERSION:
        if not write and not database.fresh:
            raise InputError(
                "registry-older",
                f"The registry {database.name} is of version {version}, this relmgmt needs {VERSION}",
                hint="Whatever writes to it brings it forward: run that first, without check mode.",
            )
        with database.write() as connection:
            version, found = _upgraded(connection)
    if version > VERSION:
        raise InputError(
            "registry-newer",
            f"The registry {database.name} is of version {version}, this relmgmt knows {VERSION}",
            hint="Use the newer relmgmt that made it so.",
        )
    return found


def _state(connection: Connection) -> tuple[int, str]:
    """Version and id; version 0 and no id where there is nothing yet."""
    if not inspect(connection).has_table("registry"):
        return 0, ""
    registry = tables().registry
    row = connection.execute(select(registry.c.schema, registry.c.id)).one()
    return int(row.schema), str(row.id)


def _upgraded(connection: Connection) -> tuple[int, str]:
    # Imported here, because it costs more than all the rest and is needed once in a registry's life.
    from .migrations import MIGRATIONS

    (migration_context,) = optional("alembic.runtime.migration", "MigrationContext", package="alembic")
    (operations,) = optional("alembic.operations", "Operations", package="alembic")
    version, identity = _state(connection)
    registry = tables().registry
    for step in MIGRATIONS[version:]:
        step(operations(migration_context.configure(connection)))
    if not identity:
        identity = secrets.token_hex(16)
        connection.execute(registry.insert().values(id=identity, schema=VERSION, token=0))
    elif version < VERSION:
        connection.execute(update(registry).values(schema=VERSION))
    return max(version, VERSION), identity
