# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The waves with their times, the rounds of a rehearsal, and how long all of it takes (private)."""

from __future__ import annotations

import collections.abc
import datetime
import typing as t

from .._registry import REHEARSAL, ROLLBACK
from .._rollout import LEAVE_NEW, PHASES, Plan, Wave
from .estimate import NOT_KNOWN, Estimates, Seconds

__all__ = ["moment", "timetable"]

Data = dict[str, t.Any]
Estimated = collections.abc.Mapping[int, Seconds]
_NOTHING = Seconds(0.0, NOT_KNOWN)


def timetable(
    plan: Plan, estimates: Estimates, *, over: collections.abc.Collection[int], leave: str, now: datetime.datetime
) -> Data:
    """``waves``, ``phases`` (of a rehearsal alone) and ``time``. over: waves that take no time any more; leave: where
    a rehearsal leaves its hosts."""
    goes_back = plan.kind == ROLLBACK
    forward = {wave.index: _NOTHING if goes_back else estimates.forward(wave) for wave in plan.waves}
    back = {wave.index: estimates.back(wave) for wave in plan.waves}
    phases = _phases(plan, estimates, leave=leave) if plan.kind == REHEARSAL else {}
    staging = estimates.staging() if plan.waves and not goes_back else _NOTHING
    ahead = [wave for wave in plan.waves if wave.index not in over]
    there, again, steps = _sums(ahead, forward, back, phases, goes_back=goes_back)
    there += 0.0 if phases else staging.seconds
    known = bool(steps) and all(took.source != NOT_KNOWN for took in steps)
    total = again if goes_back else there + again if phases else there
    return {
        "waves": [
            {
                **wave.to_dict(),
                "forward": forward[wave.index].to_dict(),
                "back": back[wave.index].to_dict(),
                "over": wave.index in over,
            }
            for wave in plan.waves
        ],
        "phases": [{"phase": name, **took.to_dict()} for name, took in phases.items()],
        "time": {
            "staging": staging.to_dict(),
            "forward": round(there, 1),
            "back": round(again, 1),
            "done": moment(now + datetime.timedelta(seconds=total)) if known else "",
        },
    }


def moment(time: datetime.datetime) -> str:
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sums(
    ahead: collections.abc.Sequence[Wave],
    forward: Estimated,
    back: Estimated,
    phases: collections.abc.Mapping[str, Seconds],
    *,
    goes_back: bool,
) -> tuple[float, float, list[Seconds]]:
    """Seconds there and back, and the steps of which all have to be known. What is over may have to be taken back
    too."""
    if phases:
        backs = [took for name, took in phases.items() if name.startswith("back")]
        there = [took for name, took in phases.items() if not name.startswith("back")]
        moves = [took for name, took in phases.items() if not name.startswith("stage")]
        return sum(took.seconds for took in there), sum(took.seconds for took in backs), moves
    steps = [(back if goes_back else forward)[wave.index] for wave in ahead]
    bake = sum(wave.to_dict().get("bake", 0.0) for wave in ahead)
    there_seconds = 0.0 if goes_back else bake + sum(took.seconds for took in steps)
    return there_seconds, sum(took.seconds for took in back.values()), steps


def _phases(plan: Plan, estimates: Estimates, *, leave: str) -> dict[str, Seconds]:
    """One after the other, as far as it goes; nothing where no host takes part."""
    names = PHASES[:-1] if leave == LEAVE_NEW else PHASES
    return {name: estimates.phase(name, wave) for wave in plan.waves[:1] for name in names}
