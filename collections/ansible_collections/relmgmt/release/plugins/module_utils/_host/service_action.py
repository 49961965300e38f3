# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change does to the service: a restart, unless all that changes declares that it asks for less (private).

Less is asked for by files of the profile alone: the release is the same, and so is how it is run. A file asks for what
its template declares, or for what the values declare that it changed through, where those alone changed. The rules are
the same in both directions.
"""

from __future__ import annotations

import typing as t

from .._model.errors import BackendError, RelmgmtError
from .._model.manifest import RESTART
from .._model.origin import Origin, strongest
from .._model.runtime import Service
from .disk import Disk
from .instance import PROFILE, Instance
from .process import Runner

__all__ = ["action", "reload_by_command"]


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
    manifest = instance.disk.read_json("deployments", str(target), "release", "manifest.json") or {}
    templates = manifest.get("config", {}).get("templates", ())
    declared = {template["destination"]: template.get("on_change", RESTART) for template in templates}
    judge = _Values(_about(instance, origin), _about(instance, target))
    return strongest(
        RESTART if path == service.unit_file else judge.asked(path, declared.get(path, RESTART))
        for path in _changed(instance, origin, target)
    )


class _Values:
    """What changed values ask for, by what lies beside the profiles."""

    def __init__(self, before: dict[str, t.Any], after: dict[str, t.Any]) -> None:
        self._before, self._after = before.get("origins", {}), after.get("origins", {})
        self._asks = {**before.get("asks", {}), **after.get("asks", {})}
        was, will = before.get("inputs", {}), after.get("inputs", {})
        self._changed = [name for name in {**was, **will} if was.get(name) != will.get(name)]

    def asked(self, path: str, otherwise: str) -> str:
        if path not in self._before or path not in self._after:
            return otherwise
        before = Origin.from_dict(self._before[path])
        return Origin.from_dict(self._after[path]).asks(before, self._changed, self._asks, otherwise)


def _about(instance: Instance, deployment: int) -> dict[str, t.Any]:
    found = instance.disk.read_json("deployments", str(deployment), "profile", PROFILE)
    return found if isinstance(found, dict) else {}


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
