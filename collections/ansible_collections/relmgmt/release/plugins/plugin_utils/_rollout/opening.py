# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open a rollout: everything between the hosts' answers and the first thing that is staged (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import pathlib
import time
import types
import typing as t

from ...module_utils._model.errors import ConflictError, InputError
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.profile import Profile
from ...module_utils._model.runtime import Runtime
from .._registry import STOPPED, Holder, Lease, Registry, RolloutRow
from .._secrets import Access
from . import run_directory
from .clocks import Clocks, Rollouts, Timing, largest_wave, set_clocks
from .databases import Databases, Inventory, no_inventory
from .gate import Gate
from .joining import JobPart, join_plan, require_known
from .learning import learned
from .plan import HostPlan, Plan
from .planning import Wish, has_switched, left_out, make_plan, pins_of, plan_hosts
from .preflight import require_distinct
from .profiles import HostInput, Made, Scope, make_profiles
from .recording import LEASE_SECONDS
from .unfinished import NEW, Unfinished, find_unfinished, require_same_hosts

__all__ = ["Opened", "Opening", "Package", "check", "enter", "learn", "open_rollout"]

_TURN_SECONDS = 30.0  # that a job which takes the lease anew needs to say so, at most
Hosts = collections.abc.Mapping[str, HostInput]
Fallbacks = collections.abc.Mapping[str, collections.abc.Mapping[str, str]]


class Package(t.NamedTuple):
    """A package in the cache; a rollback needs none."""

    manifest: Manifest | None
    path: pathlib.Path | None


@dataclasses.dataclass(frozen=True)
class Opening:
    """What a rollout is opened with. rollout: the id of an open one to go on with, or ``new`` for none; wait: seconds
    that a job waits for the hosts of others; by: who begins it, for people."""

    wish: Wish
    hosts: Hosts
    package: Package
    access: Access
    gate: Gate
    timing: Timing
    inventory: Inventory = no_inventory
    rollout: str = ""
    wait: float = 0.0
    by: str = ""

    @property
    def scope(self) -> tuple[str, str, str]:
        return self.wish.package, self.wish.environment, self.wish.instance


class Opened(t.NamedTuple):
    """The plan, the lease (None in check mode and where there is nothing to do), where the profiles lie, how long hosts
    wait for their confirmation, the job's part, and host → secrets that could not be read → what was used."""

    plan: Plan
    lease: Lease | None
    directory: pathlib.Path | None
    clocks: Clocks
    part: JobPart
    fallbacks: Fallbacks = types.MappingProxyType({})


class _Planned(t.NamedTuple):
    plan: Plan
    made: collections.abc.Mapping[str, Made]
    clocks: Clocks

    @property
    def profiles(self) -> dict[str, Profile]:
        return {host: each.profile for host, each in self.made.items()}

    @property
    def fallbacks(self) -> Fallbacks:
        return {host: each.fallbacks for host, each in sorted(self.made.items()) if each.fallbacks}


def open_rollout(opening: Opening, registry: Registry, holder: Holder) -> Opened:
    """Plan, take the lease, record, and lay the profiles ready. What hosts say of rollouts that lost sight of them is
    recorded first.

    Raises:
        ConflictError: another run holds the lease, or that of a database (``rollout-locked``), or works on one of the
            hosts (``host-taken``); what is open was paused, or does not fit (see ``unfinished``).
        RelmgmtError: hosts are not ready, values break the schema, a secret or a template cannot be had, the gate is
            closed.
    """
    learn(opening.wish, opening.hosts, registry, opening.timing.history)
    found = _going_on(opening, registry)
    planned = _planned(opening, found, registry, new_id=registry.new_rollout_id)
    plan, wish = planned.plan, opening.wish
    part = JobPart("", tuple(opening.hosts), opening.wait, planned.clocks.confirm_timeout)
    joins = found is not None and found.plan.id == plan.id and not part.is_whole(plan)
    if not plan.active and not found:
        return Opened(plan, None, None, planned.clocks, part)
    lease = enter(registry, plan, holder) if joins else _take(registry, plan, holder)
    if wish.migration_lost:
        registry.give_up_migrations(wish.migration_lost)
    if found and found.plan.id != plan.id:
        registry.finish_rollout(found.plan.id, STOPPED, f"superseded by {plan.id}")
    if not plan.active:
        registry.release(lease, holder)
        return Opened(plan, None, None, planned.clocks, part)
    if joins and found:
        registry.claim_rollout(plan.id, lease.token)
    else:
        _record(opening, plan, lease, registry)
    part = dataclasses.replace(part, id=begin_job(registry, plan, part.hosts, lease, holder))
    registry.record_profiles(plan.id, [each.record() for each in planned.made.values()])
    directory = run_directory.write_profiles(part.run(plan), planned.profiles)
    return Opened(plan, lease, directory, planned.clocks, part, planned.fallbacks)


def check(opening: Opening, registry: Registry, run: str) -> Opened:
    """The plan that ``open_rollout`` would make, under the id of this run; only the run directory is written.

    Raises RelmgmtError as ``open_rollout``, but for the lease.
    """
    planned = _planned(opening, _going_on(opening, registry), registry, new_id=lambda: run)
    directory = run_directory.write_profiles(run, planned.profiles)
    plan = dataclasses.replace(planned.plan, id=run)
    part = JobPart("", tuple(opening.hosts), 0.0, planned.clocks.confirm_timeout)
    return Opened(plan, None, directory, planned.clocks, part, planned.fallbacks)


def learn(wish: Wish, hosts: Hosts, registry: Registry, history: Rollouts) -> None:
    """Put right what is recorded of hosts that a rollout lost sight of."""
    own = [rollout for rollout in history if rollout["instance"] == wish.instance]
    for rollout, rows in learned(own, {host: known.info for host, known in hosts.items()}).items():
        registry.record_deployments(rollout, rows)


def enter(
    registry: Registry, plan: Plan, holder: Holder, *, wait: collections.abc.Callable[[float], None] = time.sleep
) -> Lease:
    """The lease of a rollout that jobs share: taken where nobody has it, else joined. A job that has just taken it has
    not said so yet; that one is waited for.

    Raises:
        ConflictError: somebody holds it who works on something else (``rollout-locked``).
    """
    end = time.monotonic() + _TURN_SECONDS
    while True:
        try:
            return _take(registry, plan, holder)
        except ConflictError as locked:
            if locked.code != "rollout-locked":
                raise
            token = int(registry.rollout(plan.id)["token"])
            lease = Lease(registry.id, plan.package, plan.environment, plan.instance, token, "")
            try:
                return registry.join(lease, holder, ttl=LEASE_SECONDS)
            except ConflictError:
                if time.monotonic() >= end:
                    raise locked from None
        wait(0.5)


def begin_job(
    registry: Registry, plan: Plan, hosts: collections.abc.Sequence[str], lease: Lease, holder: Holder
) -> str:
    """The job's id; where it may not begin, the lease is left.

    Raises:
        ConflictError: another job works on one of the hosts (``host-taken``).
    """
    try:
        return registry.begin_job(plan.id, hosts, holder, token=lease.token, ttl=LEASE_SECONDS)
    except ConflictError:
        registry.release(lease, holder)
        raise


def _take(registry: Registry, plan: Plan, holder: Holder) -> Lease:
    scope = (plan.package, plan.environment, plan.instance)
    return registry.acquire(*scope, holder, ttl=LEASE_SECONDS, databases=[db.id for db in plan.databases])


def _going_on(opening: Opening, registry: Registry) -> Unfinished | None:
    """What is open, if that may go on."""
    kind = opening.wish.kind
    found = find_unfinished(registry, opening.scope, rollout=opening.rollout, kind=kind)
    if found:
        found.require_going_on(kind)
    return found


def _planned(
    opening: Opening, found: Unfinished | None, registry: Registry, *, new_id: collections.abc.Callable[[], str]
) -> _Planned:
    begun = found.plan if found and opening.rollout != NEW else None
    named = begun is not None and bool(opening.rollout)
    wish = found.adopted(opening.wish) if found and named else opening.wish
    digest = opening.package.manifest.digest if opening.package.manifest else ""
    if begun and named:
        require_known(begun, opening.hosts)
    if begun and opening.hosts and (not named or begun.digest != digest):
        require_same_hosts(begun, wish, digest, opening.hosts)
    pins = pins_of(begun, wish, digest, opening.hosts, named=named)
    out, made = _prepare(wish, opening.hosts, opening.package, opening.access, pins)
    profiles = {host: each.profile for host, each in made.items()}
    runtimes = tuple(Runtime.from_dict(profile.runtime) for profile in profiles.values())
    if found and begun and named and set(begun.hosts) != set(opening.hosts):
        own = plan_hosts(wish, opening.hosts, out=out, digest=digest, profiles=profiles, resumed=begun)
        _ask_again(opening, found, own)
        plan = join_plan(begun, own)
    else:
        plan = make_plan(
            wish,
            opening.hosts,
            out=out,
            manifest=opening.package.manifest,
            profiles=profiles,
            unfinished=begun,
            gate=opening.gate,
            databases=Databases(registry, inventory=opening.inventory),
            new_id=new_id,
            limit=largest_wave(runtimes, opening.timing),
        )
    return _Planned(plan, made, set_clocks(plan.waves, runtimes, opening.timing))


def _ask_again(opening: Opening, found: Unfinished, own: collections.abc.Mapping[str, HostPlan]) -> None:
    """The gate, on behalf of the hosts of a part.

    Raises:
        InputError, IntegrityError: it is closed for one of them.
    """
    begun = has_switched(found.plan, opening.hosts) or found.has_switched
    wish = found.adopted(opening.wish)
    ruling = opening.gate.rule(wish, own, found.plan.digest, resumed=found.plan, switched=begun)
    for host, reason in ruling.out.items():
        raise InputError(
            "join-unrehearsed",
            f"{host} may not go on with rollout {found.plan.id}: {reason}",
            hint="Rehearse it, or run the rollout over all of its hosts (relmgmt_rehearsal=leave_out).",
        )


def _prepare(
    wish: Wish, hosts: Hosts, package: Package, access: Access, pins: collections.abc.Mapping[str, str]
) -> tuple[dict[str, str], dict[str, Made]]:
    require_distinct({host: (known.site, known.info) for host, known in hosts.items()})
    out = left_out(hosts, package.manifest, budget=wish.failure_budget, site_budgets=wish.site_budgets)
    if package.manifest is None or package.path is None:
        return out, {}
    taking_part = {host: known for host, known in hosts.items() if host not in out}
    scope = Scope(wish.environment, wish.instance)
    made = make_profiles(
        package.manifest, package.path, taking_part, scope, access, secrets_down=wish.secrets_down, pins=pins
    )
    return out, made


def _record(opening: Opening, plan: Plan, lease: Lease, registry: Registry) -> None:
    """That it begins, or goes on as a whole."""
    manifest = opening.package.manifest
    if manifest:
        registry.record_package(manifest)
        registry.record_promotion(
            environment=plan.environment, name=plan.package, version=plan.version, digest=plan.digest
        )
    registry.begin_rollout(_row(plan, lease, opening.by))
    if plan.waves:
        first = plan.staging if manifest else plan.waves[0]
        registry.record_wave(plan.id, first.index, name=first.name, hosts=first.hosts)


def _row(plan: Plan, lease: Lease, by: str) -> RolloutRow:
    about = {name: getattr(plan, name) for name in ("id", "kind", "package", "version", "digest", "environment")}
    return RolloutRow(
        **about, instance=plan.instance, strategy=plan.strategy, plan=plan.to_dict(), token=lease.token, by=by
    )
