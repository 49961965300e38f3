# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boundaries between the steps of a rollout, out of what the tracer wrote while a rollout went well.

Two boundaries with no effect between them leave the same world behind, so of such a group one stands for all.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

__all__ = [
    "CONTROLLER",
    "HOST",
    "Boundary",
    "Recording",
    "Stand",
    "Trace",
    "apart",
    "in_order",
    "in_waves",
    "read_trace",
    "tasks_of",
]

HOST, CONTROLLER = "host", "controller"
STARTED = "activate/service_"  # the step that starts N, whichever driver does it: service_<driver>.start
JUDGED = "activate/health.judge"
CONFIRMED = "confirm/health.pulse"
Trace = list[dict[str, t.Any]]


@dataclasses.dataclass(frozen=True)
class Boundary:
    """A moment of a rollout: ``name`` is ``<verb>/<step>/<before or after>``, or ``task:<name>/before``.

    time: seconds on the machine's monotonic clock when it was recorded.
    """

    place: str
    name: str
    time: float = 0.0

    @property
    def id(self) -> str:
        return f"{self.place}/{self.name}"

    @property
    def verb(self) -> str:
        """The verb or playbook task that it belongs to, without its number."""
        return self.id.split("/")[1].partition("#")[0]


class Stand(t.NamedTuple):
    """When a host had its turn. wave: counted from 0; started, judged, confirmed: when N began to run there, when it
    was found healthy, and when it was for the last time."""

    wave: int
    host: str
    started: float
    judged: float
    confirmed: float


@dataclasses.dataclass(frozen=True)
class Recording:
    """A rollout that went well: its hosts in the order of their waves, its boundaries in the order of time.

    merged: how many boundaries are not told apart from another one.
    """

    stands: tuple[Stand, ...]
    boundaries: tuple[Boundary, ...]
    merged: int

    @classmethod
    def of(cls, controller: Trace, hosts: t.Mapping[str, Trace]) -> Recording:
        """Out of the traces of the controller and of each host. What happens inside of the verbs of a host is taken
        from the first one.

        Raises:
            ValueError: no host was switched, or N was not started and judged there.
        """
        tasks = tasks_of(controller)
        stands = []
        for host, trace in hosts.items():
            switches = [_first(verb) for verb in _verbs(trace, "activate")]
            if switches:
                times = (_after(trace, name) for name in (STARTED, JUDGED, CONFIRMED))
                stands.append(Stand(sum(task.time < min(switches) for task in tasks), host, *times))
        if not stands:
            raise ValueError("no host was switched")
        effects = [
            time
            for trace in (controller, *hosts.values())
            for verb in trace
            for side, _number, time in verb.get("events", ())
            if side == "effect"
        ]
        groups = [_groups(HOST, verb) for verb in _verbs(hosts[min(stands).host])]
        groups += [_groups(CONTROLLER, verb) for verb in _verbs(controller)]
        found = [_chosen(group) for verb in groups for group in verb]
        kept = apart(tasks, effects)
        merged = len(tasks) - len(kept) + sum(len(group) - 1 for verb in groups for group in verb)
        return cls(in_waves(stands), in_order(found + kept), merged)

    @property
    def reference(self) -> Stand:
        """The host whose verbs were looked into."""
        return self.stands[0]


def in_waves(stands: t.Iterable[Stand]) -> tuple[Stand, ...]:
    """The hosts in order, and their waves, which come as any growing numbers, counted from 0."""
    stands = sorted(stands)
    numbers = sorted({stand.wave for stand in stands})
    return tuple(stand._replace(wave=numbers.index(stand.wave)) for stand in stands)


def in_order(found: t.Iterable[Boundary]) -> tuple[Boundary, ...]:
    """Each once, in the order in which they are passed."""
    boundaries = {boundary.id: boundary for boundary in sorted(found, key=lambda b: b.time, reverse=True)}
    return tuple(sorted(boundaries.values(), key=lambda b: b.time))


def tasks_of(controller: Trace) -> list[Boundary]:
    """The boundaries between the tasks of a playbook."""
    return [Boundary(CONTROLLER, entry["boundary"], entry["time"]) for entry in controller if "boundary" in entry]


def read_trace(path: pathlib.Path) -> Trace:
    """The lines that the tracer wrote; none where it wrote none."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _verbs(trace: Trace, name: str = "") -> Trace:
    return [entry for entry in trace if "verb" in entry and entry["events"] and name in ("", entry["verb"])]


def _first(verb: dict[str, t.Any]) -> float:
    return float(verb["events"][0][2])


def _after(trace: Trace, step: str) -> float:
    """When the first step whose name begins so came to its end."""
    for verb in _verbs(trace):
        for side, number, time in verb["events"]:
            name = f"{verb['verb']}/{verb['steps'][str(number)]}"
            if side == "after" and name.startswith(step) and (step != STARTED or name.endswith(".start")):
                return float(time)
    raise ValueError(f"{step} did not happen on the victim")


def _groups(place: str, verb: dict[str, t.Any]) -> list[list[Boundary]]:
    """The boundaries of a verb, together those that have no effect between them."""
    groups: list[list[Boundary]] = [[]]
    for side, number, time in verb["events"]:
        if side == "effect":
            if groups[-1]:
                groups.append([])
        else:
            groups[-1].append(Boundary(place, f"{verb['verb']}/{verb['steps'][str(number)]}/{side}", time))
    return [group for group in groups if group]


def _chosen(group: list[Boundary]) -> Boundary:
    """Of boundaries that are one, that before the step which comes; at the end of a verb, that after the last."""
    return next((boundary for boundary in group if boundary.name.endswith("/before")), group[0])


def apart(tasks: list[Boundary], effects: t.Collection[float]) -> list[Boundary]:
    """The last one of those that have no effect between them: that before the task which has one."""
    kept: list[Boundary] = []
    for boundary in sorted(tasks, key=lambda b: b.time):
        if kept and not any(kept[-1].time < time < boundary.time for time in effects):
            kept.pop()
        kept.append(boundary)
    return kept
