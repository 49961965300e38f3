# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import functools
import os
import typing as t

import ansible.constants as C
from ansible import context
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.utils.display import Display

from ..module_utils._model.errors import ConflictError, InputError
from ..plugin_utils._action import plain
from ..plugin_utils._dml import Keys, Settings
from ..plugin_utils._evidence import ready_signer
from ..plugin_utils._preview import FORMATS, Joined, Said, preview, require_form, see, write
from ..plugin_utils._registry import REHEARSAL, ROLLOUT, Holder, Registry, location, utc_now
from ..plugin_utils._rollout import (
    DATABASES,
    Blocker,
    Gate,
    HostInput,
    JobPart,
    Package,
    Plan,
    Refusals,
    Survey,
    Timing,
    Wish,
    budget_of,
    fallen_back,
    hand_on,
    require_fit_limit,
    run_directory,
    site_budgets_of,
    with_replaced,
)
from ..plugin_utils._spec import argument_spec
from .rollout_plan import ActionModule as Planning

Data = dict[str, t.Any]
_BUDGETS = ("failure_budget", "release_budget")


class ActionModule(Planning):
    """Say what a rollout would do: first the plan, and, when the hosts have been asked, all of it."""

    @property
    def check_mode(self) -> bool:
        """What is planned here is a dry run, however the task is run."""
        return True

    def verb(self, params: Data, task_vars: Data) -> Data:
        if params["step"] == "end":
            return self._end(params, task_vars)
        run = f"check-{os.getppid()}"
        self._leased, self._told = [], {}
        with contextlib.ExitStack() as failed:
            failed.callback(run_directory.remove, run)
            result = self._begin(params, task_vars, run)
            failed.pop_all()
        return result

    # --- the plan, with all that forbids it ---

    def _begin(self, params: Data, task_vars: Data, run: str) -> Data:
        request = _validated(params["request"])
        limit, joins = str(task_vars.get("ansible_limit") or ""), request["rollout"]
        groups = {*task_vars["hostvars"], *task_vars.get("groups", {})}
        require_fit_limit(limit, joins if request["kind"] == ROLLOUT else "", groups)
        refusals, fleet = Refusals(), task_vars["hostvars"]
        access = refusals.ask(lambda: self._access(request), self._access({"secret_stores": {}}))
        refusals.ask(lambda: self._check_environment(request, fleet), None)
        hosts = {host: self._host(request["infos"], fleet[host]) for host in request["hosts"]}
        package = self._found(request, run, hosts, refusals)
        hosts = with_replaced(hosts, package.manifest)
        wish = self._wished(request, hosts, package, refusals)
        with Registry.open(location(request), write=False) as registry:
            policy = refusals.ask(lambda: self._policy(request), None)
            inventories = plain(task_vars.get("ansible_inventory_sources") or [])
            survey = Survey(
                wish=wish,
                hosts=hosts,
                package=package,
                access=access,
                gate=Gate(policy, registry, inventories=inventories) if policy else None,
                timing=self._timing(request, registry),
                inventory=lambda host: plain({DATABASES: fleet[host].get(DATABASES)}) if host in fleet else None,
                refusals=refusals,
                rollout=request["rollout"],
                fetch=self._fetch(request, run),
            )
            opened = survey.plan(registry, Holder.run(), run)
            if request["kind"] == REHEARSAL:
                keys = Keys(Settings.from_params(params).keys)
                refusals.ask(lambda: ready_signer(registry, keys, replace=params["new_key"], write=False), False)
        if opened.directory:
            run_directory.write_secrets(opened.directory, access.seen, Holder.run(), access.stores)
        fallback = self._fallback(request, hosts, opened.plan, run)
        about = {"registry": location(request), "fallback": fallback, "adopt": request["adopt"]}
        result = hand_on(opened, package, hosts, check=True, **about)
        for host, task in result["tasks"].items():
            task["profile"] = task.get("profile", "") if opened.plan.hosts[host].profile else ""
        told = (opened.clocks.warning, fallen_back(opened.fallbacks), *opened.notes, *self._told)
        notes = [note for note in told if note]
        return {
            **result,
            "changed": False,
            "notes": [note for note in notes if note],
            "blockers": [found.to_dict() for found in refusals.found],
        }

    def _found(self, request: Data, run: str, hosts: dict[str, HostInput], refusals: Refusals) -> Package:
        """The package; an empty one where it cannot be had."""
        nothing = Package(None, None)
        return refusals.ask(lambda: self._package(request, run, hosts), nothing) if request["environment"] else nothing

    @staticmethod
    def _wished(request: Data, hosts: dict[str, HostInput], package: Package, refusals: Refusals) -> Wish:
        about = {name: request[name] for name in Wish.__dataclass_fields__ if name in request}
        version = package.manifest.version if package.manifest else request["version"]
        budgets = {name: refusals.ask(functools.partial(_budget, request, name, len(hosts)), 0) for name in _BUDGETS}
        sites = {host: known.site for host, known in hosts.items()}
        of_sites = refusals.ask(lambda: site_budgets_of(request["site_budget"], sites), dict[str, int]())
        return Wish(**{**about, "version": version, **budgets, "site_budgets": of_sites})

    # --- all of it ---

    def _end(self, params: Data, task_vars: Data) -> Data:
        rollout = params["rollout"]
        path = require_form(self.path(params["file"])) if params["file"] else None
        plan = Plan.from_dict(rollout)
        part, known = JobPart.of(rollout), task_vars["hostvars"]
        fleet = {host: _said(known[host], params) for host in part.hosts if host in known}
        with Registry.open(location(rollout), write=False) as registry:
            history = registry.rollouts(package=plan.package, environment=plan.environment)
            joined = _joined(rollout["joins"], part, registry) if rollout.get("joins") else None
        forks = int(context.CLIARGS.get("forks") or C.DEFAULT_FORKS)
        made = preview(
            plan,
            see(plan, fleet),
            blockers=[Blocker.from_dict(blocker) for blocker in params["blockers"]],
            notes=params["notes"],
            timing=Timing(forks, 0.0, history),
            now=utc_now(),
            leave=params["leave"],
            joined=joined,
        )
        if not params["keep_profiles"]:
            run_directory.remove(plan.id)
        if path and not self._task.check_mode:
            write(path, made)
        text = FORMATS[params["format"]](made)
        if params["show"]:
            Display().display(text)
        if made["blocked"] and params["on_blocked"] == "fail":
            return {**self.failure(_blocked(plan.kind, made["blockers"])), "file": str(path or "")}
        return {"changed": False, "preview": made, "text": text, "file": str(path or "")}


def _validated(request: Data) -> Data:
    """The options of rollout_plan, with its defaults.

    Raises:
        InputError: they are none (``request-malformed``).
    """
    result = ArgumentSpecValidator(argument_spec("rollout_plan")).validate(request)
    if result.error_messages:
        raise InputError(
            "request-malformed",
            f"request: {'; '.join(result.error_messages)}",
            hint="It takes the options of relmgmt.release.rollout_plan.",
        )
    return t.cast(Data, plain(result.validated_parameters))


def _budget(request: Data, name: str, hosts: int) -> int:
    return budget_of(request[name], hosts, name=name)


def _said(known: t.Mapping[str, t.Any], params: Data) -> Said:
    """What the host's variables hold of it: its answers, and its part of the plan."""
    staged = plain(known.get(params["staged"]) or {}) if params["staged"] else None
    info, task = (plain(known.get(params[name]) or {}) for name in ("infos", "tasks"))
    return Said(info, task, None if not staged or staged.get("skipped") else staged)


def _joined(rollout: str, part: JobPart, registry: Registry) -> Joined:
    rows = registry.rollout(rollout)["deployments"]
    return Joined(rollout, part.hosts, {row["host"]: row["outcome"] for row in rows if row["host"] not in part.hosts})


def _blocked(kind: str, blockers: list[Data]) -> ConflictError:
    codes = dict.fromkeys(blocker["code"] for blocker in blockers)
    return ConflictError(
        "preview-blocked",
        f"The {kind} would be refused: {', '.join(codes)}",
        hint="The preview tells each with its next step; with -e relmgmt_plan_report_only=true it does not fail.",
    )
