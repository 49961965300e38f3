# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Confirm and revert by somebody on the host: the verbs of a controller, asked without one (private).

What is meant is settled before the lock is taken, as deployments and not as "the current one". So two people who type
the same at once do it once, and typing it again does not go back a second step.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import signal
import threading
import types
import typing as t

from .._model import outcome
from .._model.errors import BackendError, ConflictError, InputError
from .freezing import no_return
from .held import newest, require_proven, told
from .instance import Instance, Tools
from .journal import Event, History
from .lock import LOCK_WAIT
from .main import Request, answer, patience
from .moved import unit_elsewhere
from .replacing import require_in_place
from .serving import Serving
from .status import ABSENT, Answer, holder, standing

__all__ = ["Hand", "Way", "confirm", "drain", "revert", "thaw", "way_back", "who"]

_ENDS = ("provisional", "confirmed", "reverted", "returned", "failed")
_NOBODY = 4294967295  # /proc/self/loginuid of what no login began
_LONGEST_NAME = 64


class Hand(t.NamedTuple):
    """With what somebody acts. engine: its bytes, for the guard; say: tells who waits what is going on."""

    tools: Tools
    engine: bytes
    say: t.Callable[[str], None]
    reason: str


class Way(t.NamedTuple):
    """A way back: from which deployment to which, and how it is asked for; no parameters: it is there already."""

    left: int
    target: int
    params: dict[str, t.Any]


def confirm(instance: Instance, hand: Hand, *, deployment: int | None) -> Answer:
    """Make a provisional deployment final: the one that is named, else the one that was activated last.

    Raises:
        RelmgmtError: nothing was ever activated (``nothing-to-confirm``), or as the verb.
    """
    _check_user(instance)
    number = _activated(instance.journal.events()) if deployment is None else deployment
    if not number:
        raise ConflictError(
            "nothing-to-confirm",
            f"{instance.path}: no deployment was ever activated here",
            hint="'status' shows what is there.",
        )
    return _ask("confirm", instance, hand, {"deployment": number}, LOCK_WAIT)


def way_back(instance: Instance, to: str) -> Way:
    """What a revert means now. to: a version, the number of a deployment, ``absent``; empty: the one before.

    Raises:
        RelmgmtError: there is no such way; the error says which there are.
    """
    _check_user(instance)
    require_in_place(instance, check=True)
    history, _last = standing(instance)
    _check_place(instance, history.current)
    way = _way(instance, history, to)
    if way.params and history.barred(way.target):
        raise no_return(instance, history, way.target)
    return way


def _way(instance: Instance, history: History, to: str) -> Way:
    if to:
        return _way_to(instance, history, to)
    if history.unfinished is not None:
        switch = history.unfinished
        left = switch.target if switch.verb == "activate" else switch.origin
        return Way(left, history.previous(left), {"deployment": left})
    if not history.current:
        raise ConflictError(
            "nothing-to-revert", f"{instance.path}: no deployment is current", hint="There is nothing to go back from."
        )
    ends = [event for event in instance.journal.events() if event["event"] in _ENDS]
    if ends and ends[-1]["event"] == "reverted" and ends[-1]["to"] == history.current:
        return Way(ends[-1]["deployment"], history.current, {})
    target = history.previous(history.current)
    if not target and not history.provisional and not history.adopted:
        raise ConflictError(
            "nothing-before",
            f"{instance.path}: before deployment {history.current} there is nothing to go back to",
            hint=f"{told(history)} 'revert --to absent' stops the service and leaves nothing running.",
        )
    return Way(history.current, target, {"deployment": history.current})


def revert(instance: Instance, hand: Hand, way: Way) -> Answer:
    """Go the way. Raises as the verb."""
    return _ask("revert", instance, hand, way.params, patience(instance))


def thaw(instance: Instance, hand: Hand) -> Answer:
    """Let ways lead behind a point of no return again. Raises as the verb."""
    _check_user(instance)
    return _ask("freeze", instance, hand, {"state": "absent"}, LOCK_WAIT)


def drain(instance: Instance, tools: Tools) -> str:
    """What going back means for those who send requests; empty where nothing."""
    return Serving(instance, tools).preview(instance.history().current)


def _way_to(instance: Instance, history: History, to: str) -> Way:
    found = re.match(r"(?:(deployment|version)[\s:=#]+)?(\S+)\Z", to.strip())
    kind, name = (found.group(1), found.group(2)) if found else (None, to)
    versions = {event["version"] for number, event in history.staged.items() if number in history.proven}
    is_number = name.isdigit() and int(name) in history.staged
    if kind is None and is_number and name in versions:
        raise InputError(
            "revert-ambiguous",
            f"{name} is a version and a deployment",
            hint=f"Write --to 'version {name}' or --to 'deployment {name}'.",
        )
    if name in (ABSENT, outcome.ADOPTED, "0") and kind != "version":
        return _way_to_nothing(instance, history)
    if name in versions and kind != "deployment":
        return Way(history.current, newest(history, name), {"version": name})
    if is_number and kind != "version":
        return _way_to_deployment(instance, history, int(name))
    raise InputError(
        "revert-target-unknown",
        f"{instance.path}: it cannot go back to {to!r}: no such deployment was ever confirmed here",
        hint=told(history),
    )


def _way_to_nothing(instance: Instance, history: History) -> Way:
    if not history.current and history.unfinished is None:
        return Way(0, 0, {})
    if history.adopted and history.unfinished is None:
        return Way(history.current, 0, {"to": 0})
    if history.previous(history.current) or history.unfinished is not None:
        raise ConflictError(
            "revert-not-a-step",
            f"{instance.path}: deployment {history.previous(history.current)} comes before what was there first",
            hint="Go back step by step: revert to that one first.",
        )
    return Way(history.current, 0, {"deployment": history.current})


def _way_to_deployment(instance: Instance, history: History, target: int) -> Way:
    if target == history.current and history.unfinished is None:
        return Way(target, target, {})
    if target == history.previous(history.current) and history.unfinished is None:
        return Way(history.current, target, {"deployment": history.current})
    return Way(history.current, require_proven(instance, history, target), {"to": target})


def _activated(events: t.Sequence[Event]) -> int:
    """The deployment that was activated last."""
    numbers = [event["to"] for event in events if event["event"] == "switch" and event["verb"] == "activate"]
    return int(numbers[-1]) if numbers else 0


def _ask(verb: str, instance: Instance, hand: Hand, params: t.Mapping[str, t.Any], limit: float) -> Answer:
    address = {"root": str(instance.root), "package": instance.package, "instance": instance.name}
    told = f"by hand, by {who()}" + (f": {hand.reason}" if hand.reason else "")
    process = holder(instance)
    if process:
        hand.say(f"{instance.path} is in use by process {process}; waiting up to {limit:g} s for it")
    with _unbroken(instance, hand.say):
        return answer(verb, Request({**address, **params, "reason": told}, False, None, hand.engine, hand.tools))


def who() -> str:
    """The person, as far as the host knows, and as which user they act."""
    user = _name_of(os.geteuid())
    person = os.environ.get("SUDO_USER", "") or _login() or user
    person = "".join(letter for letter in person if letter.isprintable())[:_LONGEST_NAME]
    return person if person == user else f"{person} as {user}"


def _login() -> str:
    """Who logged in, whatever they became since."""
    with contextlib.suppress(OSError, ValueError), open("/proc/self/loginuid", encoding="ascii") as stream:
        uid = int(stream.read())
        return "" if uid == _NOBODY else _name_of(uid)
    return ""


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _check_user(instance: Instance) -> None:
    """Services are started as who asks, so that is whom the instance belongs to, and nobody else, not even root."""
    owner, user = os.stat(str(instance.path)).st_uid, os.geteuid()
    if owner != user:
        name = _name_of(owner)
        raise InputError(
            "user-wrong",
            f"{instance.path} belongs to {name}, and you are {_name_of(user)}",
            hint=f"Put 'sudo -u {name}' before the command." if owner else "Put 'sudo' before the command.",
        )


def _check_place(instance: Instance, deployment: int) -> None:
    """What systemd knows under another path could neither be stopped nor started as this."""
    with contextlib.suppress(BackendError):  # damaged: to go back is all the more needed
        elsewhere = unit_elsewhere(instance, deployment)
        if elsewhere:
            raise ConflictError(
                "instance-moved",
                f"{instance.path} is not where its unit leads: {elsewhere}",
                hint="Name the instance as it is named there, by --root, or move it back.",
            )


@contextlib.contextmanager
def _unbroken(instance: Instance, say: t.Callable[[str], None]) -> t.Iterator[None]:
    """Neither a connection that is lost nor Ctrl-C ends what has begun: half a switch helps nobody."""

    def interrupted(_signal: int, _frame: types.FrameType | None) -> None:
        if holder(instance) != str(os.getpid()):
            raise KeyboardInterrupt
        say("It has begun and is not interrupted: wait for its end, or ask 'status' elsewhere")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Functions, not SIG_IGN: that would be inherited by the service.
    before = {
        signal.SIGHUP: signal.signal(signal.SIGHUP, lambda _signal, _frame: None),
        signal.SIGINT: signal.signal(signal.SIGINT, interrupted),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
