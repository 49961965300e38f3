# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open a rollout: everything between the hosts' answers and the first thing that is staged (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import pathlib
import typing as t

from ...module_utils._model.manifest import Manifest
from ...module_utils._model.profile import Profile
from ...module_utils._model.runtime import Runtime
from .._registry import STOPPED, Holder, Lease, Registry, RolloutRow
from .._secrets import Access
from . import run_directory
from .clocks import Clocks, Rollouts, Timing, largest_wave, set_clocks
from .databases import Databases
from .gate import Gate
from .learning import learned
from .plan import Plan
from .planning import Wish, left_out, make_plan
from .profiles import HostInput, Scope, make_profiles
from .recording import LEASE_SECONDS

__all__ = ["Opened", "Package", "check", "open_rollout"]

Hosts = collections.abc.Mapping[str, HostInput]
Inventory = collections.abc.Callable[[str], collections.abc.Mapping[str, t.Any] | None]  # variables of any host


def _nobody(_host: str) -> None:
    """An inventory without hosts."""


class Package(t.NamedTuple):
    """A package in the cache; a rollback needs none."""

    manifest: Manifest | None
    path: pathlib.Path | None


class Opened(t.NamedTuple):
    """The plan, the lease (None in check mode and where there is nothing to do), where the profiles lie, and how long
    hosts wait for their confirmation."""

    plan: Plan
    lease: Lease | None
    directory: pathlib.Path | None
    clocks: Clocks


def open_rollout(
    wish: Wish,
    hosts: Hosts,
    package: Package,
    access: Access,
    registry: Registry,
    holder: Holder,
    gate: Gate,
    timing: Timing,
    inventory: Inventory = _nobody,
) -> Opened:
    """Plan, take the lease, record, and lay the profiles ready. What hosts say of rollouts that lost sight of them is
    recorded first.

    Raises:
        ConflictError: another run holds the lease, or that of a database (``rollout-locked``).
        RelmgmtError: hosts are not ready, values break the schema, a secret or a template cannot be had, the gate is
            closed.
    """
    _learn(wish, hosts, registry, timing.history)
    out, profiles = _prepare(wish, hosts, package, access)
    runtimes = _runtimes(profiles)
    scope = (wish.package, wish.environment, wish.instance)
    unfinished = _unfinished(wish, registry)
    plan = make_plan(
        wish,
        hosts,
        out=out,
        manifest=package.manifest,
        profiles=profiles,
        unfinished=unfinished,
        gate=gate,
        databases=Databases(registry, inventory=inventory),
        new_id=registry.new_rollout_id,
        limit=largest_wave(runtimes, timing),
    )
    clocks = set_clocks(plan.waves, runtimes, timing)
    if not plan.active and not unfinished:
        return Opened(plan, None, None, clocks)
    lease = registry.acquire(*scope, holder, ttl=LEASE_SECONDS, databases=[db.id for db in plan.databases])
    if wish.migration_lost:
        registry.give_up_migrations(wish.migration_lost)
    if unfinished and unfinished.id != plan.id:
        registry.finish_rollout(unfinished.id, STOPPED, f"superseded by {plan.id}")
    if not plan.active:
        registry.release(lease, holder)
        return Opened(plan, None, None, clocks)
    if package.manifest:
        registry.record_package(package.manifest)
        registry.record_promotion(
            environment=plan.environment, name=plan.package, version=plan.version, digest=plan.digest
        )
    registry.begin_rollout(_row(plan, lease))
    if plan.waves:
        first = plan.staging if package.manifest else plan.waves[0]
        registry.record_wave(plan.id, first.index, name=first.name, hosts=first.hosts)
    return Opened(plan, lease, run_directory.write_profiles(plan.id, profiles), clocks)


def check(
    wish: Wish,
    hosts: Hosts,
    package: Package,
    access: Access,
    registry: Registry,
    run: str,
    gate: Gate,
    timing: Timing,
    inventory: Inventory = _nobody,
) -> Opened:
    """The plan that ``open_rollout`` would make, under the id of this run; only the run directory is written.

    Raises RelmgmtError as ``open_rollout``, but for the lease.
    """
    out, profiles = _prepare(wish, hosts, package, access)
    runtimes = _runtimes(profiles)
    plan = make_plan(
        wish,
        hosts,
        out=out,
        manifest=package.manifest,
        profiles=profiles,
        unfinished=_unfinished(wish, registry),
        gate=gate,
        databases=Databases(registry, inventory=inventory),
        new_id=lambda: run,
        limit=largest_wave(runtimes, timing),
    )
    directory = run_directory.write_profiles(run, profiles)
    return Opened(dataclasses.replace(plan, id=run), None, directory, set_clocks(plan.waves, runtimes, timing))


def _learn(wish: Wish, hosts: Hosts, registry: Registry, history: Rollouts) -> None:
    own = [rollout for rollout in history if rollout["instance"] == wish.instance]
    for rollout, rows in learned(own, {host: known.info for host, known in hosts.items()}).items():
        registry.record_deployments(rollout, rows)


def _unfinished(wish: Wish, registry: Registry) -> Plan | None:
    row = registry.open_rollout(wish.package, wish.environment, wish.instance)
    return Plan.from_dict(row["plan"]) if row else None


def _prepare(wish: Wish, hosts: Hosts, package: Package, access: Access) -> tuple[dict[str, str], dict[str, Profile]]:
    out = left_out(hosts, package.manifest, budget=wish.failure_budget, site_budgets=wish.site_budgets)
    if package.manifest is None or package.path is None:
        return out, {}
    taking_part = {host: known for host, known in hosts.items() if host not in out}
    scope = Scope(wish.environment, wish.instance)
    return out, make_profiles(package.manifest, package.path, taking_part, scope, access)


def _runtimes(profiles: collections.abc.Mapping[str, Profile]) -> tuple[Runtime, ...]:
    return tuple(Runtime.from_dict(profile.runtime) for profile in profiles.values())


def _row(plan: Plan, lease: Lease) -> RolloutRow:
    about = {name: getattr(plan, name) for name in ("id", "kind", "package", "version", "digest", "environment")}
    return RolloutRow(**about, instance=plan.instance, strategy=plan.strategy, plan=plan.to_dict(), token=lease.token)
