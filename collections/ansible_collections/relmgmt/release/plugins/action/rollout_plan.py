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

from ..module_utils._model.errors import InputError
from ..module_utils._model.manifest import Manifest
from ..plugin_utils._action import ControllerAction, plain
from ..plugin_utils._dml import Settings
from ..plugin_utils._fallback import find_packages
from ..plugin_utils._registry import REHEARSAL, ROLLBACK, Holder, Registry, heartbeat, location
from ..plugin_utils._rollout import (
    DATABASES,
    DEPLOY,
    LEASE_SECONDS,
    NONE,
    SECRETS_PREFIX,
    Gate,
    HostInput,
    Opened,
    Package,
    Plan,
    Policy,
    Timing,
    Wish,
    budget_of,
    catch_up,
    open_rollout,
    run_directory,
    site_budgets_of,
)
from ..plugin_utils._rollout import check as check_rollout
from ..plugin_utils._secrets import Access
from ..plugin_utils._transfer import prepare
from ..plugin_utils._vault_file import vault_file_opener

_PREFIXES = ("relmgmt_config", SECRETS_PREFIX, DATABASES)


class ActionModule(ControllerAction):
    """Decide who takes part in which wave, render all profiles, take the lease. No host is touched."""

    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if task_vars.get("ansible_limit"):
            raise InputError(
                "rollout-limited",
                f"--limit {task_vars['ansible_limit']} would move hosts between waves",
                hint="Choose the hosts by relmgmt_target instead.",
            )
        run = f"check-{os.getppid()}"
        self._check_environment(params, task_vars["hostvars"])
        hosts = {host: self._host(params["infos"], task_vars["hostvars"][host]) for host in params["hosts"]}
        with contextlib.ExitStack() as failed:
            if self.check_mode:
                failed.callback(run_directory.remove, run)
            result = self._plan(params, hosts, run, task_vars)
            failed.pop_all()
        return result

    def _plan(
        self, params: dict[str, t.Any], hosts: dict[str, HostInput], run: str, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        policy = self._policy(params)
        package = self._package(params, run)
        version = package.manifest.version if package.manifest else params["version"]
        about = {name: params[name] for name in Wish.__dataclass_fields__ if name in params}
        budgets = {
            name: budget_of(params[name], len(hosts), name=name) for name in ("failure_budget", "release_budget")
        }
        sites = site_budgets_of(params["site_budget"], {host: known.site for host, known in hosts.items()})
        wish = Wish(**{**about, "version": version, **budgets, "site_budgets": sites})
        known = task_vars["hostvars"]

        def inventory(host: str) -> dict[str, t.Any] | None:
            return plain({DATABASES: known[host].get(DATABASES)}) if host in known else None

        # The lease belongs to the run, not to the worker process that takes it.
        holder = Holder.run()
        access = Access(vault_file_opener(self._loader), pathlib.Path(self._loader.get_basedir()), os.environ)
        with Registry.open(location(params), write=not self.check_mode) as registry:
            notes = [] if self.check_mode else catch_up(registry)
            gate = Gate(policy, registry, inventories=plain(task_vars.get("ansible_inventory_sources") or []))
            timing = self._timing(params, registry)
            if self.check_mode:
                opened = check_rollout(wish, hosts, package, access, registry, run, gate, timing, inventory)
            else:
                opened = open_rollout(wish, hosts, package, access, registry, holder, gate, timing, inventory)
        if opened.lease:
            heartbeat.start(location(params), opened.lease, holder, ttl=LEASE_SECONDS)
        fallback = self._fallback(params, hosts, opened.plan, run)
        answer = self._result(opened, package, hosts, location(params), fallback, adopt=params["adopt"])
        return {**answer, "warnings": [*notes, *answer.get("warnings", [])]}

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
        names = [name for name in known if name.startswith(_PREFIXES)]
        return HostInput(
            site=str(known.get("relmgmt_site", "")),
            variables=plain({name: known[name] for name in names}),
            facts=plain(known.get("ansible_facts") or {}),
            info=plain(known.get(infos) or {}),
        )

    def _package(self, params: dict[str, t.Any], run: str) -> Package:
        if params["kind"] == ROLLBACK:
            return Package(None, None)
        settings = Settings.from_params(params)
        with settings.client(write=not self.check_mode) as client:
            target = client.resolve(params["package"], params["version"] or None, params["environment"])
            # A dry run writes to no cache; what it fetches lies in its run directory, and goes with it.
            own = self.check_mode and not client.cached(target, settings.cache)
            path = client.fetch(target, run_directory.make(run) / "cache" if own else settings.cache)
        return Package(Manifest.from_dict(json.loads((path / "manifest.json").read_bytes())), path)

    def _fallback(
        self, params: dict[str, t.Any], hosts: t.Mapping[str, HostInput], plan: Plan, run: str
    ) -> dict[str, pathlib.Path]:
        """Release that hosts are to leave → its package, where it can be had."""
        left = [_running(hosts[host]) for host, planned in plan.hosts.items() if planned.action == DEPLOY]
        releases = {here["release"]: here["version"] for here in left if here and here["release"] != plan.digest}
        if not releases or not plan.digest:
            return {}
        cache = run_directory.make(run) / "cache" if self.check_mode else None
        about = {"package": params["package"], "environment": params["environment"]}
        return find_packages(Settings.from_params(params), releases, cache=cache, **about)

    def _result(
        self,
        opened: Opened,
        package: Package,
        hosts: t.Mapping[str, HostInput],
        registry: str,
        fallback: t.Mapping[str, pathlib.Path],
        *,
        adopt: bool,
    ) -> dict[str, t.Any]:
        plan, lease, clocks = opened.plan, opened.lease, opened.clocks
        fence = {"registry": lease.registry, "token": lease.token} if lease else None
        rollout = {
            **plan.to_dict(),
            "order": list(plan.staging.hosts),
            "batches": [len(wave.hosts) for wave in plan.waves] or [1],
            "registry": registry,
            "fence": fence,
        }
        common = {name: rollout[name] for name in ("id", "package", "version", "instance", "fence")}
        tasks = {
            host: {
                **common,
                "root": planned.root,
                "action": planned.action,
                "confirmed": self._confirmed(plan, host, hosts),
                "confirm_timeout": clocks.confirm_timeout,
                "adopt": adopt,
                **self._sources(opened, package, host, hosts, fallback),
            }
            for host, planned in plan.hosts.items()
        }
        answer = {"changed": plan.changes, "summary": plan.summary, "rollout": rollout, "tasks": tasks}
        return {**answer, "warnings": [clocks.warning]} if clocks.warning else answer

    @staticmethod
    def _confirmed(plan: Plan, host: str, hosts: t.Mapping[str, HostInput]) -> int:
        """The deployment that an earlier job of the same rollout confirmed on the host, or that a rehearsal which was
        interrupted left there; 0 if none did."""
        current = _running(hosts[host])
        left = plan.kind == REHEARSAL and current.get("release") == plan.digest
        done = left or (plan.hosts[host].action == NONE and host in plan.staging.hosts)
        return int(current.get("deployment", 0)) if done else 0

    def _sources(
        self,
        opened: Opened,
        package: Package,
        host: str,
        hosts: t.Mapping[str, HostInput],
        fallback: t.Mapping[str, pathlib.Path],
    ) -> dict[str, t.Any]:
        """Where the controller keeps what the host is sent; nothing for a rollback."""
        if package.manifest is None or package.path is None or opened.plan.hosts[host].action != DEPLOY:
            return {}
        held = (hosts[host].info.get("release") or {}).get("deployments", [])
        return {
            "source": package.path,
            "profile": run_directory.profile_path(opened.directory, host) if opened.directory else "",
            "transfer": "" if self.check_mode else prepare(package.manifest, package.path, held),
            "fallback": [path for release, path in fallback.items() if release == _running(hosts[host]).get("release")],
        }


def _running(host: HostInput) -> dict[str, t.Any]:
    """The deployment that the host runs, as it said; empty where there is none."""
    return (host.info.get("release") or {}).get("current") or {}
