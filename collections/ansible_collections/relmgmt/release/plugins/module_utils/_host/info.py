# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Info: what this host is and what it holds, without changing anything (private)."""

from __future__ import annotations

import contextlib
import os
import pathlib
import platform
import sys
import typing as t

from .._model import outcome
from .._model.adopts import Adopts
from .._model.digest import digest_of
from .._model.errors import RelmgmtError
from .adoption import adoption_of, told
from .arming import kind_of_guard
from .instance import Instance, Tools
from .journal import History
from .post import guarded
from .root import check_root
from .service import driver_of
from .serving import Serving

__all__ = ["about", "adopted", "describe_host", "describe_instance", "identify", "seconds_left"]

Answer = t.Dict[str, t.Any]


def describe_host(root: pathlib.Path, free_bytes: int) -> Answer:
    """``problems`` lists, as errors, all that forbids placing packages below the root."""
    problems = []
    try:
        check_root(root)
    except RelmgmtError as exc:
        problems.append(exc.to_dict())
    return {
        "python": {"executable": sys.executable, "version": platform.python_version()},
        "systemd": os.path.isdir("/run/systemd/system"),
        "guard": kind_of_guard(),
        "user": os.geteuid(),
        "identity": identify(root),
        "root": {"path": str(root), "free_bytes": free_bytes},
        "problems": problems,
    }


def identify(root: pathlib.Path) -> str:
    """What tells the root on this machine from every other place: no two names of an inventory may share it.

    A digest, because the id of a machine is nobody's business; and with more than that id, because machines are cloned.
    """
    known = []
    for name in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        with contextlib.suppress(OSError):
            known.append(pathlib.Path(name).read_text(encoding="ascii").strip())
    for path in (root, *root.parents):
        with contextlib.suppress(OSError):
            status = path.stat()
            known += [str(status.st_dev), str(status.st_ino), str(root.relative_to(path))]
            break
    return digest_of("\n".join(known).encode("utf-8"))


def describe_instance(instance: Instance, tools: Tools, *, adopts: Adopts | None = None) -> Answer:
    """Where the instance stands, what it holds, whether its service runs, whether it is in traffic. adopts: what is
    going to be taken the place of; where it is on the host, and no release is, it is told as if it were recorded."""
    history = instance.history()
    answer: Answer = {
        "package": instance.package,
        "instance": instance.name,
        "state": history.state,
        "interrupted": history.interrupted,
        "adopted": adopted(instance),
        "current": _with_versions(instance, _with_migrations(instance, about(history, history.current))),
        "previous": about(history, history.previous(history.current) if history.current else 0),
        "deployments": [_with_migrations(instance, about(history, number)) for number in sorted(history.staged)],
        "units": instance.units(),
        "service": "none",
        "traffic": Serving(instance, tools).state(history.current),
        "guarded": guarded(instance),
        "seconds_left": seconds_left(history, tools),
        "frozen": history.frozen_why,
        "frozen_at": history.frozen,
    }
    driver = driver_of(instance, history.current, tools)
    if driver is not None:
        answer["service"] = "active" if driver.active() else "inactive"
    if adopts is not None and not history.current:
        from .foreign import find

        found = find(adopts, instance=instance.path, runner=tools.runner)
        about_it = told(found.digest, found.record) if found is not None else None
        answer.update(adopted=about_it, state=outcome.ADOPTED if found is not None else history.state)
    return answer


def adopted(instance: Instance) -> Answer | None:
    """What deployment 0 is; None where it is ``absent``, or cannot be read any more."""
    with contextlib.suppress(RelmgmtError):
        adoption = adoption_of(instance)
        return adoption.about() if adoption is not None else None
    return None


def seconds_left(history: History, tools: Tools) -> float | None:
    """Until the host goes back by itself; None where it does not, 0 where that is due."""
    if not history.provisional or history.deadline is None or history.no_return:
        return None
    left = history.deadline.at - tools.clock() if history.deadline.boot == tools.runner.boot_id() else 0.0
    return round(max(0.0, left), 1)


def about(history: History, deployment: int) -> Answer | None:
    """What the journal knows of the deployment; None for ``absent`` and for what was pruned."""
    event = history.staged.get(deployment)
    if event is None:
        return None
    return {
        "deployment": deployment,
        "version": event["version"],
        "release": event["release"],
        "profile": event["profile"],
        "status": history.status[deployment],
        "proven": deployment in history.proven,
    }


def _with_migrations(instance: Instance, known: Answer | None) -> Answer | None:
    """And what the deployment's release does to databases; nothing where that cannot be read any more."""
    if known is None:
        return None
    migrations = []
    with contextlib.suppress(RelmgmtError):
        migrations = [migration.about() for migration in instance.runtime(known["deployment"]).migrations]
    return dict(known, migrations=migrations)


def _with_versions(instance: Instance, known: Answer | None) -> Answer | None:
    """And which versions of which secrets its profile was made with."""
    if known is None:
        return None
    versions: dict[str, str] = {}
    with contextlib.suppress(RelmgmtError):
        versions = instance.meta(known["deployment"]).get("versions", {})
    return dict(known, versions=versions)
