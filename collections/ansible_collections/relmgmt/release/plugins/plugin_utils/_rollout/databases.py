# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which databases a plan changes, what the registry knows of them, and what forbids it (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.errors import ConflictError, InputError
from ...module_utils._model.manifest import Manifest
from .._registry import REHEARSAL, ROLLBACK, Registry
from .migration import Database, Declared, database_id, databases_of
from .plan import DEPLOY, HostPlan, Plan
from .profiles import HostInput
from .refusals import FIRM, Asking
from .within_reach import require_way_back

if t.TYPE_CHECKING:
    from .planning import Wish

__all__ = ["Databases", "Inventory", "approval_of", "no_inventory"]

Hosts = collections.abc.Mapping[str, HostInput]
Inventory = collections.abc.Callable[[str], collections.abc.Mapping[str, t.Any] | None]
Planned = collections.abc.Mapping[str, HostPlan]


def no_inventory(_host: str) -> None:
    """An inventory without hosts."""


class Databases:
    """Finds them. ``inventory``: the variables of any host, None for one that the inventory does not have; ``asking``:
    how what forbids it is asked for."""

    def __init__(self, registry: Registry, *, inventory: Inventory = no_inventory, asking: Asking = FIRM) -> None:
        self._registry, self._inventory, self._asking = registry, inventory, asking

    def of(
        self,
        wish: Wish,
        hosts: Hosts,
        planned: Planned,
        manifest: Manifest | None,
        *,
        order: t.Sequence[str],
        resumed: Plan | None,
    ) -> tuple[Database, ...]:
        """The databases of the plan, with all that is known of them.

        Raises:
            InputError: ``databases-malformed``, ``database-repeated``, ``migrations-mixed``, ``schema-out-of-reach``,
                ``rehearsal-irreversible``.
            ConflictError: something was begun on a host that does not answer now (``migration-begun``); a rollback
                would lead behind a point of no return (``point-of-no-return``).
        """
        return self._asking.ask(
            lambda: self._of(wish, hosts, planned, manifest, order=order, resumed=resumed), tuple[Database, ...]()
        )

    def _of(
        self,
        wish: Wish,
        hosts: Hosts,
        planned: Planned,
        manifest: Manifest | None,
        *,
        order: t.Sequence[str],
        resumed: Plan | None,
    ) -> tuple[Database, ...]:
        if wish.kind == ROLLBACK:
            found = self._back(wish, hosts, planned, order=order, resumed=resumed)
        else:
            declared = [migration.about() for migration in manifest.migrations] if manifest else []
            here = manifest.digest if manifest else ""
            found = self._found(wish, hosts, declared, order=order, deployments=_current(hosts, here))
        known = tuple(self._known(wish, database, hosts) for database in found)
        if wish.kind == REHEARSAL and any(database.ends_return(contract=False) for database in known):
            self._asking.ask(lambda: _refuse_irreversible(wish), None)
        return known

    def _found(
        self,
        wish: Wish,
        hosts: Hosts,
        declared: Declared,
        *,
        order: t.Sequence[str],
        deployments: collections.abc.Mapping[str, int],
    ) -> tuple[Database, ...]:
        variables = {host: known.variables for host, known in hosts.items()}
        return databases_of(declared, variables, scope=_scope(wish), order=order, deployments=deployments)

    def _back(
        self, wish: Wish, hosts: Hosts, planned: Planned, *, order: t.Sequence[str], resumed: Plan | None
    ) -> tuple[Database, ...]:
        """What the releases that are left have changed, as the hosts tell it."""
        if resumed:
            return resumed.databases
        moving = {
            host: known.info["release"]
            for host, known in hosts.items()
            if planned[host].action == DEPLOY and known.info["release"]["current"]["version"] != wish.version
        }
        require_way_back(moving, wish.version, asking=self._asking)
        declared = {host: release["current"].get("migrations") or [] for host, release in moving.items()}
        self._asking.ask(lambda: _require_alike(declared), None)
        deployments = {host: int(release["current"]["deployment"]) for host, release in moving.items()}
        return self._found(wish, hosts, next(iter(declared.values()), []), order=order, deployments=deployments)

    def _known(self, wish: Wish, database: Database, hosts: Hosts) -> Database:
        """With what the registry tells. Where something was begun, it goes on."""
        first = self._asking.ask(lambda: self._first(wish, database, hosts), database.hosts[0])
        return dataclasses.replace(
            database,
            hosts=(first, *(host for host in database.hosts if host != first)),
            known=self._registry.schema_version(database.id),
            elsewhere=self._elsewhere(wish, database, hosts),
            frozen=tuple(host for host in database.hosts if _release(hosts[host]).get("frozen")),
        )

    def _first(self, wish: Wish, database: Database, hosts: Hosts) -> str:
        """The host that runs the commands."""
        begun = self._registry.migration_begun(database.id)
        if begun and begun["host"] == wish.migration_lost:
            begun = None
        first = str(begun["host"]) if begun else database.hosts[0]
        if first not in database.hosts or (begun and hosts[first].info.get("outcome") != "ok"):
            raise ConflictError(
                "migration-begun",
                f"A migration of {database.name} ({database.id}) was begun on {first}, and nobody knows what came of it"
                f" (rollout {begun['rollout'] if begun else ''})",
                hint="Bring that host back, into the target, and run it again. If it is certain that nothing of it runs"
                f" any more: -e relmgmt_migration_lost={first}",
            )
        return first

    def _elsewhere(self, wish: Wish, database: Database, hosts: Hosts) -> dict[str, str]:
        """Hosts outside of the rollout that share the database → the version that they were last seen with."""
        found = {}
        for host, (environment, version) in self._registry.standing(wish.package, wish.instance).items():
            variables = (
                self._inventory(host)
                if host not in hosts and version not in (outcome.ABSENT, outcome.ADOPTED)
                else None
            )
            scope = (wish.package, environment, wish.instance)
            if variables is not None and database_id(database.name, variables, scope=scope) == database.id:
                found[host] = version
        return found


def _require_alike(declared: collections.abc.Mapping[str, Declared]) -> None:
    """declared: host → the migrations of the release that it is to leave."""
    different = [host for host in declared if declared[host] != next(iter(declared.values()))]
    if different:
        raise InputError(
            "migrations-mixed",
            f"{next(iter(declared))} and {different[0]} run releases that change schemas differently",
            hint="Roll back the hosts of one release at a time.",
        )


def _refuse_irreversible(wish: Wish) -> None:
    raise InputError(
        "rehearsal-irreversible",
        f"{wish.package} {wish.version} takes a step on a database that nothing takes back: no rehearsal can"
        " show the way back",
        hint="Roll it out with its approval (relmgmt_point_of_no_return), and say why it is not rehearsed"
        " (relmgmt_rehearsal=waived).",
    )


def approval_of(wish: Wish, databases: t.Sequence[Database], *, waves: bool, resumed: Plan | None) -> dict[str, str]:
    """Who answers for steps that nothing takes back; empty where nobody does, or nobody has to.

    Raises:
        InputError: such a step stands before the first wave, and nobody does (``point-of-no-return-unapproved``); it
            is approved without a reason (``approval-unreasoned``).
    """
    kept = dict(resumed.approval) if resumed else {}
    final = [db.name for db in databases for contract in (False, True) if db.ends_return(contract=contract)]
    if not final or wish.kind == ROLLBACK:
        return kept
    if wish.point_of_no_return == wish.version:
        if not wish.point_of_no_return_reason.strip():
            raise InputError(
                "approval-unreasoned",
                f"the point of no return of {wish.version} is approved without a reason",
                hint="Say why, for the record: -e \"relmgmt_point_of_no_return_reason='...'\"",
            )
        return {"version": wish.version, "reason": wish.point_of_no_return_reason.strip()}
    before = [database.name for database in databases if waves and database.ends_return(contract=False)]
    if before and not kept:
        said = f" (approved is {wish.point_of_no_return})" if wish.point_of_no_return else ""
        raise InputError(
            "point-of-no-return-unapproved",
            f"{wish.package} {wish.version} takes a step on {', '.join(before)} that nothing takes back, before its"
            f" first host: behind it no host goes back{said}",
            hint=f"Who answers for that says so: -e relmgmt_point_of_no_return={wish.version}"
            " -e \"relmgmt_point_of_no_return_reason='...'\"",
        )
    return kept


def _current(hosts: Hosts, digest: str) -> dict[str, int]:
    """Hosts that stand on the release → its deployment there."""
    current = {host: _release(known).get("current") or {} for host, known in hosts.items()}
    return {host: int(here["deployment"]) for host, here in current.items() if here.get("release") == digest}


def _scope(wish: Wish) -> tuple[str, str, str]:
    return wish.package, wish.environment, wish.instance


def _release(known: HostInput) -> t.Mapping[str, t.Any]:
    """What the host said of the instance; empty where it said nothing."""
    return known.info.get("release") or {}
