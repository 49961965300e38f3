# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry with a key, and rehearsals to sign: what the tests of evidence and of the gate share."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import pathlib
import sqlite3
import typing as t

from ansible_collections.relmgmt.release.plugins.plugin_utils._dml import Keys
from ansible_collections.relmgmt.release.plugins.plugin_utils._evidence import (
    Phase,
    Rehearsal,
    ready_signer,
    signer,
    store,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Registry

PACKAGE = "calendar/radicale"
OLD, NEW, NEWER = ("sha256:" + digit * 64 for digit in "123")
NOW = datetime.datetime(2026, 11, 21, 12, 0, tzinfo=datetime.UTC)


def rehearsal(**changes: t.Any) -> Rehearsal:
    """From 1.0.0 to 2.0.0 and back, yesterday in ci."""
    shown = Rehearsal(
        package=PACKAGE,
        before=OLD,
        after=NEW,
        version_before="1.0.0",
        version_after="2.0.0",
        environment="ci",
        hosts=1,
        sites=("ber",),
        phases=(Phase("stage", 0.8, "controller"), Phase("forward", 3.14, "host"), Phase("back", 0.92, "host")),
        engine="sha256:" + "e" * 64,
        registry="0f5c",
        finished=NOW - datetime.timedelta(days=1),
    )
    return dataclasses.replace(shown, **changes)


@dataclasses.dataclass
class World:
    """A registry that trusts the key in a directory."""

    registry: Registry
    path: pathlib.Path
    keys: Keys

    def rehearse(self, **changes: t.Any) -> str:
        """Sign a rehearsal and keep it; its id."""
        return store(self.registry, rehearsal(**changes), signer(self.registry, self.keys))

    def forge(self, statement: str, *values: object) -> None:
        """What somebody does who can write to the database."""
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            connection.execute(statement, values)
            connection.commit()


def make_world(directory: pathlib.Path, *, ready: bool = True) -> World:
    path = directory / "registry" / "registry.db"
    made = World(Registry.open(str(path)), path, Keys(directory / "keys"))
    if ready:
        ready_signer(made.registry, made.keys)
    return made
