# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change does to the service: a restart, unless all that changes declares that it asks for less (private).

Less is asked for by files of the profile alone: the release is the same, and so is how it is run. The rules are the
same in both directions.
"""

from __future__ import annotations

import typing as t

from .._model.errors import BackendError, RelmgmtError
from .._model.manifest import NONE, RELOAD, RESTART
from .._model.runtime import Service
from .disk import Disk
from .instance import PROFILE, Instance
from .process import Runner

__all__ = ["action", "action_of", "reload_by_command"]


def action(instance: Instance, origin: int, target: int) -> str:
    """What it takes to leave one deployment for the other; a restart where that cannot be told."""
    try:
        return _least(instance, origin, target)
    except (RelmgmtError, OSError):
        return RESTART


def _least(instance: Instance, origin: int, target: int) -> str:
    releases = {instance.meta(number).get("release", number) for number in (origin, target) if number}
    before, after = instance.runtime(origin), instance.runtime(target)
    service = after.service
    if origin == target or not (origin and target) or len(releases) > 1 or service is None:
        return RESTART
    if (before.service, before.placements) != (service, after.placements):
        return RESTART
    return _asked(instance, target, service, _changed(instance, origin, target))


def action_of(instance: Instance, deployment: int, files: t.Iterable[str]) -> str:
    """What it takes to have the service of a deployment read these files of its profile anew. Raises as ``runtime``."""
    service = instance.runtime(deployment).service
    return NONE if service is None else _asked(instance, deployment, service, set(files) - {PROFILE})


def _asked(instance: Instance, deployment: int, service: Service, files: t.Iterable[str]) -> str:
    manifest = instance.disk.read_json("deployments", str(deployment), "release", "manifest.json") or {}
    templates = manifest.get("config", {}).get("templates", ())
    declared = {template["destination"]: template.get("on_change", RESTART) for template in templates}
    declared[service.unit_file] = RESTART
    asked = {declared.get(path, RESTART) for path in files}
    return RESTART if RESTART in asked else RELOAD if RELOAD in asked else NONE


def _changed(instance: Instance, origin: int, target: int) -> set[str]:
    """Files of the profile that are not the same in both."""
    one, other = (_files(instance.disk, "deployments", str(number), "profile") for number in (origin, target))
    return {name for name in {*one, *other} - {PROFILE} if one.get(name) != other.get(name)}


def _files(disk: Disk, *parts: str) -> dict[str, bytes | None]:
    """What lies below a directory."""
    found: dict[str, bytes | None] = {}
    for name in disk.names(*parts):
        try:
            found[name] = disk.read(*parts, name)
        except IsADirectoryError:
            found.update({f"{name}/{path}": data for path, data in _files(disk, *parts, name).items()})
    return found


def reload_by_command(service: Service, runner: Runner) -> None:
    """Run what the service declares for that, as its user.

    Raises:
        BackendError: it failed, or did not end in time (``service-reload-failed``).
        InputError: it cannot be run as that user.
    """
    done = runner.run(service.reload, timeout=service.reload_timeout, user=service.user, env=dict(service.environment))
    if done.code or done.timed_out:
        how = f"no end within {service.reload_timeout:g} s" if done.timed_out else f"exit code {done.code}"
        raise BackendError("service-reload-failed", f"{service.reload[0]}: {how}: {done.output.strip()}")
