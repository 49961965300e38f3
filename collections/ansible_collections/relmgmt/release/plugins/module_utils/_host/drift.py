# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drift: what of the deployment that runs, and of the way back from it, is not as it was left (private).

Every byte is read once. Nothing is written, no lock is taken, and a way back never waits for this.
"""

from __future__ import annotations

import os
import pathlib
import typing as t

from .._model.errors import RelmgmtError
from .._model.manifest import NONE
from .capsule import Capsule
from .drift_files import Files
from .finding import CAPSULE, OWNER, PLACEMENT, SERVICE, Finding, of_link
from .instance import Instance, Tools
from .journal import History
from .mending import Mending
from .objects import Objects
from .plain import status_at
from .running import Running
from .status import holder, standing

__all__ = ["MOST", "drift"]

MOST = 200  # findings that are told; of the others, their number
Answer = t.Dict[str, t.Any]


def drift(instance: Instance, tools: Tools) -> Answer:
    """``findings`` (at most ``MOST``, then ``more``); ``versions`` of the secrets that the deployment was made with;
    ``problem``: why nothing certain can be said, empty where it can."""
    answer: Answer = {"findings": [], "more": 0, "versions": {}, "problem": ""}
    try:
        before = instance.journal.events()
        history, _last = standing(instance)
        if history.unfinished is not None:
            return dict(answer, problem=_changing(bool(holder(instance))))
        found = list(_findings(instance, tools, history))
        if instance.journal.events() != before:
            return dict(answer, problem=_changing(True))
        shown = [finding._asdict() for finding in found[:MOST]]
        more, versions = max(0, len(found) - MOST), _versions(instance, history)
        return dict(answer, findings=shown, more=more, versions=versions)
    except RelmgmtError as exc:
        return dict(answer, problem=str(exc))
    except OSError as exc:
        return dict(answer, problem=f"{exc.filename or instance.path}: {exc.strerror or exc}")


def _changing(now: bool) -> str:
    return "it is being changed" if now else "a switch was interrupted; the next verb finishes it"


def _versions(instance: Instance, history: History) -> dict[str, str]:
    """Reference of each secret → the version that the current deployment was made with."""
    document = Capsule(instance, history.current).document() if history.current else None
    return dict((document or {}).get("versions") or {})


def _findings(instance: Instance, tools: Tools, history: History) -> t.Iterator[Finding]:
    """What matters most comes first."""
    objects, current, known = Objects(instance.disk, shared=False), history.current, set()
    if current:
        if not history.replaced:
            yield from _of_service(instance, tools, current)
            yield from _of_placements(instance, tools, current)
        yield from of_link("current", instance.disk.path("current"), f"deployments/{current}")
        yield from _of_directory(instance)
        files = Files(instance, current, objects)
        known.update(files.damages)
        yield from files.findings()
    previous = history.previous(current)
    if previous or history.adopted:
        for path in Capsule(instance, previous, objects).damages():
            if path not in known:
                yield Finding(path, CAPSULE, f"deployment {previous}, the way back, is whole")


def _of_service(instance: Instance, tools: Tools, deployment: int) -> t.Iterator[Finding]:
    service, driver = instance.runtime(deployment).service, Running(instance, tools).driver(deployment)
    if service is None or driver is None:
        return
    name = service.unit or service.command[0]
    if not driver.active():
        yield Finding(name, SERVICE, "it runs", "it does not")
    for item in driver.astray():
        yield Finding(name, SERVICE, item.expected, item.found)
    unlearned = Mending(instance, tools).unlearned(deployment)
    if unlearned != NONE:
        yield Finding(name, SERVICE, f"a {unlearned} after its files were repaired", "it runs as before")


def _of_placements(instance: Instance, tools: Tools, deployment: int) -> t.Iterator[Finding]:
    modes = {item.path: item.mode for item in instance.runtime(deployment).placements}
    for path in Mending(instance, tools).misplaced(deployment):
        mode = next((mode for name, mode in modes.items() if path.endswith(f"/{name}")), "")
        status = status_at(pathlib.Path(path))
        found = "it is missing" if status is None else f"{status.st_mode & 0o7777:04o}, {status.st_uid}:{status.st_gid}"
        yield Finding(path, PLACEMENT, f"{mode}, as it was placed", found)


def _of_directory(instance: Instance) -> t.Iterator[Finding]:
    """The instance's own directory: whoever owns it can replace what lies there."""
    status = status_at(instance.path)
    if status is not None and status.st_uid not in (0, os.geteuid()):
        yield Finding(".", OWNER, str(os.geteuid()), str(status.st_uid))
