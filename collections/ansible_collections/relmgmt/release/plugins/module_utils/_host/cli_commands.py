# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each command of ``relmgmt-host`` does: an answer for programs, a text for people, an exit code (private)."""

from __future__ import annotations

import os
import sys
import typing as t

from .._model import outcome
from .._model.errors import ConflictError
from . import cli_text as text
from .engine_file import NAME
from .info import about
from .instance import Instance, Tools
from .locate import Place
from .status import ABSENT, DRIFTED, Answer, standing, status
from .terminal import agrees, say

if t.TYPE_CHECKING:
    import argparse

    from .by_hand import Hand

__all__ = ["COMMANDS", "EXIT", "Asked"]

Told = t.Tuple[Answer, str, int]

_NOT_DONE = 1
# In the order in which they need somebody.
EXIT = {
    outcome.FAILED: 14,
    outcome.UNKNOWN: 12,
    DRIFTED: 13,
    outcome.PROVISIONAL: 10,
    outcome.REVERTED: 11,
    outcome.STAGED: 16,
    ABSENT: 15,
    outcome.REPLACED: 18,
    outcome.ADOPTED: 17,
    outcome.CONFIRMED: 0,
}


class Asked(t.NamedTuple):
    """What somebody typed, where, and the engine that answers."""

    arguments: argparse.Namespace
    place: Place
    tools: Tools
    engine: bytes
    typed: str

    def one(self) -> Instance:
        return self.place.one(self.arguments.target)

    def hand(self) -> Hand:
        from .by_hand import Hand

        return Hand(self.tools, self.engine, say, self.arguments.reason)

    def calls(self, instance: Instance) -> text.Call:
        """How to call this command for the instance."""
        own = instance.path / "bin" / NAME
        path = str(own if own.exists() else os.path.abspath(self.typed))
        before = [] if os.stat(str(instance.path)).st_uid == os.geteuid() else ["sudo"]
        before += [path] if os.access(path, os.X_OK) else [sys.executable, path]
        after = [] if own.exists() else [str(instance.path)]
        return lambda verb: " ".join([*before, verb, *after])


def _status(asked: Asked) -> Told:
    if asked.arguments.deployment is not None:
        return _status_of(asked.one(), asked.arguments.deployment, asked.tools)
    instances = asked.place.meant(asked.arguments.target)
    if not instances:
        asked.one()  # says what there is instead
    answers = [status(instance, asked.tools) for instance in instances]
    shown = text.one(answers[0], asked.calls(instances[0])) if len(answers) == 1 else text.table(answers, asked.typed)
    states = [answer["state"] for answer in answers]
    code = next(code for state, code in EXIT.items() if state in states)
    return {"root": str(asked.place.root), "instances": answers}, shown, code


def _status_of(instance: Instance, deployment: int, tools: Tools) -> Told:
    """What became of one deployment."""
    history, _last = standing(instance)
    known = about(history, deployment)
    state = known["status"] if known else outcome.UNKNOWN
    if deployment == history.current:
        state = status(instance, tools)["state"]
    ends = [event for event in instance.journal.events() if event.get("deployment") == deployment]
    answer = {"package": instance.package, "instance": instance.name, "deployment": deployment, "state": state}
    return dict(answer, about=known, last=ends[-1] if ends else None), text.became(answer, known, ends), EXIT[state]


def _verify(asked: Asked) -> Told:
    from .verify import verify

    instance = asked.one()
    answer = verify(instance, asked.tools)
    code = EXIT[DRIFTED] if answer["state"] == DRIFTED else 0
    return answer, text.verified(answer, asked.calls(instance)), code


def _confirm(asked: Asked) -> Told:
    from .by_hand import confirm

    instance = asked.one()
    answer = confirm(instance, asked.hand(), deployment=asked.arguments.deployment)
    shown, after = _after(asked, instance)
    code = EXIT.get(answer["outcome"], EXIT[outcome.UNKNOWN])
    return dict(answer, status=after), f"{text.confirmed(answer)}\n\n{shown}", code


def _revert(asked: Asked) -> Told:
    from .by_hand import drain, revert, way_back

    instance = asked.one()
    way = way_back(instance, asked.arguments.to)
    history, _last = standing(instance)
    target = about(history, way.target)
    if way.params:
        shown = text.way(instance, about(history, way.left), target, drain(instance, asked.tools))
        say(shown)
        if sys.stdin.isatty() and not asked.arguments.yes and not agrees("Go back now?"):
            raise ConflictError("not-wanted", "Nothing was done", hint="'--yes' does it without asking.")
    answer = revert(instance, asked.hand(), way) if way.params else {"changed": False, "deployment": way.left}
    shown, after = _after(asked, instance)
    done = after["state"] != outcome.FAILED and (after["current"] or {"deployment": 0})["deployment"] == way.target
    failed = EXIT[outcome.FAILED] if after["state"] == outcome.FAILED else _NOT_DONE
    answer = dict(answer, target=target, done=done, status=after)
    return answer, f"{text.reverted(answer)}\n\n{shown}", 0 if done else failed


def _thaw(asked: Asked) -> Told:
    from .by_hand import thaw

    instance = asked.one()
    answer = thaw(instance, asked.hand())
    shown, after = _after(asked, instance)
    return dict(answer, status=after), f"{text.thawed(answer)}\n\n{shown}", 0


def _log(asked: Asked) -> Told:
    instance = asked.one()
    events, lines = instance.journal.events(), asked.arguments.lines
    shown = events[-lines:] if lines > 0 else events
    answer = {"package": instance.package, "instance": instance.name, "events": shown}
    return answer, text.log(events, len(shown)), 0


def _after(asked: Asked, instance: Instance) -> tuple[str, Answer]:
    after = status(instance, asked.tools)
    return text.one(after, asked.calls(instance)), after


COMMANDS: dict[str, t.Callable[[Asked], Told]] = {
    "status": _status,
    "verify": _verify,
    "confirm": _confirm,
    "revert": _revert,
    "thaw": _thaw,
    "log": _log,
}
