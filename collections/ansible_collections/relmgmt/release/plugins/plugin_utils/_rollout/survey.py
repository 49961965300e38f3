# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a rollout if it began now, with everything that forbids it (private).

``opening`` stops at the first refusal. Here each question is asked for itself: a refusal is noted, and the rest is told
all the same, as it would be without it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ...module_utils._model.digest import digest_of
from ...module_utils._model.errors import RelmgmtError
from ...module_utils._model.profile import Profile
from ...module_utils._model.runtime import Runtime
from .._registry import Holder, Registry
from .._secrets import Access, Providers
from . import run_directory
from .clocks import Timing, largest_wave, set_clocks
from .databases import Databases, Inventory
from .gate import Gate, Ruling
from .joining import JobPart
from .migration import Database
from .opening import Opened, Package
from .plan import Plan
from .planning import Hosts, Wish, left_out, make_plan, pins_of
from .preflight import code_of, problem_of, require_distinct
from .profiles import Made, Scope, make_profiles
from .refusals import Blocker, Refusals
from .unfinished import NEW, find_unfinished, require_same_hosts

__all__ = ["NOT_READY", "Survey"]

_TRIES = 8  # twice that, to find out which hosts can be configured where not all can
NOT_READY = "hosts-not-ready"
_UNAPPROVED = ("point-of-no-return-unapproved", "approval-unreasoned")
_REFUSED = Profile(digest_of(b"refused"), (), {})  # stands in for a profile that cannot be made
_MEND = "Mend it, or take it out of the target, or raise relmgmt_failure_budget."


@dataclasses.dataclass(frozen=True)
class Survey:
    """What a rollout would be opened with. package: without a manifest where it cannot be had: then the waves are told,
    and little else. gate: None where its policy is refused already. refusals: what else is refused goes there.
    rollout: as of an ``Opening``."""

    wish: Wish
    hosts: Hosts
    package: Package
    access: Access
    gate: Gate | None
    timing: Timing
    inventory: Inventory
    refusals: Refusals
    rollout: str = ""

    def plan(self, registry: Registry, holder: Holder, run: str) -> Opened:
        """As ``check``, under the id of this run; only the run directory is written, and no lease is taken.

        Args:
            holder: of the run that would be.

        Raises:
            RelmgmtError: not even waves can be told.
        """
        wish, package = self.wish, self.package
        out = self._left_out()
        taking_part = {host: known for host, known in self.hosts.items() if host not in out}
        unfinished = self._unfinished(registry)
        with Providers(self.access) as providers:
            rendered = self._profiles(taking_part, unfinished, providers)
        profiles = {host: each.profile for host, each in rendered.items()}
        runtimes = tuple(Runtime.from_dict(profile.runtime) for profile in profiles.values())

        def made(wanted: Wish) -> Plan:
            return make_plan(
                wanted,
                self.hosts,
                out=out,
                manifest=package.manifest,
                profiles={host: profiles.get(host, _REFUSED) for host in taking_part},
                unfinished=unfinished,
                gate=_NotedGate(self.gate, self.refusals) if self.gate and package.manifest else None,
                databases=_NotedDatabases(Databases(registry, inventory=self.inventory), self.refusals),
                new_id=lambda: run,
                limit=largest_wave(runtimes, self.timing),
            )

        plan = _relaxed(wish, made, self.refusals)
        scope, databases = (wish.package, wish.environment, wish.instance), [found.id for found in plan.databases]
        self.refusals.ask(lambda: registry.require_free(*scope, holder, databases=databases), None)
        hosts = {
            host: known if host in profiles else dataclasses.replace(known, profile="")
            for host, known in plan.hosts.items()
        }
        directory = run_directory.write_profiles(run, profiles)
        clocks = set_clocks(plan.waves, runtimes, self.timing)
        part = JobPart("", tuple(self.hosts), 0.0, clocks.confirm_timeout)
        fallbacks = {host: each.fallbacks for host, each in sorted(rendered.items()) if each.fallbacks}
        return Opened(dataclasses.replace(plan, id=run, hosts=hosts), None, directory, clocks, part, fallbacks)

    def _unfinished(self, registry: Registry) -> Plan | None:
        """The plan of the open rollout that would go on."""
        wish, ask = self.wish, self.refusals.ask
        scope = (wish.package, wish.environment, wish.instance)
        found = ask(lambda: find_unfinished(registry, scope, rollout=self.rollout, kind=wish.kind), None)
        if found is None or self.rollout == NEW:
            return None
        ask(lambda: found.require_going_on(wish.kind), None)
        digest = self.package.manifest.digest if self.package.manifest else ""
        ask(lambda: require_same_hosts(found.plan, wish, digest, self.hosts), None)
        return found.plan

    def _left_out(self) -> dict[str, str]:
        """Host → why it cannot take part; where there are more than the budget allows, each is a blocker."""
        hosts, manifest = self.hosts, self.package.manifest
        sites = {host: (known.site, known.info) for host, known in hosts.items()}
        self.refusals.ask(lambda: require_distinct(sites), None)
        try:
            return left_out(hosts, manifest, budget=self.wish.failure_budget, site_budgets=self.wish.site_budgets)
        except RelmgmtError as exc:
            problems = {host: problem_of(known.info, manifest) for host, known in sorted(hosts.items())}
            unready = {host: problem for host, problem in problems.items() if problem}
            if exc.code != NOT_READY:
                self.refusals.note(Blocker.of(exc))
            for host, problem in unready.items():
                self.refusals.note(Blocker(code_of(hosts[host].info), problem, _MEND, (host,)))
            return unready

    def _profiles(self, hosts: Hosts, unfinished: Plan | None, providers: Providers) -> dict[str, Made]:
        """Those that can be made. What is refused for any host is told for all; then halves are tried, and halves of
        those, until it is known who is not concerned."""
        manifest, path = self.package.manifest, self.package.path
        if manifest is None or path is None or not hosts:
            return {}
        scope, found = Scope(self.wish.environment, self.wish.instance), dict[str, Made]()
        pins = pins_of(unfinished, self.wish, manifest.digest, self.hosts, named=bool(self.rollout))
        down = self.wish.secrets_down

        def refusal(names: list[str]) -> RelmgmtError | None:
            try:
                some = {name: hosts[name] for name in names}
                made = make_profiles(
                    manifest, path, some, scope, self.access, secrets_down=down, pins=pins, providers=providers
                )
                found.update(made)
            except RelmgmtError as exc:
                return exc
            return None

        first = refusal(sorted(hosts))
        refused = [(sorted(hosts), str(first))] if first else []
        for _attempt in range(_TRIES):
            if not refused:
                break
            names, why = refused.pop(0)
            half = len(names) // 2
            told = [(part, said) for part in (names[:half], names[half:]) if half and (said := refusal(part))]
            if [str(said) for _part, said in told] != [why, why]:  # the same words for both are not about single hosts
                refused += [(part, str(said)) for part, said in told]
        if first:
            self.refusals.note(Blocker.of(first, sorted(set(hosts) - set(found))))
        return found


def _relaxed(wish: Wish, made: t.Callable[[Wish], Plan], refusals: Refusals) -> Plan:
    """The plan, without what was asked for and is refused: the approval, then the strategy."""
    wanted, approved = wish, True
    for _attempt in range(2):
        try:
            plan = made(wanted)
            break
        except RelmgmtError as exc:
            refusals.note(Blocker.of(exc))
            if exc.code in _UNAPPROVED:
                approved = False
                wanted = dataclasses.replace(
                    wanted, point_of_no_return=wish.version, point_of_no_return_reason="not approved"
                )
            else:
                wanted = dataclasses.replace(wanted, strategy="big_bang")
    else:
        plan = made(wanted)
    if wanted.strategy != wish.strategy:
        waves = tuple(dataclasses.replace(wave, name="not known") for wave in plan.waves)
        plan = dataclasses.replace(plan, strategy=wish.strategy, waves=waves)
    return plan if approved else dataclasses.replace(plan, approval={})


class _NotedGate(Gate):
    """A gate that lets everybody through whom it refuses, and notes it."""

    def __init__(self, gate: Gate, refusals: Refusals) -> None:
        self._gate, self._refusals = gate, refusals

    def rule(self, *args: t.Any, **options: t.Any) -> Ruling:
        return self._refusals.ask(lambda: self._gate.rule(*args, **options), Ruling({}, {}))


class _NotedDatabases(Databases):
    """Databases that forbid nothing, but note what they would forbid."""

    def __init__(self, databases: Databases, refusals: Refusals) -> None:
        self._databases, self._refusals = databases, refusals

    def of(self, *args: t.Any, **options: t.Any) -> tuple[Database, ...]:
        return self._refusals.ask(lambda: self._databases.of(*args, **options), ())
