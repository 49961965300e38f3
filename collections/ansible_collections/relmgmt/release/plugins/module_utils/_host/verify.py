# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an instance is what relmgmt made of it: every byte, and what runs (private).

Files are named, their contents are not: a configuration holds secrets. Nothing is changed and no lock is taken, so that
a way back never waits for this.
"""

from __future__ import annotations

import typing as t

from .._model.errors import ConflictError, RelmgmtError
from .capsule import Capsule
from .companions import companion_name, is_whole
from .health import Judgement
from .info import about
from .instance import Instance, Tools
from .journal import History
from .moved import moved
from .objects import Objects
from .running import Running
from .serving import Serving
from .status import DRIFTED, Answer, holder, standing

__all__ = ["verify"]


class Check(t.NamedTuple):
    """One question: what is asked, what differs (empty: nothing), and whether that only warns."""

    what: str
    differs: tuple[str, ...]
    warns: bool = False


def verify(instance: Instance, tools: Tools) -> Answer:
    """Look at everything once. ``state`` is ``drifted`` if anything differs, else that of the instance.

    Raises:
        RelmgmtError: the journal cannot be read; or the instance is being changed (``instance-changing``).
        OSError: something may not be read by who asks.
    """
    before = instance.journal.events()
    history, _last = standing(instance)
    process = holder(instance)
    if history.unfinished is not None and process:
        raise _changing(instance, process)
    files = [*_files(instance, history), *_companions(instance, history)]
    checks = [*files, *_place(instance, tools, history), *_running(instance, tools, history)]
    if instance.journal.events() != before:
        raise _changing(instance, holder(instance))
    drifted = any(check.differs and not check.warns for check in checks)
    return {
        "package": instance.package,
        "instance": instance.name,
        "path": str(instance.path),
        "state": DRIFTED if drifted else history.state,
        "current": about(history, history.current),
        "checks": [
            {"what": check.what, "ok": not check.differs, "warns": check.warns, "differs": list(check.differs)}
            for check in checks
        ],
    }


def _changing(instance: Instance, process: str) -> ConflictError:
    by = f" by process {process}" if process else ""
    return ConflictError(
        "instance-changing",
        f"{instance.path} is being changed{by}, so there is nothing certain to say",
        hint="Run the same command again when that has ended.",
    )


def _files(instance: Instance, history: History) -> t.Iterator[Check]:
    """What a switch needs and what the way back needs."""
    objects = Objects(instance.disk, shared=False)
    previous = history.previous(history.current)
    asked = {history.current: "runs"}
    asked.setdefault(previous, "is the way back")
    for deployment, what in asked.items():
        if deployment or history.adopted:
            damages = tuple(Capsule(instance, deployment, objects).damages())
            yield Check(f"files of deployment {deployment}, which {what}", damages)


def _companions(instance: Instance, history: History) -> t.Iterator[Check]:
    """What a confirmation would put in the place of deployments that are held."""
    for coming in (history.current, *sorted(number for number in history.companions if number > history.current)):
        for held, profile in history.companions.get(coming, {}).items():
            wrong = (
                () if is_whole(instance, held, coming, profile) else (f"deployments/{companion_name(held, coming)}",)
            )
            yield Check(f"companion of deployment {held}, which comes with deployment {coming}", wrong)
    if history.resealing is not None:
        numbers = ", ".join(map(str, history.resealing[1]))
        yield Check("re-sealing", (f"it was interrupted: deployment {numbers}; the next verb goes on with it",))


def _place(instance: Instance, tools: Tools, history: History) -> t.Iterator[Check]:
    stands = Running(instance, tools).stands()
    wrong = () if stands == history.current else (f"it leads to deployment {stands}, not {history.current}",)
    yield Check("link 'current'", wrong)
    unfinished = history.unfinished
    if unfinished is not None:
        yield Check(
            "journal", (f"a switch from deployment {unfinished.origin} to {unfinished.target} was interrupted",)
        )
    elif history.sick:
        yield Check("journal", ("the last switch failed",))
    if history.current:
        yield Check("place", tuple(moved(instance, history.current)))
        if instance.runtime(history.current).placements and not history.replaced:
            from .placements import Placements

            yield Check("placements", tuple(Placements(instance, tools.runner).differs(history.current)))


def _running(instance: Instance, tools: Tools, history: History) -> t.Iterator[Check]:
    if history.empty or history.replaced:
        return
    running = Running(instance, tools)
    try:
        driver = running.driver(history.current)
        if driver is not None:
            yield Check("service", () if driver.active() else (driver.describe(),))
    except RelmgmtError as exc:
        yield Check("service", (str(exc),))
    yield from _probes(running.pulse(history.current))
    serving = Serving(instance, tools)
    state = serving.state(history.current)
    if state is not None:
        should = "in" if history.serves else "out"
        yield Check("traffic", () if not serving.astray(history) else (f"it is {state} and should be {should}",))


def _probes(judgement: Judgement) -> t.Iterator[Check]:
    for result in judgement.results:
        yield Check(f"probe {result.name}", () if result.healthy else (result.reason,), warns=result.level == "wanted")
