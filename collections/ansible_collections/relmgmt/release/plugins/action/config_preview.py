# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import typing as t

from ..module_utils._model.manifest import Manifest
from ..plugin_utils._dml import Settings
from ..plugin_utils._fallback import find_packages
from ..plugin_utils._registry import ROLLOUT, Registry, location
from ..plugin_utils._rollout import (
    NEW,
    READ,
    UNREAD,
    HostInput,
    Scope,
    Unpacked,
    View,
    before_of,
    make_profiles,
    run_directory,
    running_profile,
    view_of,
)
from .rollout_plan import ActionModule as Planning

Data = dict[str, t.Any]


class ActionModule(Planning):
    """Say what hosts would be configured with, and how that differs from what they have. Nothing is written."""

    @property
    def check_mode(self) -> bool:
        """What is looked at here is a dry run, however the task is run."""
        return True

    def verb(self, params: Data, task_vars: Data) -> Data:
        run, fleet = f"check-{os.getppid()}", task_vars["hostvars"]
        self._check_environment(params, fleet)
        hosts = {host: self._host(params["infos"], fleet[host]) for host in params["hosts"]}
        answered = {host: known for host, known in hosts.items() if known.info.get("outcome") == "ok"}
        with contextlib.ExitStack() as ended:
            ended.callback(run_directory.remove, run)
            views, version = self._views(params, answered, run)
        silent = sorted(set(hosts) - set(answered))
        told = {view.host: view.to_dict() for view in views}
        diff = [
            {"prepared": f"{host}:\n" + "".join(part["diff"] for part in view["files"].values())}
            for host, view in told.items()
            if view["changed"]
        ]
        result = {"changed": False, "version": version, "hosts": told, "unanswered": silent}
        return {**result, "diff": diff} if self.diff_mode else result

    def _views(self, params: Data, hosts: dict[str, HostInput], run: str) -> tuple[list[View], str]:
        package = self._package({**params, "kind": ROLLOUT, "rollout": NEW}, run)
        if package.manifest is None or package.path is None:
            return [], ""
        with Registry.open(location(params), write=False) as registry:
            records = registry.profiles({running_profile(known) for known in hosts.values()} - {""})
        masked = READ if params["read_secrets"] else UNREAD
        self._leased, self._told = [], {}
        scope = Scope(params["environment"], params["instance"])
        made = make_profiles(
            package.manifest,
            package.path,
            hosts,
            scope,
            self._access(params),
            secrets_down=params["secrets_down"],
            masked=masked,
        )
        releases = {record.release: record.version for record in records.values()}
        found = find_packages(
            Settings.from_params(params),
            {digest: version for digest, version in releases.items() if digest != package.manifest.digest},
            package=params["package"],
            environment=params["environment"],
            cache=run_directory.make(run) / "cache",
        )
        packages = {digest: Unpacked(_manifest(path), path) for digest, path in found.items()}
        packages[package.manifest.digest] = Unpacked(package.manifest, package.path)
        before = before_of(hosts, records, packages, versions=params["read_secrets"])
        return view_of(made, before), package.manifest.version


def _manifest(directory: pathlib.Path) -> Manifest:
    return Manifest.from_dict(json.loads((directory / "manifest.json").read_bytes()))
