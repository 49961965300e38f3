# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One cell, carried out: roll out, strike at the boundary, wait, look, end the fault, look, run again, look."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import time
import typing as t

from tests.testbed import BedError, wait_for

from . import injection
from .application import BEFORE
from .boundaries import HOST
from .cells import FAULTS, Cell
from .controller import Run
from .fleet import Fleet
from .observer import BUSY, SAFE, UNSAFE, States, seconds_to_safe, unsafe

__all__ = ["PHASES", "Outcome", "WAIT", "carry_out"]

PHASES = ("wait", "return", "again", "back")
WAIT = 20.0  # seconds that a fleet is given, before anybody does anything: confirm_timeout and a way back
RETURN = 30.0  # seconds that a host is given when power, network, life or space have returned
ROOT, PLAIN = "root", "faults"
ATTEMPTS = 3


class FaultError(Exception):
    """A cell could not be carried out as it is meant."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a cell. Phases: ``wait``, ``return``, ``again`` and, where N appended to its own file, ``back``.

    phases: phase to host to state. seconds: host to seconds from the strike until it was safe, as it then was found to
    be in one of the phases; None if it never was. codes: exit codes of the playbooks by phase; None for one that
    had to be killed. error: why the cell could not be carried out, else empty.
    """

    cell: str
    victim: str
    phases: dict[str, States]
    seconds: dict[str, float | None]
    codes: dict[str, int | None]
    duration: float
    error: str = ""

    def to_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


def carry_out(cell: Cell, fleet: Fleet, logs: pathlib.Path) -> Outcome:
    """Carry the cell out on the fleet; never raises for what goes wrong in it, but reports it."""
    began = time.monotonic()
    trial = _Trial(cell, fleet, logs / cell.id.replace("/", "_").replace(" ", "_"))
    error = ""
    try:
        trial.run()
    except Exception as exc:  # a cell must not take the sweep with it: whatever it was, it is reported as an error
        error = f"{type(exc).__name__}: {exc}"
    try:
        trial.clean()
    except Exception as exc:
        error = error or f"the fault does not end: {type(exc).__name__}: {exc}"
    duration = round(time.monotonic() - began, 1)
    return Outcome(cell.id, fleet.victim.name, trial.phases, trial.seconds, trial.codes, duration, error)


class _Trial:
    def __init__(self, cell: Cell, fleet: Fleet, log: pathlib.Path) -> None:
        self._cell, self._fleet, self._log = cell, fleet, log
        self._victim, self._kind = fleet.victim, FAULTS[cell.fault]
        self._user = ROOT if cell.fault == "appends-to-own-file" else PLAIN
        self._runs: list[Run] = []
        self._ended, self._struck = True, 0.0
        self.phases: dict[str, States] = {}
        self.seconds: dict[str, float | None] = {}
        self.codes: dict[str, int | None] = {}

    def run(self) -> None:
        fleet = self._fleet
        fleet.restore(self._user)
        fleet.observer.own_bytes = self._user != ROOT
        wait_for("N-1 on every host", lambda: set(fleet.observer.look().values()) == {SAFE[1]})
        place = fleet.arm(self._cell.boundary)
        with fleet.observer:
            first = self._start("first")
            wait_for(
                f"the boundary {self._cell.boundary.id}",
                lambda: (place / "reached").exists() or first.code is not None,
                seconds=180,
            )
            if not (place / "reached").exists():
                raise FaultError(f"the rollout ended with {first.code} without passing the boundary")
            self._strike(place, first)
            self._wait_out(first)
            self._return(first)
            self._again()
        if self._user == ROOT:
            self._back()

    def clean(self) -> None:
        """Leave hosts that run and a controller that does not."""
        for run in self._runs:
            if run.code is None:
                run.kill()
        if not self._ended:
            injection.end(self._cell.fault, self._victim)

    def _start(self, phase: str) -> Run:
        run = self._fleet.roll_out(self._path(phase), user=self._user)
        self._runs.append(run)
        return run

    def _path(self, phase: str) -> pathlib.Path:
        return self._log.with_name(f"{self._log.name}.{phase}.log")

    def _strike(self, place: pathlib.Path, run: Run) -> None:
        """Strike while the product is held, then let it go on."""
        observer, host = self._fleet.observer, self._victim.name
        if self._kind.deadly:
            observer.dead = frozenset([host])
        self._ended = self._kind.of_release
        self._struck = time.monotonic()
        injection.strike(self._cell.fault, self._victim, run, running=lambda: observer.answers(host))
        if self._cell.boundary.place != HOST or self._victim.up:
            injection.release(place)

    def _wait_out(self, first: Run) -> None:
        wait_for("the end of the wait", lambda: time.monotonic() >= self._struck + WAIT)
        going_on, states = first.code is None, self._look()
        self._found("wait", {h: s.replace(UNSAFE, BUSY) if going_on else s for h, s in states.items()})

    def _return(self, first: Run) -> None:
        """End the fault, let the first run come to its end, and look at what was dead."""
        if not self._kind.of_release:
            injection.end(self._cell.fault, self._victim)
        self._ended = True
        observer = self._fleet.observer
        observer.dead = frozenset()
        self.codes["first"] = first.wait()
        with contextlib.suppress(BedError):
            wait_for("safety", lambda: not unsafe(observer.look()), seconds=RETURN)
        self._found("return", self._look())

    def _again(self) -> None:
        self.codes["again"] = self._start("again").wait()
        self._found("again", self._look())

    def _back(self) -> None:
        """N-1 has to come back with every byte."""
        run = self._fleet.roll_back(self._path("back"), BEFORE, user=self._user)
        self._runs.append(run)
        self.codes["back"] = run.wait()
        self.phases["back"] = self._look()
        spoiled = {host: f"unsafe: went back, and is {s}" for host, s in self.phases["back"].items() if s == SAFE[0]}
        self.phases["back"].update(spoiled)

    def _found(self, phase: str, states: States) -> None:
        """Keep the states, and how long those hosts took that are safe for the first time."""
        self.phases[phase] = states
        samples = self._fleet.observer.samples
        for host in states:
            if self.seconds.get(host) is None:
                self.seconds[host] = seconds_to_safe(samples, host, self._struck)

    def _look(self) -> States:
        """A slow answer on a busy machine is asked for again; a wrong one stays wrong."""
        states = self._fleet.observer.look()
        for _attempt in range(ATTEMPTS):
            if unsafe(states):
                states = self._fleet.observer.look()
        return states
