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

import psycopg

USER = "calendar"
_SETTINGS = "-c listen_addresses='' -c fsync=off -c max_connections=40"


def problem() -> str:
    """Why there can be no cluster here; empty if there can."""
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
    binaries = _binaries()
    assert binaries
    # Not below pytest's directory: the name of a socket has to be short, and nobody has to reach it.
    directory = pathlib.Path(tempfile.mkdtemp(prefix="relmgmt-pg-"))
    who: dict[str, t.Any] = {}
    if os.geteuid() == 0:
        who = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(directory, "nobody", "nogroup")
    data, log = directory / "data", directory / "log"

    def run(command: str, *options: str) -> None:
        done = subprocess.run(
            [str(binaries / command), "-D", str(data), *options],
            cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **who,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run("initdb", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync", "--no-locale")
        run("pg_ctl", "-w", "-t", "120", "-l", str(log), "-o", f"-k {directory} {_SETTINGS}", "start")
        try:
            yield Cluster(directory)
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":  # whether there can be one: exit code 0, else why there cannot
    print(problem())
    raise SystemExit(bool(problem()))
