# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection to the registry's database: one, with transactions that say whether they write (private).

SQLite: a file that only its owner reads, in WAL mode, where a writing transaction takes the write lock as it begins, so
that what it read is still so when it writes. Other databases are what the URL names; their row locks serve that too.
"""

from __future__ import annotations

import collections.abc
import contextlib
import os
import pathlib
import sqlite3
import stat
import typing as t

from ...module_utils._model.errors import BackendError, InputError
from .._optional import optional

if t.TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, create_engine, event, make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
    from sqlalchemy.pool import NullPool
else:
    create_engine, event, make_url = optional("sqlalchemy", "create_engine", "event", "make_url", package="SQLAlchemy")
    ArgumentError, NoSuchModuleError, SQLAlchemyError = optional(
        "sqlalchemy.exc", "ArgumentError", "NoSuchModuleError", "SQLAlchemyError", package="SQLAlchemy"
    )
    (NullPool,) = optional("sqlalchemy.pool", "NullPool", package="SQLAlchemy")

__all__ = ["Database", "open_database"]

BUSY_MILLISECONDS = 30_000
_HINT = "Name a SQLite file or a PostgreSQL URL, and see that it can be reached, and be written by this user."
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


class Database:
    """One connection. ``name`` is for people and shows no password."""

    def __init__(self, engine: Engine, name: str, *, fresh: bool = False) -> None:
        self.name = name
        self.fresh = fresh
        self._engine = engine
        with self._translated():
            self._connection = engine.connect()

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @contextlib.contextmanager
    def read(self) -> collections.abc.Iterator[Connection]:
        """A transaction that reads."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> collections.abc.Iterator[Connection]:
        """A transaction that writes; it is undone if the block raises."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> collections.abc.Iterator[Connection]:
        with self._translated(), self._connection.begin():
            if self.is_sqlite:
                self._connection.exec_driver_sql(begin)
            yield self._connection

    @contextlib.contextmanager
    def _translated(self) -> collections.abc.Iterator[None]:
        """The driver's text alone: SQLAlchemy's own would quote statements with their values."""
        try:
            yield
        except SQLAlchemyError as exc:
            cause = str(getattr(exc, "orig", None) or exc).strip().splitlines()[0]
            code = "registry-busy" if "locked" in cause else "registry-failed"
            hint = "Run it again when the other run is done." if code == "registry-busy" else _HINT
            raise BackendError(code, f"The registry {self.name}: {cause}", hint=hint) from exc


def open_database(location: str, *, write: bool) -> Database:
    """The database at a path or URL. Without ``write`` nothing is made: a missing SQLite file is an empty database.

    Raises:
        InputError: the location cannot be understood, or others may write to the file.
        BackendError: it cannot be opened.
    """
    path = _sqlite_path(location)
    if path is None:
        return _server(location, write=write)
    exists = path.exists()
    if not exists and not write:
        return Database(_sqlite_engine(":memory:", write=True), str(path), fresh=True)
    engine = _sqlite_engine(str(path), write=write)
    if write:
        _make_private(path)
    _refuse_shared(path)
    return Database(engine, str(path), fresh=not exists)


def _sqlite_path(location: str) -> pathlib.Path | None:
    if "://" in location:
        if not location.startswith("sqlite:///"):
            return None
        location = location.removeprefix("sqlite:///")
    return pathlib.Path(location).expanduser().absolute()


def _server(location: str, *, write: bool) -> Database:
    try:
        url = make_url(location)
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        engine = create_engine(url, poolclass=NullPool, execution_options={"postgresql_readonly": not write})
    except (ArgumentError, NoSuchModuleError):
        # Not quoted: the text may hold a password.
        raise InputError(
            "registry-location",
            "The registry's URL cannot be understood",
            hint="Write postgresql://user@host/database.",
        ) from None
    except ImportError as exc:
        raise BackendError(
            "dependency-missing",
            f"The registry needs a Python package that is not there: {exc.name}",
            hint=f"Install it for the Python that runs Ansible: python3 -m pip install {exc.name}",
        ) from exc
    return Database(engine, url.render_as_string(hide_password=True))


def _sqlite_engine(path: str, *, write: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        # Without an isolation level the driver begins no transaction by itself: Database does, with the right lock.
        return sqlite3.connect(path, isolation_level=None, timeout=BUSY_MILLISECONDS / 1000)

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def settings(connection: t.Any, record: object) -> None:
        for pragma in (
            "foreign_keys = ON",
            *(("journal_mode = WAL", "synchronous = FULL") if write else ("query_only = ON",)),
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _make_private(path: pathlib.Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as exc:
        raise BackendError(
            "registry-failed", f"The registry {path} cannot be made: {exc.strerror}", hint="Name another place for it."
        ) from exc


def _refuse_shared(path: pathlib.Path) -> None:
    for item, bits in ((path, stat.S_IWGRP | stat.S_IWOTH), (path.parent, stat.S_IWOTH)):
        mode = item.stat().st_mode
        if mode & bits and not mode & stat.S_ISVTX:
            raise InputError(
                "registry-exposed",
                f"The registry {path}: others may write to {item}",
                hint=f"chmod go-w {item}; a team shares a registry in PostgreSQL.",
            )
