# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The databases of a rollout: which hosts share one, and how far its schema is to be taken (private).

``expand`` and ``migrate`` lead to the *ready* version, on which the release before and the new one run alike. Their
steps are taken before the first wave, those of ``contract`` behind the last one.
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import typing as t

from ...module_utils._model.errors import InputError
from ...module_utils._model.migration import CONTRACT

__all__ = ["VARIABLE", "Database", "Declared", "Step", "database_id", "databases_of", "shown"]

VARIABLE = "relmgmt_databases"
Data = t.Mapping[str, t.Any]
Declared = t.Sequence[Data]  # a release's migrations, as ``Migration.about`` tells them


class Step(t.NamedTuple):
    """One change of the schema, to the version ``to``; there is no way back from an irreversible one."""

    phase: str
    to: str
    irreversible: bool


@dataclasses.dataclass(frozen=True)
class Database:
    """One database. ``id`` is its own in the whole inventory, ``name`` what the package calls it.

    hosts: those of the rollout that share it, the one that runs the commands first. known: the schema's version as the
    registry last heard of it, None if it never did. deployments: host → its deployment that brings the commands, where
    it had one when the plan was made. elsewhere: hosts outside of the rollout that share it → the version of the
    package that they run. frozen: hosts that were so before the rollout.
    """

    id: str
    name: str
    hosts: tuple[str, ...]
    start: str
    steps: tuple[Step, ...]
    known: str | None = None
    deployments: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    elsewhere: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    frozen: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Data) -> Database:
        steps = tuple(Step(*step) for step in data["steps"])
        hosts = {name: tuple(data[name]) for name in ("hosts", "frozen")}
        return cls(**{**data, **hosts, "steps": steps})

    def to_dict(self) -> dict[str, t.Any]:
        return {
            **dataclasses.asdict(self),
            "hosts": list(self.hosts),
            "frozen": list(self.frozen),
            "steps": [list(step) for step in self.steps],
        }

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that the schema goes through."""
        return (self.start, *(step.to for step in self.steps))

    @property
    def ready(self) -> str:
        return self.versions[len(self._steps(contract=False))]

    @property
    def last(self) -> str:
        return self.versions[-1]

    def has(self, *, contract: bool) -> bool:
        """Whether there is a step behind the last wave, or before the first one."""
        return bool(self._steps(contract=contract))

    def ends_return(self, *, contract: bool) -> bool:
        """Whether a step there, not known to be taken, cannot be taken back."""
        return any(step.irreversible and not self.reached(step.to) for step in self._steps(contract=contract))

    def reached(self, version: str) -> bool:
        """Whether the schema is known to be there, or beyond."""
        return self.known in self.versions and self._at(self.known) >= self._at(version)

    def past_return(self, version: str | None) -> bool:
        """Whether a schema of this version has taken a step that nothing takes back."""
        taken = self.steps[: self._at(version)] if version in self.versions else ()
        return any(step.irreversible for step in taken)

    def may_be_past_return(self, version: str | None, failing: str | None, *, goal: str) -> bool:
        """Whether it has, or may have: it was on its way to ``goal``, and failed in the step to ``failing``; a step
        that began may have destroyed what its way back needs. version: None where nobody knows."""
        if version not in self.versions:
            return any(step.irreversible for step in self.steps[: self._at(goal)])
        begun = [step for step in self.steps if step.to == failing and step.irreversible]
        return bool(begun) or self.past_return(version)

    def _at(self, version: str | None) -> int:
        return self.versions.index(t.cast(str, version))

    def _steps(self, *, contract: bool) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if (step.phase == CONTRACT) is contract)


def database_id(name: str, variables: Data, *, scope: t.Sequence[str]) -> str:
    """Which database the name means for a host, by its variable ``relmgmt_databases``; else one for the whole scope.

    Raises:
        InputError: the variable is no dictionary of names (``databases-malformed``).
    """
    named = variables.get(VARIABLE) or {}
    found = named.get(name, "") if isinstance(named, collections.abc.Mapping) else None
    if not isinstance(found, str):
        raise InputError(
            "databases-malformed",
            f"{VARIABLE}: {named!r} does not say which database {name!r} is",
            hint=f'Write it as {{{name}: "server/database"}}; hosts with the same text share the database.',
        )
    return found or " ".join((*scope, name))


def databases_of(
    declared: Declared,
    hosts: collections.abc.Mapping[str, Data],
    *,
    scope: t.Sequence[str],
    order: t.Sequence[str],
    deployments: collections.abc.Mapping[str, int],
) -> tuple[Database, ...]:
    """The databases of the hosts, each once.

    Args:
        declared: the migrations of the release whose commands are run.
        hosts: host → its variables.
        order: hosts in the order in which they are staged, or those that are; the others come behind them.
        deployments: host → its deployment of that release.

    Raises:
        InputError: ``databases-malformed``; two names of the package mean one database (``database-repeated``).
    """
    found = []
    ranks = {host: rank for rank, host in enumerate([*order, *sorted(set(hosts) - set(order))])}
    for migration in declared:
        groups = collections.defaultdict[str, list[str]](list)
        for host in sorted(hosts, key=ranks.__getitem__):
            groups[database_id(migration["database"], hosts[host], scope=scope)].append(host)
        for identity, sharing in groups.items():
            found.append(
                Database(
                    id=identity,
                    name=migration["database"],
                    hosts=tuple(sharing),
                    start=migration["from"],
                    steps=tuple(Step(step["phase"], step["to"], step["irreversible"]) for step in migration["steps"]),
                    deployments={host: deployments[host] for host in sharing if host in deployments},
                )
            )
    repeated = [identity for identity, count in collections.Counter(item.id for item in found).items() if count > 1]
    if repeated:
        raise InputError(
            "database-repeated",
            f"{VARIABLE}: two databases of the package are {repeated[0]!r}",
            hint="Give each database of the package a name of its own.",
        )
    return tuple(found)


def shown(database: Database, *, back: bool, approved: bool) -> str:
    """What the plan does to it, in a line, for people. back: a rollback takes the steps back."""
    if back:
        versions = " ← ".join(version or "empty" for version in database.versions)
        return f"schema of {database.name} back on {database.hosts[0]}: {versions}"
    parts = []
    for contract, when in ((False, "before the first wave"), (True, "after the last")):
        steps = [step for step in database.steps if (step.phase == CONTRACT) is contract]
        if steps:
            names = ", ".join(f"{step.phase} {step.to}{_mark(step, approved)}" for step in steps)
            parts.append(f"{when} {names}")
    return f"schema of {database.name} from {database.start or 'empty'}, on {database.hosts[0]}: {'; '.join(parts)}"


def _mark(step: Step, approved: bool) -> str:
    if not step.irreversible:
        return ""
    return f" (POINT OF NO RETURN, {'approved' if approved else 'awaits approval'})"
