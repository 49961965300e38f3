# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import functools
import json
import os
import pathlib
import tempfile
import typing as t

import ansible.constants as C
from ansible import context
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.utils.display import Display

from ..module_utils._model.errors import BackendError, ConflictError, InputError
from ..module_utils._model.manifest import Manifest
from ..module_utils._model.profile import Profile
from ..module_utils._model.runtime import Runtime
from ..plugin_utils._action import plain
from ..plugin_utils._preview import FORMATS, SUFFIXES, Sight, preview
from ..plugin_utils._registry import Holder, Registry, location, utc_now
from ..plugin_utils._rollout import (
    DATABASES,
    DEPLOY,
    Blocker,
    Gate,
    HostInput,
    Package,
    Plan,
    Refusals,
    Survey,
    Timing,
    Wish,
    budget_of,
    run_directory,
    site_budgets_of,
)
from ..plugin_utils._spec import argument_spec
from ..plugin_utils._transfer import weigh
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
            result = self._begin(_validated(params["request"]), task_vars, run)
            failed.pop_all()
        return result

    # --- the plan, with all that forbids it ---

    def _begin(self, request: Data, task_vars: Data, run: str) -> Data:
        if task_vars.get("ansible_limit"):
            raise InputError(
                "rollout-limited",
                f"--limit {task_vars['ansible_limit']} would show another rollout",
                hint="Choose the hosts by relmgmt_target instead.",
            )
        refusals, fleet = Refusals(), task_vars["hostvars"]
        refusals.ask(lambda: self._check_environment(request, fleet), None)
        hosts = {host: self._host(request["infos"], fleet[host]) for host in request["hosts"]}
        package = self._found(request, run, refusals)
        wish = self._wished(request, hosts, package, refusals)
        with Registry.open(location(request), write=False) as registry:
            policy = refusals.ask(lambda: self._policy(request), None)
            inventories = plain(task_vars.get("ansible_inventory_sources") or [])
            survey = Survey(
                wish=wish,
                hosts=hosts,
                package=package,
                access=refusals.ask(lambda: self._access(request), self._access({"secret_stores": {}})),
                gate=Gate(policy, registry, inventories=inventories) if policy else None,
                timing=self._timing(request, registry),
                inventory=lambda host: plain({DATABASES: fleet[host].get(DATABASES)}) if host in fleet else None,
                refusals=refusals,
                rollout=request["rollout"],
            )
            opened = survey.plan(registry, Holder.run(), run)
        fallback = self._fallback(request, hosts, opened.plan, run)
        result = self._result(opened, package, hosts, location(request), fallback, adopt=request["adopt"])
        for host, task in result["tasks"].items():
            task["profile"] = task.get("profile", "") if opened.plan.hosts[host].profile else ""
        notes = [*result.pop("warnings", []), *self._told]
        return {**result, "changed": False, "notes": notes, "blockers": [found.to_dict() for found in refusals.found]}

    def _found(self, request: Data, run: str, refusals: Refusals) -> Package:
        """The package; an empty one where it cannot be had."""
        nothing = Package(None, None)
        return refusals.ask(lambda: self._package(request, run), nothing) if request["environment"] else nothing

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
        rollout, path = params["rollout"], self._file(params["file"])
        plan = Plan.from_dict(rollout)
        fleet = plain({host: _said(task_vars["hostvars"][host], params) for host in plan.hosts})
        with Registry.open(location(rollout), write=False) as registry:
            history = registry.rollouts(package=plan.package, environment=plan.environment)
        shelf = _Shelf()
        forks = int(context.CLIARGS.get("forks") or C.DEFAULT_FORKS)
        made = preview(
            plan,
            {host: _sight(plan, host, said, shelf) for host, said in fleet.items()},
            blockers=[Blocker.from_dict(blocker) for blocker in params["blockers"]],
            notes=params["notes"],
            timing=Timing(forks, 0.0, history),
            now=utc_now(),
        )
        if not params["keep_profiles"]:
            run_directory.remove(plan.id)
        if path and not self._task.check_mode:
            _write(path, FORMATS[SUFFIXES[path.suffix]](made))
        text = FORMATS[params["format"]](made)
        if params["show"]:
            Display().display(text)
        if made["blocked"] and params["on_blocked"] == "fail":
            return {**self.failure(_blocked(made["blockers"])), "file": str(path or "")}
        return {"changed": False, "preview": made, "text": text, "file": str(path or "")}

    def _file(self, file: str) -> pathlib.Path | None:
        """Where to write it to.

        Raises:
            InputError: its suffix names no form (``preview-format-unknown``).
        """
        if not file:
            return None
        path = self.path(file)
        if path.suffix not in SUFFIXES:
            raise InputError(
                "preview-format-unknown",
                f"{file}: a preview is not written as {path.suffix or 'a file without suffix'}",
                hint=f"Let its name end in {', '.join(SUFFIXES)}.",
            )
        return path


class _Shelf:
    """The packages that a preview tells of: each is read and weighed once for all hosts."""

    def __init__(self) -> None:
        self.manifest = functools.cache(_manifest)
        self.weight = functools.cache(self._weigh)

    def _weigh(self, source: pathlib.Path, held: tuple[str, ...], fallback: tuple[pathlib.Path, ...]) -> int:
        return weigh(self.manifest(source), source, [{"release": digest} for digest in held], fallback)


def _manifest(directory: pathlib.Path) -> Manifest:
    return Manifest.from_dict(_read(directory / "manifest.json"))


def _sight(plan: Plan, host: str, said: Data, shelf: _Shelf) -> Sight:
    info, task = said["info"], said["task"]
    if not task.get("source") or plan.hosts[host].action != DEPLOY:
        return Sight(info)
    source, fallback = pathlib.Path(task["source"]), tuple(map(pathlib.Path, task["fallback"]))
    release = info.get("release") or {}
    held = tuple(sorted({deployment["release"] for deployment in release.get("deployments", ())}))
    profile = _profile(task.get("profile") or "")
    same = (release.get("current") or {}).get("release") == plan.digest
    return Sight(
        info=info,
        staged=said["staged"],
        manifest=shelf.manifest(source),
        leaving=shelf.manifest(source) if same else shelf.manifest(fallback[0]) if fallback else None,
        profile=profile,
        runtime=Runtime.from_dict(profile.runtime) if profile else None,
        send=shelf.weight(source, held, fallback),
    )


def _write(path: pathlib.Path, text: str) -> None:
    """For its owner alone; whole or not at all.

    Raises:
        BackendError: it cannot be written (``preview-unwritable``).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(temporary, path)
    except OSError as exc:
        raise BackendError("preview-unwritable", f"{path}: {exc.strerror}", hint="Name another file.") from None


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


def _said(known: t.Mapping[str, t.Any], params: Data) -> Data:
    """What the host's variables hold of it: its answers, and its part of the plan."""
    staged = known.get(params["staged"]) if params["staged"] else None
    return {
        "info": known.get(params["infos"]) or {},
        "task": known.get(params["tasks"]) or {},
        "staged": None if not staged or staged.get("skipped") else staged,
    }


def _profile(path: str) -> Profile | None:
    return Profile.from_dict(_read(pathlib.Path(path))) if path else None


def _read(path: pathlib.Path) -> Data:
    try:
        return t.cast(Data, json.loads(path.read_bytes()))
    except (OSError, ValueError):
        raise InputError(
            "preview-ended",
            f"{path} is not there any more",
            hint="Run it anew from step=begin; keep_profiles=true lets a preview be told twice.",
        ) from None


def _blocked(blockers: list[Data]) -> ConflictError:
    codes = dict.fromkeys(blocker["code"] for blocker in blockers)
    return ConflictError(
        "preview-blocked",
        f"The rollout would be refused: {', '.join(codes)}",
        hint="The preview tells each with its next step; with -e relmgmt_plan_report_only=true it does not fail.",
    )
