# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PostgreSQL cluster that is thrown away: its own directory, its own socket, no port."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import subprocess
import tempfile
import typing as t

try:
    import psycopg
except ImportError:  # the oldest core is tested without
    psycopg = None  # type: ignore[assignment]

USER = "calendar"
_SETTINGS = "-c listen_addresses='' -c fsync=off -c max_connections=60"


def problem() -> str:
    """Why there can be no cluster here; empty if there can."""
    if psycopg is None:
        return "psycopg is not installed"
    return "" if _binaries() else "PostgreSQL is not installed (initdb)"


def _binaries() -> pathlib.Path | None:
    found = [pathlib.Path(path) for path in filter(None, [shutil.which("initdb")])]
    found += sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].resolve().parent if found else None


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A server that listens on a socket in ``directory``, and trusts who reaches it."""

    directory: pathlib.Path

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self.directory}"

    def start(self) -> None:
        options = f"-k {self.directory} {_SETTINGS}"
        self._run("pg_ctl", "-w", "-t", "120", "-l", str(self.directory / "log"), "-o", options, "start")

    def stop(self) -> None:
        """At once, as if the machine went down."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def make(self) -> None:
        self._run("initdb", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync", "--no-locale")

    def _run(self, command: str, *options: str) -> None:
        binaries = _binaries()
        assert binaries
        who: dict[str, t.Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [str(binaries / command), "-D", str(self.directory / "data"), *options],
            cwd=self.directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **who,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    @contextlib.contextmanager
    def connected(self, database: str) -> t.Iterator[psycopg.Connection[t.Any]]:
        connection = psycopg.connect(self.url(database), autocommit=True)
        try:
            yield connection
        finally:
            connection.close()

    def ask(self, database: str, query: t.LiteralString) -> list[t.Any]:
        """The first column of the answer."""
        with self.connected(database) as connection:
            return [row[0] for row in connection.execute(query)]


@contextlib.contextmanager
def cluster() -> t.Iterator[Cluster]:
    """One that runs; root makes it as nobody, because PostgreSQL runs as root nowhere."""
    # Not below pytest's directory: the name of a socket has to be short, and nobody has to reach it.
    made = Cluster(pathlib.Path(tempfile.mkdtemp(prefix="relmgmt-pg-")))
    try:
        if os.geteuid() == 0:
            shutil.chown(made.directory, "nobody", "nogroup")
        made.make()
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(made.directory)


if __name__ == "__main__":  # whether there can be one: exit code 0, else why there cannot
    print(problem())
    raise SystemExit(bool(problem()))
