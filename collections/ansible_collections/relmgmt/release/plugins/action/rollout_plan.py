# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import typing as t

import ansible.constants as C
from ansible import context

from ..module_utils._model.errors import BackendError, InputError
from ..module_utils._model.manifest import Manifest
from ..plugin_utils import _keeper as keeper
from ..plugin_utils._access import access_of
from ..plugin_utils._action import ControllerAction, plain
from ..plugin_utils._core_dump import no_core_dump
from ..plugin_utils._dml import Settings
from ..plugin_utils._fallback import find_packages
from ..plugin_utils._login import login
from ..plugin_utils._registry import (
    REVERT,
    ROLLBACK,
    ROLLOUT,
    ROTATION,
    Holder,
    Registry,
    heartbeat,
    location,
    utc_now,
)
from ..plugin_utils._rollout import (
    DATABASES,
    DEPLOY,
    LEASE_SECONDS,
    NEW,
    SECRETS_PREFIX,
    Fetch,
    Gate,
    HostInput,
    Opened,
    Opening,
    Package,
    Plan,
    Policy,
    Timing,
    Wish,
    budget_of,
    catch_up,
    clock_warning,
    fallen_back,
    find_unfinished,
    fresh,
    hand_back,
    hand_on,
    open_rollout,
    require_fit_limit,
    require_one_release,
    run_directory,
    running,
    site_budgets_of,
    take_back,
    with_replaced,
)
from ..plugin_utils._rollout import check as check_rollout
from ..plugin_utils._secrets import Access, Kept
from ..plugin_utils._vaulted import vaulted_in
from ..plugin_utils._written import where_in

_PREFIXES = ("relmgmt_config", SECRETS_PREFIX, DATABASES)
_ENVIRONMENT = "env"  # the fact that may hold secrets: on the controller, it is the environment of Ansible


class ActionModule(ControllerAction):
    """Decide who takes part in which wave, render all profiles, take the lease. No host is touched."""

    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        require_fit_limit(
            str(task_vars.get("ansible_limit") or ""),
            params["rollout"],
            {*task_vars["hostvars"], *task_vars.get("groups", {})},
        )
        run = f"check-{os.getppid()}"
        self._leased: list[Kept] = []
        self._told: dict[str, None] = {}
        self._directory: pathlib.Path | None = None
        self._check_environment(params, task_vars["hostvars"])
        hosts = {host: self._host(params["infos"], task_vars["hostvars"][host]) for host in params["hosts"]}
        if params["kind"] == REVERT:
            return self._take_back(params, hosts)
        with contextlib.ExitStack() as failed:
            if self.check_mode:
                failed.callback(run_directory.remove, run)
            failed.callback(self._give_back)
            failed.callback(self._forget)
            result = self._plan(params, hosts, run, task_vars)
            failed.pop_all()
        return result

    def _plan(
        self, params: dict[str, t.Any], hosts: dict[str, HostInput], run: str, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        policy = self._policy(params)
        package = self._package(params, run, hosts)
        hosts = with_replaced(hosts, package.manifest)
        wish = self._wish(params, package, hosts)
        known = task_vars["hostvars"]

        def inventory(host: str) -> dict[str, t.Any] | None:
            return plain({DATABASES: known[host].get(DATABASES)}) if host in known else None

        # The lease belongs to the run, not to the worker process that takes it.
        holder = Holder.run()
        access = self._access(params)
        with Registry.open(location(params), write=not self.check_mode) as registry:
            notes = [] if self.check_mode else catch_up(registry)
            gate = Gate(policy, registry, inventories=plain(task_vars.get("ansible_inventory_sources") or []))
            timing = self._timing(params, registry)
            opening = Opening(
                wish,
                hosts,
                package,
                access,
                gate,
                timing,
                inventory,
                rollout=params["rollout"],
                wait=params["join_seconds"],
                by=params["by"] or login(),
                fetch=self._fetch(params, run),
            )
            opened = (
                check_rollout(opening, registry, run) if self.check_mode else open_rollout(opening, registry, holder)
            )
        self._directory = opened.directory
        if opened.directory:
            run_directory.write_secrets(opened.directory, access.seen, holder, access.stores)
        if opened.lease:
            heartbeat.start(location(params), opened.lease, holder, ttl=LEASE_SECONDS)
        notes += [*(f"In check mode: {text}" for text in self._told), *self._kept(opened, holder)]
        fallback = self._fallback(params, hosts, opened.plan, run)
        about = {"registry": location(params), "fallback": fallback, "adopt": params["adopt"]}
        result = hand_on(opened, package, hosts, check=self.check_mode, **about)
        for note in (
            opened.clocks.warning,
            fallen_back(opened.fallbacks),
            *opened.notes,
            *notes,
            clock_warning(timing.history, utc_now()),
        ):
            result = with_warning(result, note)
        return result

    def _take_back(self, params: dict[str, t.Any], hosts: dict[str, HostInput]) -> dict[str, t.Any]:
        """The plan of the way back: no package, no profile, no gate stands before it."""
        wish = self._wish({**params, "kind": ROLLOUT}, Package(None, None), hosts)
        holder = None if self.check_mode else Holder.run()
        with Registry.open(location(params), write=not self.check_mode) as registry:
            history = registry.rollouts(package=params["package"], environment=params["environment"])
            taken = take_back(wish, hosts, registry, holder, rollout=params["rollout"], history=history)
        if taken.lease and holder:
            heartbeat.start(location(params), taken.lease, holder, ttl=LEASE_SECONDS)
        return hand_back(taken, hosts, registry=location(params))

    def _access(self, params: dict[str, t.Any]) -> Access:
        """What the secrets are read with. What is leased with them is kept for now."""
        no_core_dump()
        told, leased = self._told, self._leased
        return access_of(
            self._loader,
            params["secret_stores"],
            issue=not self.check_mode,
            tell=lambda text: told.update({text: None}),
            keep=leased.append,
        )

    def _kept(self, opened: Opened, holder: Holder) -> list[str]:
        """See that somebody keeps what was leased, or that nobody has to; what is wrong with that, for people."""
        if not (opened.lease and opened.directory and self._leased):
            return self._give_back()
        keeper.start(opened.directory, self._leased, holder)
        return []

    def _forget(self) -> None:
        """What lies ready for hosts, where no rollout comes of it."""
        if self._directory:
            run_directory.remove(self._directory.name)

    def _give_back(self) -> list[str]:
        """What was leased, where no rollout comes of it."""
        leased = self._leased[:]
        self._leased.clear()
        return keeper.given_back(leased)

    @staticmethod
    def _wish(params: dict[str, t.Any], package: Package, hosts: t.Mapping[str, HostInput]) -> Wish:
        version = package.manifest.version if package.manifest else params["version"]
        about = {name: params[name] for name in Wish.__dataclass_fields__ if name in params}
        budgets = {
            name: budget_of(params[name], len(hosts), name=name) for name in ("failure_budget", "release_budget")
        }
        sites = site_budgets_of(params["site_budget"], {host: known.site for host, known in hosts.items()})
        return Wish(**{**about, "version": version, **budgets, "site_budgets": sites})

    @staticmethod
    def _timing(params: dict[str, t.Any], registry: Registry) -> Timing:
        history = registry.rollouts(package=params["package"], environment=params["environment"])
        return Timing(int(context.CLIARGS.get("forks") or C.DEFAULT_FORKS), params["confirm_timeout"], history)

    @staticmethod
    def _policy(params: dict[str, t.Any]) -> Policy:
        return Policy(
            rehearsal=params["rehearsal"],
            reason=params["rehearsal_reason"],
            production=tuple(params["production"]),
            days=params["rehearsal_days"],
            environment=params["rehearsal_environment"],
        )

    @staticmethod
    def _check_environment(params: dict[str, t.Any], known: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
        wanted = params["environment"]
        if not wanted:
            raise InputError(
                "environment-unset",
                "relmgmt_environment is not set",
                hint="Set it for the hosts in the inventory, or with -e relmgmt_environment=prod.",
            )
        others = {host: known[host].get("relmgmt_environment", wanted) for host in params["hosts"]}
        for host, environment in others.items():
            if environment != wanted:
                raise InputError(
                    "environment-mixed",
                    f"{host} belongs to {environment}, the rollout is to {wanted}",
                    hint="Roll out to one environment at a time.",
                )

    @staticmethod
    def _host(infos: str, known: t.Mapping[str, t.Any]) -> HostInput:
        ours = {name: known[name] for name in known if name.startswith(_PREFIXES)}
        facts = plain(known.get("ansible_facts") or {})
        return HostInput(
            site=str(known.get("relmgmt_site", "")),
            variables=plain(ours),
            facts={name: fact for name, fact in facts.items() if name != _ENVIRONMENT},
            info=plain(known.get(infos) or {}),
            where=where_in(known),
            vaulted=vaulted_in(ours),
        )

    def _running_package(self, params: dict[str, t.Any], run: str, hosts: t.Mapping[str, HostInput]) -> Package:
        """The package that hosts run, promoted by now or not.

        Raises:
            InputError: they run none, or several.
            BackendError: it cannot be had (``rotation-package-missing``).
        """
        digest, version = require_one_release(hosts, package=params["package"], version=params["version"])
        path = self._fetch(params, run)({digest: version}).get(digest)
        if path is None:
            raise BackendError(
                "rotation-package-missing",
                f"The package {params['package']} {version} that hosts run cannot be had: its templates are needed",
                hint="See that the DML still has it (package_info), or that the cache does.",
            )
        return Package(Manifest.from_dict(json.loads((path / "manifest.json").read_bytes())), path)

    def _package(self, params: dict[str, t.Any], run: str, hosts: t.Mapping[str, HostInput]) -> Package:
        if params["kind"] == ROLLBACK:
            return Package(None, None)
        if params["kind"] == ROTATION:
            return self._running_package(params, run, hosts)
        settings, version = Settings.from_params(params), params["version"] or None
        scope = (params["package"], params["environment"], params["instance"])
        with Registry.open(location(params), write=not self.check_mode) as registry:
            found = find_unfinished(registry, scope, rollout=params["rollout"], kind=params["kind"])
        begun = found.plan if found and params["rollout"] not in ("", NEW) else None
        if begun and version not in (None, begun.version):
            raise InputError(
                "rollout-other",
                f"{begun.id} is a rollout of {begun.package} {begun.version}, not of {version}",
                hint="Leave relmgmt_version out, or relmgmt_rollout_id.",
            )
        rests_on = begun or (found.plan if found and found.plan.version == version else None)
        with settings.client(write=not self.check_mode) as client, fresh(rests_on):
            target = client.resolve(params["package"], begun.version if begun else version, params["environment"])
            # A dry run writes to no cache; what it fetches lies in its run directory, and goes with it.
            own = self.check_mode and not client.cached(target, settings.cache)
            path = client.fetch(target, run_directory.make(run) / "cache" if own else settings.cache)
        return Package(Manifest.from_dict(json.loads((path / "manifest.json").read_bytes())), path)

    def _fallback(
        self, params: dict[str, t.Any], hosts: t.Mapping[str, HostInput], plan: Plan, run: str
    ) -> dict[str, pathlib.Path]:
        """Release that hosts are to leave → its package, where it can be had."""
        left = [running(known) for host, known in hosts.items() if plan.hosts[host].action == DEPLOY]
        releases = {here["release"]: here["version"] for here in left if here and here["release"] != plan.digest}
        return dict(self._fetch(params, run)(releases)) if releases and plan.digest else {}

    def _fetch(self, params: dict[str, t.Any], run: str) -> Fetch:
        """Finds packages of releases that hosts hold."""
        about = {"package": params["package"], "environment": params["environment"]}

        def fetch(releases: t.Mapping[str, str]) -> dict[str, pathlib.Path]:
            cache = run_directory.make(run) / "cache" if self.check_mode else None
            return find_packages(Settings.from_params(params), releases, cache=cache, **about)

        return fetch


def with_warning(result: dict[str, t.Any], warning: str) -> dict[str, t.Any]:
    return {**result, "warnings": [*result.get("warnings", []), warning]} if warning else result
