# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a rollout if it began now, with everything that forbids it (private).

``opening`` stops at the first refusal. Here each question is asked for itself: a refusal is noted, and the rest is told
all the same, as it would be without it.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model.digest import digest_of
from ...module_utils._model.errors import RelmgmtError
from ...module_utils._model.profile import Profile
from ...module_utils._model.runtime import Runtime
from .. import _run_directory as run_directory
from .._registry import ROLLBACK, ROTATION, Holder, Registry
from .._secrets import Access, Providers
from .clocks import Limit, Timing, largest_wave, set_clocks
from .companions import Fetch, no_packages
from .databases import Databases, Inventory
from .gate import Gate
from .joining import JobPart, join_plan, require_joinable, require_known
from .opening import Opened, Package, accompanied, ask_again
from .plan import NOT_HELD, Plan, not_held
from .planning import Hosts, Wish, left_out, make_plan, pins_of, plan_hosts
from .preflight import code_of, problem_of, require_distinct
from .profiles import Made, Scope, make_profiles
from .refusals import Blocker, Refusals
from .rotation import Rotated, rotate
from .unfinished import GoingOn, Unfinished, find_unfinished, going_on, require_same_hosts

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
    rollout, fetch: as of an ``Opening``."""

    wish: Wish
    hosts: Hosts
    package: Package
    access: Access
    gate: Gate | None
    timing: Timing
    inventory: Inventory
    refusals: Refusals
    rollout: str = ""
    fetch: Fetch = no_packages

    def plan(self, registry: Registry, holder: Holder, run: str) -> Opened:
        """As ``check``, under the id of this run; only the run directory is written, and no lease is taken.

        Args:
            holder: of the run that would be.

        Raises:
            RelmgmtError: not even waves can be told.
        """
        found = self._unfinished(registry)
        on = going_on(found, self.wish, self.hosts, rollout=self.rollout)
        survey = self._joining(on)
        out = survey.left_out()
        taking_part = {host: known for host, known in survey.hosts.items() if host not in out}
        rotates = self.wish.kind == ROTATION
        rotated = survey.rotated(taking_part, on.begun, registry)
        with Providers(self.access) as providers:
            rendered = rotated.made if rotates else survey.profiles(taking_part, on.begun, providers)
        profiles = {host: each.profile for host, each in rendered.items()}
        runtimes = tuple(Runtime.from_dict(profile.runtime) for profile in profiles.values())
        stand_in = profiles if rotates else {host: profiles.get(host, _REFUSED) for host in taking_part}
        if found and on.begun and on.joins:
            plan = survey.joined(found, on.begun, out, stand_in)
        else:
            limit, secrets = largest_wave(runtimes, self.timing), rotated.secrets
            plan = survey.whole(registry, on, out, stand_in, run, limit=limit, secrets=secrets)
        survey.ask_for_lease(registry, holder, plan, found if on.joins else None)
        hosts = {
            host: known if host in profiles or host not in survey.hosts else dataclasses.replace(known, profile="")
            for host, known in plan.hosts.items()
        }
        beside = accompanied(survey, plan, rendered, registry)
        directory = run_directory.write_profiles(run, profiles)
        run_directory.write_companions(directory, profiles, beside.companions)
        clocks = set_clocks(plan.waves, runtimes, self.timing)
        part = JobPart("", tuple(survey.hosts), 0.0, clocks.confirm_timeout)
        joins = on.begun.id if on.begun and on.joins else ""
        fallbacks = {host: each.fallbacks for host, each in sorted(rendered.items()) if each.fallbacks}
        notes = (*rotated.notes, *beside.notes)
        plan = dataclasses.replace(plan, id=run, hosts=hosts)
        return Opened(plan, None, directory, clocks, part, fallbacks, joins, notes)

    def whole(
        self,
        registry: Registry,
        on: GoingOn,
        out: dict[str, str],
        profiles: dict[str, Profile],
        run: str,
        *,
        limit: Limit | None,
        secrets: collections.abc.Mapping[str, collections.abc.Mapping[str, t.Any]],
    ) -> Plan:
        """The plan of a rollout over all of its hosts."""
        manifest, asking = self.package.manifest, self.refusals
        databases = Databases(registry, inventory=self.inventory, asking=asking)

        def made(wanted: Wish) -> Plan:
            return make_plan(
                wanted,
                self.hosts,
                out=out,
                manifest=manifest,
                profiles=profiles,
                unfinished=on.begun,
                gate=self.gate if manifest else None,
                databases=None if wanted.kind == ROTATION else databases,
                secrets=secrets,
                new_id=lambda: run,
                limit=limit,
                asking=asking,
            )

        return _relaxed(self.wish, made, asking)

    def joined(self, found: Unfinished, begun: Plan, out: dict[str, str], profiles: dict[str, Profile]) -> Plan:
        """The plan that is on record, with the job's part in it."""
        own = plan_hosts(self.wish, self.hosts, out=out, digest=begun.digest, profiles=profiles, resumed=begun)
        if self.gate and self.package.manifest:
            ask_again(self.gate, self.wish, self.hosts, found, own, asking=self.refusals)
        self.refusals.ask(lambda: require_joinable(begun), None)
        return join_plan(begun, own)

    def _joining(self, on: GoingOn) -> Survey:
        """With what the open rollout makes of the wish, and without hosts that it does not know."""
        begun, ask = on.begun, self.refusals.ask
        if begun is None:
            return self
        wish, hosts = on.wish, self.hosts
        if on.named:
            ask(lambda: require_known(begun, self.hosts), None)
            hosts = {host: known for host, known in self.hosts.items() if host in begun.hosts}
        digest = self.package.manifest.digest if self.package.manifest else ""
        if not on.named or begun.digest != digest:
            ask(lambda: require_same_hosts(begun, wish, digest, self.hosts), None)
        return dataclasses.replace(self, wish=wish, hosts=hosts)

    def ask_for_lease(self, registry: Registry, holder: Holder, plan: Plan, joins: Unfinished | None) -> None:
        """joins: the rollout that the job joins."""
        wish, ask = self.wish, self.refusals.ask
        scope, databases = (wish.package, wish.environment, wish.instance), [found.id for found in plan.databases]
        token = joins.token if joins else 0
        ask(
            lambda: registry.require_free(*scope, holder, databases=databases, replaces=plan.replaces, token=token),
            None,
        )
        if joins:
            ask(lambda: registry.require_untaken(joins.plan.id, list(self.hosts), holder, token=token), None)

    def _unfinished(self, registry: Registry) -> Unfinished | None:
        """The open rollout that would go on."""
        wish, ask = self.wish, self.refusals.ask
        scope = (wish.package, wish.environment, wish.instance)
        found = ask(lambda: find_unfinished(registry, scope, rollout=self.rollout, kind=wish.kind), None)
        if found:
            ask(lambda: found.require_going_on(wish.kind), None)
        return found

    def left_out(self) -> dict[str, str]:
        """Host → why it cannot take part; where there are more than the budget allows, each is a blocker."""
        unready = self._unready()
        if self.wish.kind != ROLLBACK:
            return unready
        hosts = {host: known.info for host, known in self.hosts.items() if host not in unready}
        found = {host: why for host, info in sorted(hosts.items()) if (why := not_held(info, self.wish.version))}
        for host, why in found.items():
            self.refusals.note(Blocker("version-not-held", why, NOT_HELD, (host,)))
        return {**unready, **found}

    def _unready(self) -> dict[str, str]:
        hosts, manifest, wish = self.hosts, self.package.manifest, self.wish
        sites = {host: (known.site, known.info) for host, known in hosts.items()}
        self.refusals.ask(lambda: require_distinct(sites), None)
        try:
            return left_out(
                hosts, manifest, budget=wish.failure_budget, site_budgets=wish.site_budgets, drift=wish.drift
            )
        except RelmgmtError as exc:
            problems = {
                host: problem_of(known.info, manifest, drift=wish.drift) for host, known in sorted(hosts.items())
            }
            unready = {host: problem for host, problem in problems.items() if problem}
            if exc.code != NOT_READY:
                self.refusals.note(Blocker.of(exc))
            for host, problem in unready.items():
                self.refusals.note(Blocker(code_of(hosts[host].info, drift=wish.drift), problem, _MEND, (host,)))
            return unready

    def rotated(self, hosts: Hosts, unfinished: Plan | None, registry: Registry) -> Rotated:
        """What a rotation brings; nothing where something else is asked for."""
        manifest, path, nothing = self.package.manifest, self.package.path, Rotated({}, {}, ())
        if self.wish.kind != ROTATION or manifest is None or path is None:
            return nothing
        known, access = registry.profiles, self.access
        pins = pins_of(unfinished, self.wish, manifest.digest, self.hosts, named=bool(self.rollout))
        return self.refusals.ask(lambda: rotate(manifest, path, hosts, known=known, access=access, pins=pins), nothing)

    def profiles(self, hosts: Hosts, unfinished: Plan | None, providers: Providers) -> dict[str, Made]:
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
                found.update(
                    make_profiles(
                        manifest, path, some, scope, self.access, secrets_down=down, pins=pins, providers=providers
                    )
                )
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
