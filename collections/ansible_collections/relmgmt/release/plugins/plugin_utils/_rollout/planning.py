# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a request and what the hosts said to a plan; nothing is touched on the way (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model.errors import BackendError, InputError
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.profile import Profile
from .._drift import seen
from .._registry import FORWARD, REHEARSAL, ROLLBACK, ROLLOUT, ROTATION
from .clocks import Limit
from .databases import Databases, approval_of
from .gate import Gate, Ruling
from .plan import (
    DEPLOY,
    LEFT_OUT,
    NONE,
    UNREHEARSED,
    HostPlan,
    Plan,
    back_already,
    converged,
    release_of,
    version_of,
)
from .preflight import IGNORE, REPAIR, WARN, drifted, problem_of
from .profiles import HostInput
from .refusals import FIRM, Asking
from .rehearsal import require_fit
from .replacing import kept_still, replaces
from .stores_down import DEFAULTED
from .strategy import Options, Wave, waves
from .verdict import SiteBudgets

__all__ = ["Wish", "left_out", "has_switched", "make_plan", "pins_of", "plan_hosts", "same_release"]

Hosts = collections.abc.Mapping[str, HostInput]


@dataclasses.dataclass(frozen=True)
class Wish:
    """What somebody asks for. kind: ``rollout``, ``rollback``, ``rehearsal`` or ``rotation``; secrets_down: ``fail``,
    or ``previous`` to go on with what hosts have where the store of a secret does not answer."""

    kind: str
    package: str
    version: str
    environment: str
    instance: str
    strategy: str
    canary: str
    batch: str
    on_failure: str
    failure_budget: int
    release_budget: int = 0
    point_of_no_return: str = ""
    point_of_no_return_reason: str = ""
    migration_lost: str = ""
    canary_hosts: collections.abc.Sequence[str] = ()
    batch_of: str = "all"
    site_order: collections.abc.Sequence[str] = ()
    bake: float = 0.0
    site_budgets: collections.abc.Mapping[str, int] = dataclasses.field(default_factory=dict)
    drift: str = IGNORE
    secrets_down: str = "fail"


def left_out(
    hosts: Hosts,
    manifest: Manifest | None,
    *,
    budget: int,
    site_budgets: collections.abc.Mapping[str, int],
    drift: str = IGNORE,
) -> dict[str, str]:
    """Host → why it cannot take part. drift: what becomes of hosts that are not as they were left.

    Raises:
        InputError: no hosts at all (``target-empty``).
        BackendError: more hosts than the failure budget, in all or of a site, or all of them (``hosts-not-ready``);
            each is listed.
    """
    if not hosts:
        raise InputError(
            "target-empty", "The rollout has no hosts", hint="Look at the target with ansible-inventory --graph."
        )
    found = {host: problem_of(known.info, manifest, drift=drift) for host, known in sorted(hosts.items())}
    problems = {host: problem for host, problem in found.items() if problem}
    sites = SiteBudgets(site_budgets, {host: known.site for host, known in hosts.items()})
    over = sites.exceeded(problems)
    if over or len(problems) > budget or len(problems) == len(hosts):
        lines = "\n".join(f"  {host}: {problem}" for host, problem in problems.items())
        raise BackendError(
            "hosts-not-ready",
            f"{len(problems)} of {len(hosts)} hosts are not ready, the failure budget is {budget}{sites.of(over)}."
            f" Nothing was staged:\n{lines}\n",
            hint=f"Mend them, or take them out of the target, or raise {_budgets(over)}, and run it again.",
        )
    return problems


def _budgets(over: collections.abc.Mapping[str, int]) -> str:
    return "relmgmt_failure_budget and relmgmt_site_budget" if over else "relmgmt_failure_budget"


def make_plan(
    wish: Wish,
    hosts: Hosts,
    *,
    out: collections.abc.Mapping[str, str],
    manifest: Manifest | None,
    profiles: collections.abc.Mapping[str, Profile],
    unfinished: Plan | None,
    gate: Gate | None,
    databases: Databases | None = None,
    secrets: collections.abc.Mapping[str, collections.abc.Mapping[str, t.Any]] | None = None,
    new_id: t.Callable[[], str],
    limit: Limit | None = None,
    asking: Asking = FIRM,
) -> Plan:
    """The plan. An unfinished one for the same package and hosts keeps its identity, its waves and its versions
    before. limit: of the waves of a rollout that begins; secrets: see ``Plan``; asking: how what forbids it is asked
    for.

    Raises:
        InputError, IntegrityError: the gate is closed; hosts are not fit for a rehearsal, or hold no such version; a
            point of no return is not approved.
        ConflictError: databases or hosts forbid it.
    """
    digest = manifest.digest if manifest else ""
    resumed = unfinished if unfinished and _same(unfinished, wish, digest, hosts) else None
    if wish.kind == REHEARSAL:
        infos = {host: known.info for host, known in hosts.items() if host not in out}
        require_fit(infos, digest, resumed=resumed is not None, asking=asking)
    planned = plan_hosts(wish, hosts, out=out, digest=digest, profiles=profiles, resumed=resumed)
    rehearsal: collections.abc.Mapping[str, t.Any] = {}
    if gate and wish.kind == ROLLOUT:
        switched = resumed is not None and has_switched(resumed, hosts)
        kept_out, rehearsal = asking.ask(
            lambda: gate.rule(wish, planned, digest, resumed=resumed, switched=switched), Ruling({}, {})
        )
        planned.update({host: _kept_out(planned[host], reason) for host, reason in kept_out.items()})
    deploying = [host for host, plan in planned.items() if plan.action == DEPLOY]
    made, shaped = _with_late(resumed, deploying) if resumed else _new_waves(wish, planned, limit)
    order = [host for wave in made for host in wave.hosts]
    found = databases.of(wish, hosts, planned, manifest, order=order, resumed=resumed) if databases else ()
    return Plan(
        id=resumed.id if resumed else new_id(),
        kind=wish.kind,
        package=wish.package,
        version=wish.version,
        digest=digest,
        environment=wish.environment,
        instance=wish.instance,
        strategy=wish.strategy,
        on_failure=wish.on_failure,
        failure_budget=wish.failure_budget,
        release_budget=wish.release_budget,
        hosts=planned,
        waves=made,
        rehearsal=rehearsal,
        shaped=shaped,
        databases=found,
        approval=approval_of(wish, found, waves=bool(made), resumed=resumed),
        site_budgets=wish.site_budgets,
        versions={**_pins(resumed), **_versions(profiles)},
        drift=_drifted(wish, hosts, planned),
        replaces=kept_still(manifest, [known.info for known in hosts.values()]),
        secrets=secrets or {},
    )


def _drifted(wish: Wish, hosts: Hosts, planned: collections.abc.Mapping[str, HostPlan]) -> dict[str, str]:
    """Who of those that take part is not as it was left, and how, where that is asked for."""
    if wish.drift not in (WARN, REPAIR):
        return {}
    found = {host: drifted(hosts[host].info) for host, plan in planned.items() if plan.action != LEFT_OUT}
    return {host: how for host, how in found.items() if how}


def pins_of(unfinished: Plan | None, wish: Wish, digest: str, hosts: Hosts, *, named: bool) -> dict[str, str]:
    """Reference → version, for a plan that goes on with an unfinished one; named: somebody said that it does."""
    if unfinished is None or not same_release(unfinished, wish, digest):
        return {}
    return _pins(unfinished) if named or set(unfinished.hosts) == set(hosts) else {}


def _pins(plan: Plan | None) -> dict[str, str]:
    return dict(plan.versions) if plan else {}


def _versions(profiles: collections.abc.Mapping[str, Profile]) -> dict[str, str]:
    """Those that all hosts have, and that a store gave: what stands in for a secret is not asked for again."""
    found: dict[str, set[str]] = {}
    for made in profiles.values():
        for reference, version in made.versions.items():
            found.setdefault(reference, set()).add(version)
    known = {reference: versions.pop() for reference, versions in found.items() if len(versions) == 1}
    return {reference: version for reference, version in known.items() if not version.startswith(DEFAULTED)}


def plan_hosts(
    wish: Wish,
    hosts: Hosts,
    *,
    out: collections.abc.Mapping[str, str],
    digest: str,
    profiles: collections.abc.Mapping[str, Profile],
    resumed: Plan | None,
) -> dict[str, HostPlan]:
    """What is to happen on each host, whatever the waves."""
    planned = {}
    for host, known in sorted(hosts.items()):
        before, origin = _standing(host, known, resumed)
        if host in out:
            planned[host] = HostPlan(known.site, known.root, before, before, LEFT_OUT, out[host], origin=origin)
        else:
            action = NONE if _settled(wish, host, known, digest, profiles) else DEPLOY
            profile = profiles[host].digest if host in profiles else ""
            planned[host] = HostPlan(
                known.site,
                known.root,
                before,
                before if wish.kind == ROTATION and host not in profiles else wish.version,
                action,
                profile=profile,
                origin=origin,
                replaces=_replacing(wish, host, known, resumed) if action == DEPLOY else "",
                repairs=_repairs(wish, host, known, digest, profile, resumed),
            )
    return planned


def _repairs(wish: Wish, host: str, known: HostInput, digest: str, profile: str, resumed: Plan | None) -> bool:
    """Whether the host stands where it is to, and only what has drifted there is put right; as an unfinished rollout
    that has begun with it knew it."""
    if resumed and host in resumed.staging.hosts:
        return resumed.hosts[host].repairs
    repairing = wish.drift == REPAIR and wish.kind in FORWARD and bool(seen(known.info).findings)
    return repairing and converged(known.info, release=digest, profile=profile)


def _standing(host: str, known: HostInput, resumed: Plan | None) -> tuple[str, str]:
    """Version and release that the host stood on before, as an unfinished rollout that has begun with it knew them."""
    if resumed and host in resumed.staging.hosts:
        return resumed.hosts[host].before, resumed.hosts[host].origin
    return version_of(known.info), release_of(known.info)


def _replacing(wish: Wish, host: str, known: HostInput, resumed: Plan | None) -> str:
    """What the release takes the place of, as an unfinished rollout that has begun with the host knew it."""
    if wish.kind == ROLLBACK:
        return ""
    if resumed and host in resumed.staging.hosts:
        return resumed.hosts[host].replaces
    return replaces(known.info)


def _kept_out(planned: HostPlan, reason: str) -> HostPlan:
    return dataclasses.replace(planned, after=planned.before, action=UNREHEARSED, reason=reason, profile="")


def _new_waves(
    wish: Wish, planned: collections.abc.Mapping[str, HostPlan], limit: Limit | None
) -> tuple[tuple[Wave, ...], str]:
    """The waves, and why they are smaller than they were meant to be."""
    _require_canary(wish, planned)
    deploying = {host: plan.site for host, plan in planned.items() if plan.action == DEPLOY}
    options = Options(
        wish.package,
        canary=wish.canary,
        canary_hosts=tuple(wish.canary_hosts),
        batch=wish.batch,
        batch_of=wish.batch_of,
        site_order=tuple(wish.site_order),
        bake=wish.bake,
        fleet={host: plan.site for host, plan in planned.items()},
    )
    meant = waves(wish.strategy, deploying, options)
    if wish.kind not in FORWARD or limit is None or all(len(wave.hosts) <= limit.hosts for wave in meant):
        return meant, ""
    return waves(wish.strategy, deploying, dataclasses.replace(options, largest=limit.hosts)), limit.reason


def _require_canary(wish: Wish, planned: collections.abc.Mapping[str, HostPlan]) -> None:
    """Raises BackendError (``canary-left-out``): none of the canaries that were named can go first."""
    named = [host for host in wish.canary_hosts if host in planned] if wish.strategy == "canary" else []
    if named and all(planned[host].action in (LEFT_OUT, UNREHEARSED) for host in named):
        lines = "".join(f"  {host}: {planned[host].reason}\n" for host in named)
        raise BackendError(
            "canary-left-out",
            f"No host that was named as a canary takes part. Nothing was staged:\n{lines}",
            hint="Mend them, or name other hosts (relmgmt_canary_hosts), and run it again.",
        )


def _with_late(resumed: Plan, deploying: collections.abc.Iterable[str]) -> tuple[tuple[Wave, ...], str]:
    """The waves that were planned, and behind them those that need something now and did not, or were left out,
    then."""
    begun = resumed.waves
    known = {host for wave in begun for host in wave.hosts}
    late = tuple(host for host in deploying if host not in known)
    return (*begun, Wave(begun[-1].index + 1, "late", late, bake=begun[-1].bake)) if late else begun, resumed.shaped


def _same(unfinished: Plan, wish: Wish, digest: str, hosts: Hosts) -> bool:
    return same_release(unfinished, wish, digest) and set(unfinished.hosts) == set(hosts)


def has_switched(unfinished: Plan, hosts: Hosts) -> bool:
    """Whether a host stands on the release that the rollout has brought it."""
    return any(
        unfinished.hosts[host].origin != unfinished.digest and release_of(known.info) == unfinished.digest
        for host, known in hosts.items()
        if host in unfinished.hosts
    )


def same_release(unfinished: Plan, wish: Wish, digest: str) -> bool:
    """Whether an unfinished rollout leads where the wish does, in the same way, whichever the hosts are."""
    return (unfinished.kind, unfinished.version, unfinished.digest, unfinished.strategy) == (
        wish.kind,
        wish.version,
        digest,
        wish.strategy,
    )


def _settled(
    wish: Wish, host: str, known: HostInput, digest: str, profiles: collections.abc.Mapping[str, Profile]
) -> bool:
    if wish.kind == REHEARSAL:
        return False
    if wish.kind == ROTATION and host not in profiles:
        return True  # it runs another release, or nothing
    if wish.kind == ROLLBACK:
        return back_already(known.info, wish.version, host=host)
    there = converged(known.info, release=digest, profile=profiles[host].digest)
    return there and not (wish.drift == REPAIR and seen(known.info).findings)
