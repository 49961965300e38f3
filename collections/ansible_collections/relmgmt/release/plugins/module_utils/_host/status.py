# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an instance stands, for a person who has to decide what to do (private).

Nothing is changed and nothing is waited for. What is damaged, or may not be read by who asks, becomes a problem that is
told, not an error.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import typing as t

from .._model import outcome
from .._model.errors import IntegrityError, RelmgmtError
from .info import about, adopted, seconds_left
from .instance import Instance, Tools
from .journal import Event, History
from .moved import moved
from .post import guarded
from .running import Running
from .serving import Serving

__all__ = ["ABSENT", "DRIFTED", "Answer", "holder", "standing", "status"]

Answer = t.Dict[str, t.Any]

ABSENT, DRIFTED = outcome.ABSENT, "drifted"  # states beside the outcomes

# Events that change nothing about where the instance stands.
_ASIDE = ("adopted", "replaces", "staged", "serving", "pruned", "migrating", "migrated", "resealing", "resealed")


def status(instance: Instance, tools: Tools) -> Answer:
    """The instance as its journal has it, and what does not agree with that (``problems``, for people).

    ``state``: that of the current deployment; ``absent``; ``failed``; ``unknown`` while a switch is unfinished, and
    where the journal cannot be read. ``process``: who works on it just now. ``guarded``: whether it is seen to that it
    goes back by itself, which it does in ``seconds_left``, or is not to (None). ``frozen``: why nothing leads behind
    deployment ``frozen_at``; empty where that is not so.
    """
    answer: Answer = {
        "package": instance.package,
        "instance": instance.name,
        "path": str(instance.path),
        "state": outcome.UNKNOWN,
        "current": None,
        "previous": None,
        "adopted": None,
        "replaced": "",
        "seconds_left": None,
        "frozen": "",
        "frozen_at": 0,
        "guarded": guarded(instance),
        "service": "unknown",
        "traffic": None,
        "process": holder(instance),
        "last": None,
        "problems": [],
    }
    try:
        history, last = standing(instance)
    except (RelmgmtError, OSError) as exc:
        return dict(answer, problems=[_told(exc)])
    answer.update(
        state=outcome.UNKNOWN if history.unfinished else history.state,
        current=about(history, history.current),
        previous=about(history, history.previous(history.current)),
        adopted=adopted(instance),
        replaced=history.replaced,
        seconds_left=seconds_left(history, tools),
        frozen=history.frozen_why,
        frozen_at=history.frozen,
        last=last,
    )
    look = _look(instance, tools, history, answer)
    if answer["process"]:
        look = []  # it is in the middle of it
    elif not history.settled and answer["guarded"] is False:
        look.append("no guard is running: nothing goes back by itself until somebody acts")
    return dict(answer, problems=[*_unfinished(history, answer["process"]), *look])


def standing(instance: Instance) -> tuple[History, Event | None]:
    """The journal's account, and its last line that says where the instance stands.

    Raises:
        RelmgmtError, OSError: the journal is damaged, missing, or may not be read.
    """
    events = instance.journal.events()
    if not events and instance.disk.target("current"):
        raise IntegrityError(
            "journal-missing",
            f"{instance.disk.path('journal')} is missing or empty, and yet a deployment is current",
            hint="Restore it from a backup; until then nothing is known for certain, and nothing should be switched.",
        )
    moves = [event for event in events if event["event"] not in _ASIDE]
    return History(events), moves[-1] if moves else None


def holder(instance: Instance) -> str:
    """The process that works on the instance at this moment; empty where there is none, or it is not for us to see."""
    with contextlib.suppress(OSError):
        handle = os.open(str(instance.disk.path("lock")), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.read(handle, 20).decode("ascii", "replace").strip() or "?"
        finally:
            os.close(handle)
    return ""


def _unfinished(history: History, process: str) -> list[str]:
    if history.unfinished is None:
        return []
    switch = history.unfinished
    if history.reboot is not None and not history.reboot.came:
        return [f"deployment {switch.target} becomes current when the host is started anew, which is under way"]
    what = f"a switch from deployment {switch.origin} to {switch.target} ({switch.verb})"
    if process:
        return [f"{what} is going on: process {process}; ask again when it has ended"]
    return [f"{what} was interrupted; the guard, or the next confirm or revert, finishes it"]


def _look(instance: Instance, tools: Tools, history: History, answer: Answer) -> list[str]:
    """Fill in what runs, and what ran before; what of it is not as the journal has it."""
    if history.empty or history.replaced:
        answer["service"] = "none"
        return []
    found = []
    running, serving = Running(instance, tools), Serving(instance, tools)
    try:
        stands = running.stands()
        if stands != history.current:
            found.append(f"the link 'current' leads to deployment {stands}; the journal says {history.current}")
        driver = running.driver(history.current)
        answer["service"] = "none" if driver is None else "active" if driver.active() else "inactive"
        if answer["service"] == "inactive":
            found.append("its service does not run")
        answer["traffic"] = serving.state(history.current)
        if serving.astray(history):
            found.append(
                "it is {} traffic and should be {}".format(answer["traffic"], "in" if history.serves else "out")
            )
        found += moved(instance, history.current)
    except PermissionError:
        found.append("its service and its traffic are for the user whom it belongs to: ask again with sudo")
    except (RelmgmtError, OSError) as exc:
        found.append(_told(exc))
    return found


def _told(exc: Exception) -> str:
    if isinstance(exc, OSError):
        return "{}: {}".format(exc.filename or "the host", exc.strerror or exc)
    return str(exc)
