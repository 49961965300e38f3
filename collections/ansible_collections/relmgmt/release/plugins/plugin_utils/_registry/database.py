# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection to the registry's database: one, with transactions that say whether they write (private).

SQLite: a file that only its owner reads, in WAL mode, where a writing transaction takes the write lock as it begins, so
that what it read is still so when it writes. PostgreSQL: whoever writes takes one lock of the whole registry first,
which comes to the same; who reads sees one moment.
"""

from __future__ import annotations

import collections.abc
import contextlib
import datetime
import os
import pathlib
import platform
import sqlite3
import stat
import typing as t

from ...module_utils._model.errors import BackendError, InputError
from .._optional import optional
from .clock import utc_now
from .trouble import gone, refusal, users

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

PATIENCE = 60.0  # seconds to wait for others who write
HASTE = 15.0  # the same, in mid-rollout: hosts wait for their confirmation
_LOCK = 0x52454C4D
# A controller that is frozen in the midst of a transaction does not keep the others out for good.
_SESSION = "SET lock_timeout = {:.0f}; SET idle_in_transaction_session_timeout = 10000"
# libpq would wait for minutes for a server that is gone.
_SERVER = {"connect_timeout": 10, "keepalives_idle": 20, "keepalives_interval": 5, "tcp_user_timeout": 15_000}
_USERS = f"""
    SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objid = {_LOCK} AND a.application_name != ''
"""
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
        begin = "BEGIN" if self.is_sqlite else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        with self._transaction(begin) as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> collections.abc.Iterator[Connection]:
        """A transaction that writes; it is undone if the block raises."""
        begin = "BEGIN IMMEDIATE" if self.is_sqlite else f"SELECT pg_advisory_xact_lock({_LOCK})"
        with self._transaction(begin) as connection:
            yield connection

    def now(self) -> datetime.datetime:
        """The database's clock, within a transaction: a server's, so that controllers need not agree; else our own."""
        if self.is_sqlite:
            return utc_now()
        now: datetime.datetime = self._connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return now.astimezone(datetime.UTC)

    def close(self) -> None:
        # A connection that broke cannot be closed in good order, and need not be.
        with contextlib.suppress(SQLAlchemyError):
            self._connection.close()
        self._engine.dispose()

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> collections.abc.Iterator[Connection]:
        with self._translated(), self._connection.begin():
            self._connection.exec_driver_sql(begin)
            yield self._connection

    @contextlib.contextmanager
    def _translated(self) -> collections.abc.Iterator[None]:
        """The driver's text alone: SQLAlchemy's own would quote statements with their values."""
        try:
            yield
        except SQLAlchemyError as exc:
            cause = str(getattr(exc, "orig", None) or exc).strip().splitlines()[0]
            raise refusal(self.name, cause, self._users) from exc

    def _users(self) -> str:
        """Who keeps this one from writing, for people; empty if nobody can say."""
        if self.is_sqlite:
            return users(pathlib.Path(self.name))
        with contextlib.suppress(SQLAlchemyError), self._engine.connect() as connection:
            found: list[str] = list(connection.exec_driver_sql(_USERS).scalars())
            return f" (locked by {', '.join(found)})" if found else ""
        return ""


def open_database(location: str, *, write: bool, make: bool = True) -> Database:
    """The database at a path or URL. Without ``write`` nothing is made: a missing SQLite file is an empty database.

    Args:
        make: False if it has to be there, because a rollout is under way.

    Raises:
        InputError: the location cannot be understood, or others may write to the file.
        BackendError: it cannot be opened, or is not there (``registry-gone``).
    """
    path, patience = _sqlite_path(location), PATIENCE if make else HASTE
    if path is None:
        return _server(location, write=write, patience=patience)
    exists = path.exists()
    if not exists and not make:
        raise gone(str(path), "is gone")
    if not exists and not write:
        return Database(_sqlite_engine(":memory:", write=True, patience=patience), str(path), fresh=True)
    if write and make:
        _make_private(path)
    _refuse_shared(path)
    # What vanishes now is not made by looking at it.
    engine = _sqlite_engine(f"{path.as_uri()}?mode=rw", write=write, patience=patience)
    return Database(engine, str(path), fresh=not exists)


def _sqlite_path(location: str) -> pathlib.Path | None:
    if "://" in location:
        if not location.startswith("sqlite:///"):
            return None
        location = location.removeprefix("sqlite:///")
    return pathlib.Path(location).expanduser().absolute()


def _server(location: str, *, write: bool, patience: float) -> Database:
    try:
        url = make_url(location)
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        options = {"application_name": f"relmgmt: process {os.getpid()} on {platform.node()}"[:63], **_SERVER}
        engine = create_engine(
            url,
            poolclass=NullPool,
            execution_options={} if write else {"postgresql_readonly": True},
            connect_args={name: value for name, value in options.items() if name not in url.query},
        )
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

    @event.listens_for(engine, "connect")
    def settings(connection: t.Any, record: object) -> None:
        connection.cursor().execute(_SESSION.format(patience * 1000))
        connection.commit()

    return Database(engine, url.render_as_string(hide_password=True))


def _sqlite_engine(path: str, *, write: bool, patience: float) -> Engine:
    def connect() -> sqlite3.Connection:
        # Without an isolation level the driver begins no transaction by itself: Database does, with the right lock.
        return sqlite3.connect(path, uri=True, isolation_level=None, timeout=patience)

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
        try:
            mode = item.stat().st_mode
        except FileNotFoundError:
            raise gone(str(path), "is gone") from None
        if mode & bits and not mode & stat.S_ISVTX:
            raise InputError(
                "registry-exposed",
                f"The registry {path}: others may write to {item}",
                hint=f"chmod go-w {item}; a team shares a registry in PostgreSQL.",
            )
