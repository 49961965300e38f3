# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a switch would do, told before anybody does it (private)."""

from __future__ import annotations

import typing as t

from .._model.errors import RelmgmtError
from .capsule import Capsule
from .difference import Side, difference
from .instance import Instance, Tools
from .service import driver_of
from .service_action import action

__all__ = ["foretold"]

REBOOT, START, STOP = "reboot", "start", "stop"  # beside what ``service_action`` says
Answer = t.Dict[str, t.Any]


def foretold(instance: Instance, tools: Tools, origin: int, target: int, *, reboots: bool) -> Answer:
    """``diff``: what is placed differently then; ``service``: its name, and what is done to it, where there is one;
    ``takes``: seconds that it may take, at most. Empty where the host is too damaged to say. reboots: whether the host
    is started anew for it."""
    try:
        return _foretold(instance, tools, origin, target, reboots=reboots)
    except (RelmgmtError, OSError):
        return {}


def _foretold(instance: Instance, tools: Tools, origin: int, target: int, *, reboots: bool) -> Answer:
    before, after = instance.runtime(origin), instance.runtime(target)
    service = after.service or before.service
    takes = after.switching_time + (before.reboot.timeout if reboots and before.reboot else 0.0)
    answer: Answer = {"takes": takes}
    if service is not None:
        done = REBOOT if reboots else STOP if after.service is None else _done(instance, tools, origin, target)
        answer["service"] = {"name": service.unit or instance.package.partition("/")[2], "done": done}
    manifests = {number: Capsule(instance, number).manifest() for number in (origin, target) if number}
    sides = [_side(instance, number, manifests) for number in (origin, target)]
    return answer if None in manifests.values() else dict(answer, diff=difference(*sides))


def _side(instance: Instance, number: int, manifests: t.Mapping[int, t.Any]) -> Side | None:
    manifest = manifests.get(number)
    return Side.held(Capsule(instance, number), manifest) if manifest is not None else None


def _done(instance: Instance, tools: Tools, origin: int, target: int) -> str:
    """What is done to the service of the target."""
    driver = driver_of(instance, origin, tools)
    return action(instance, origin, target) if driver is not None and driver.active() else START
