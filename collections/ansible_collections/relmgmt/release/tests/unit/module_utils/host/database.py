# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database for the engine's tests: a file that holds its version, and a release that takes it from one to another."""

from __future__ import annotations

import pathlib
import sys
import typing as t

from .engine import Host, Package

__all__ = ["START", "Database", "migration", "step"]

START = "v1"
# Of the arguments: the database, what to do, and more of that.
TOOL = b"""import pathlib, sys, time
database, verb, *rest = sys.argv[1:]
here = pathlib.Path(database)
with open(database + ".said", "a") as log:
    log.write(" ".join([verb, *rest]) + chr(10))
if verb == "ask":
    print("INFO about to ask", file=sys.stderr)
    if here.read_text():
        print("the version of " + database)
        print(here.read_text() + " (head)")
elif verb == "set":
    here.write_text(rest[0])
elif verb == "lose":
    here.unlink()
elif verb == "fail":
    sys.exit("no such table; called with postgres://me:%s@db/calendar" % "hunter2")
elif verb == "hang":
    time.sleep(600)
"""


class Database:
    """``said``: what it was asked to do, but for its version."""

    def __init__(self, directory: pathlib.Path, version: str = START) -> None:
        self.path = directory / "database"
        self.path.write_text(version)

    @property
    def version(self) -> str:
        return self.path.read_text()

    @property
    def said(self) -> list[str]:
        log = pathlib.Path(f"{self.path}.said")
        return [line for line in log.read_text().splitlines() if line != "ask"] if log.exists() else []


def package(version: str) -> Package:
    return Package(version, {"db.py": TOOL})


def step(to: str, before: str, *, phase: str = "expand", **about: t.Any) -> dict[str, t.Any]:
    """A step that does what it says; words in place of commands, which ``migration`` makes of them."""
    return {"phase": phase, "to": to, "up": ["set", to], "down": ["set", before], **about}


def migration(host: Host, database: Database, *steps: t.Mapping[str, t.Any], **about: t.Any) -> dict[str, t.Any]:
    """As it is rendered for the host: the commands lie in what is current."""
    tool = str(host.instance.path / "current" / "release" / "app" / "db.py")

    def command(*words: str) -> list[str]:
        return [sys.executable, tool, str(database.path), *words]

    made = []
    for one in steps:
        commands = {name: command(*one[name]) for name in ("up", "down") if name in one}
        made.append({**one, **commands})
    declared = {"database": "calendar", "current": command("ask"), "from": START, "steps": made}
    return {**declared, **about}
