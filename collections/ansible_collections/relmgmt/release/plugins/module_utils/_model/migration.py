# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrations: what a release does to a database, which no rename takes back (private).

A database's schema has a version. ``from`` is the one that the release before knows; each step leads to the next one.
An instance is always valid: ``from_dict`` checks.
"""

from __future__ import annotations

import re
import typing as t

from .errors import InputError
from .field import argv, environment, seconds
from .record import record

__all__ = ["CONTRACT", "DOWN", "EXPAND", "MIGRATE", "PHASES", "UP", "Migration", "Move", "Step", "migrations_of"]

EXPAND, MIGRATE, CONTRACT = "expand", "migrate", "contract"
PHASES = (EXPAND, MIGRATE, CONTRACT)
UP, DOWN = "up", "down"
_VERSION = re.compile(r"[^\s{}]{1,128}\Z")
_DATABASE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}\Z")

Data = t.Mapping[str, t.Any]


@record(frozen=True)
class Step:
    """One change of the schema, to the version ``to``. The release before runs well on what ``expand`` and ``migrate``
    leave; ``contract`` takes away what only it needed. irreversible: there is no ``down``."""

    phase: str
    to: str
    up: tuple[str, ...]
    down: tuple[str, ...] = ()
    irreversible: bool = False
    timeout: float = 600.0

    @classmethod
    def from_dict(cls, data: Data, *, what: str) -> Step:
        phase, to, irreversible = data["phase"], data["to"], data.get("irreversible", False)
        if phase not in PHASES:
            raise InputError("migration-phase-unknown", f"{what}: phase {phase!r} is none of {', '.join(PHASES)}")
        what = f"{what}, to {_version(to, what=what)!r}"
        if irreversible is not (not data.get("down")):
            raise InputError(
                "migration-way-back",
                f"{what}: a step has either 'down' or 'irreversible: true'",
                hint="Say how the step is taken back, or that it cannot be.",
            )
        return cls(
            phase=phase,
            to=to,
            up=argv(data["up"], what=f"{what}, up"),
            down=() if irreversible else argv(data["down"], what=f"{what}, down"),
            irreversible=irreversible,
            timeout=seconds(data, "timeout", 600.0, what=what),
        )


class Move(t.NamedTuple):
    """A step, taken up or down: what it leads from, and what the database is to say afterwards."""

    direction: str
    step: Step
    origin: str
    target: str

    @property
    def command(self) -> tuple[str, ...]:
        return self.step.up if self.direction == UP else self.step.down


@record(frozen=True)
class Migration:
    """All steps of one database. current: a command that prints the schema's version; start: the version that the
    release before knows, empty for an empty database; user: empty for the service's."""

    database: str
    current: tuple[str, ...]
    start: str
    steps: tuple[Step, ...]
    user: str = ""
    environment: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_dict(cls, data: Data) -> Migration:
        database, start = data["database"], data["from"]
        if not isinstance(database, str) or not _DATABASE.match(database):
            raise InputError("name-malformed", f"migrations: {database!r} is not a name of a-z, 0-9, '_', '.', '-'")
        what = f"migration of {database}"
        migration = cls(
            database=database,
            current=argv(data["current"], what=f"{what}, current"),
            start=_version(start, what=what) if start else "",
            steps=tuple(Step.from_dict(item, what=what) for item in data["steps"]),
            user=str(data.get("user", "")),
            environment=environment(data),
        )
        migration._check(what)
        return migration

    def _check(self, what: str) -> None:
        phases = [PHASES.index(step.phase) for step in self.steps]
        if not phases or phases != sorted(phases):
            raise InputError(
                "migration-order",
                f"{what}: its steps are not {', then '.join(PHASES)}",
                hint="Write at least one step, and the phases in this order; any of them may be left out.",
            )
        repeated = [version for at, version in enumerate(self.versions) if version in self.versions[:at]]
        if repeated:
            raise InputError(
                "migration-version-repeated",
                f"{what}: the version {repeated[0]!r} is named twice",
                hint="Each step leads to a version of its own, and none back to 'from'.",
            )

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that the schema goes through."""
        return (self.start, *(step.to for step in self.steps))

    @property
    def ready(self) -> str:
        """The version on which both releases run: with all of ``expand`` and ``migrate``, and nothing of
        ``contract``."""
        return ([self.start] + [step.to for step in self.steps if step.phase != CONTRACT])[-1]

    def way(self, origin: str, target: str) -> list[Move]:
        """The steps from one of the versions to another. Raises ValueError where one is none of them."""
        begin, end = self.versions.index(origin), self.versions.index(target)
        pairs = list(zip(self.steps, self.versions, self.versions[1:]))
        if begin <= end:
            return [Move(UP, step, before, after) for step, before, after in pairs[begin:end]]
        return [Move(DOWN, step, after, before) for step, before, after in reversed(pairs[end:begin])]

    def about(self) -> dict[str, t.Any]:
        """Without the commands."""
        steps = [{"phase": step.phase, "to": step.to, "irreversible": step.irreversible} for step in self.steps]
        return {"database": self.database, "from": self.start, "steps": steps}


def migrations_of(runtime: Data) -> tuple[Migration, ...]:
    """The migrations that a package's runtime declares, one for each database."""
    migrations = tuple(Migration.from_dict(item) for item in runtime.get("migrations") or ())
    names = [migration.database for migration in migrations]
    if len(set(names)) != len(names):
        raise InputError("database-repeated", "migrations: a database is named twice", hint="Put its steps together.")
    return migrations


def _version(value: t.Any, *, what: str) -> str:
    if not isinstance(value, str) or not _VERSION.match(value):
        raise InputError(
            "schema-version-malformed",
            f"{what}: {value!r} cannot be a schema's version",
            hint="Write it in quotes, as one word without braces, of at most 128 characters.",
        )
    return value
