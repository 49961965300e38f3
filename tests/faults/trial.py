# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One trial, carried out: roll out, strike each victim at its boundary, wait, look, end the fault, run again, look."""

from __future__ import annotations

import concurrent.futures
import contextlib
import pathlib
import threading
import time
import typing as t

from tests.testbed import BedError, Host, wait_for

from . import injection
from .application import FLAGS
from .boundaries import CONTROLLER
from .cells import Cell
from .controller import LIMIT, Run
from .fleet import PLAIN, ROOT, Fleet
from .observer import BUSY, SAFE, UNSAFE, States, seconds_to_safe, unsafe
from .outcome import NOT_PASSED, Outcome
from .packing import Trial

__all__ = ["RETURN", "carry_out"]

RETURN = 30.0  # seconds that a host is given when power, network, life or space have returned
ATTEMPTS = 3
PAUSE = 0.05
_EVIDENCE = """
cd /srv/relmgmt/*/*/main 2>/dev/null || cd /srv/faults || exit 0
tail -n 60 journal 2>/dev/null
ls -la . deployments 2>&1
systemctl status --no-pager --full faults.service 'relmgmt-*' 2>&1
journalctl --no-pager -n 80 2>&1
"""


def carry_out(trial: Trial, fleet: Fleet, logs: pathlib.Path) -> Outcome:
    """Carry the trial out on the fleet; never raises for what goes wrong in it, but reports it."""
    began = time.monotonic()
    at_work = _AtWork(trial, fleet, logs / trial.id.replace("/", "_").replace(" ", "_"))
    error = ""
    try:
        at_work.run()
    except Exception as exc:  # a trial must not take the sweep with it: whatever it was, it is reported as an error
        error = f"{type(exc).__name__}: {exc}"
    try:
        at_work.clean()
    except Exception as exc:
        error = error or f"a fault does not end: {type(exc).__name__}: {exc}"
    failed = {cell.id: error or at_work.failed.get(cell, "") for cell in trial.cells}
    return Outcome(
        product=fleet.product.name,
        strategy=trial.strategy,
        cells={cell.id: host.name if host is not None else "" for cell, host in at_work.victims.items()},
        errors={cell: why for cell, why in failed.items() if why},
        phases=at_work.phases,
        seconds=at_work.seconds,
        codes=at_work.codes,
        duration=round(time.monotonic() - began, 1),
    )


class _AtWork:
    def __init__(self, trial: Trial, fleet: Fleet, log: pathlib.Path) -> None:
        self._trial, self._fleet, self._log = trial, fleet, log
        self.victims = {
            cell: None if rank is None else fleet.victim(trial.strategy, rank) for cell, rank in trial.victims.items()
        }
        self._user = ROOT if trial.as_root else PLAIN
        self._runs: list[Run] = []
        self._lock = threading.Lock()
        self._struck: dict[str, float] = {}  # by host
        self._lasting: dict[Cell, Host] = {}  # faults that have to be ended
        self.phases: dict[str, States] = {"wait": {}}
        self.seconds: dict[str, float | None] = {}
        self.codes: dict[str, int | None] = {}
        self.failed: dict[Cell, str] = {}

    def run(self) -> None:
        fleet = self._fleet
        fleet.restore(self._user)
        fleet.observer.own_bytes = self._user != ROOT
        holds = self._arm()
        with fleet.observer:
            first = self._start("first")
            with concurrent.futures.ThreadPoolExecutor(len(holds)) as pool:
                if self._trial.kills:
                    self._kill(first, holds)
                else:
                    for struck in self._strike_all(first, holds, pool):
                        struck.result()
            if not self._struck:
                return
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
        for cell, victim in list(self._lasting.items()):
            self._end(cell, victim)

    # --- striking -----------------------------------------------------------------------------------------------------

    def _arm(self) -> dict[tuple[pathlib.Path, int], list[Cell]]:
        """Have the tracers stop at the boundaries: where each says so, as which number, and who is struck then."""
        holds: dict[tuple[pathlib.Path, int], list[Cell]] = {}
        lines: list[str] = []
        for cell, victim in self.victims.items():
            if cell.boundary.place == CONTROLLER:
                if cell.boundary.name not in lines:
                    lines.append(cell.boundary.name)
                holds.setdefault((self._fleet.controller.trace, lines.index(cell.boundary.name)), []).append(cell)
            elif victim is not None:
                place = victim.path(FLAGS)
                (place / "armed").write_text(cell.boundary.name)
                holds[(place, 0)] = [cell]
        (self._fleet.controller.trace / "armed").write_text("\n".join(lines))
        return holds

    def _strike_all(
        self, first: Run, holds: t.Mapping[tuple[pathlib.Path, int], list[Cell]], pool: concurrent.futures.Executor
    ) -> list[concurrent.futures.Future[None]]:
        """Strike everywhere as soon as it is held, until all were or the run has ended."""
        waiting, at_work = dict(holds), []
        end = time.monotonic() + LIMIT
        while waiting:
            if time.monotonic() > end:
                first.kill()
            ended = first.code is not None
            for hold in [hold for hold in waiting if _reached(*hold)]:
                at_work.append(pool.submit(self._strike, first, hold, waiting.pop(hold)))
            if ended:
                break
            time.sleep(PAUSE)
        self._not_passed(waiting, first)
        return at_work

    def _strike(self, first: Run, hold: tuple[pathlib.Path, int], cells: list[Cell]) -> None:
        """Do what is to happen at the boundary, let the product go on, and see what becomes of the victims."""
        try:
            with concurrent.futures.ThreadPoolExecutor(len(cells)) as pool:
                list(pool.map(lambda cell: self._strike_one(first, cell), cells))
        finally:
            injection.release(*hold)
        with concurrent.futures.ThreadPoolExecutor(len(cells)) as pool:
            list(pool.map(lambda cell: self._outlast(first, cell), cells))

    def _strike_one(self, first: Run, cell: Cell) -> None:
        victim = self._victim(cell)
        observer = self._fleet.observer
        self._struck[victim.name] = time.monotonic()
        if not cell.kind.of_release:
            self._lasting[cell] = victim
        if cell.kind.deadly:
            observer.dead.add(victim.name)
        try:
            injection.strike(cell.fault, victim, first, running=lambda: observer.answers(victim.name))
        except BedError as exc:
            self.failed[cell] = f"the fault could not be done: {exc}"

    def _outlast(self, first: Run, cell: Cell) -> None:
        """Leave the victim alone, look at it, and end the fault."""
        victim = self._victim(cell)
        self._wait_for(victim.name, first)
        if cell in self._lasting:
            self._end(cell, victim)
            self._fleet.observer.dead.discard(victim.name)

    def _kill(self, first: Run, holds: t.Mapping[tuple[pathlib.Path, int], list[Cell]]) -> None:
        """The controller dies when all that are to be held are."""
        with contextlib.suppress(BedError):
            wait_for(
                "the boundaries", lambda: first.code is not None or all(_reached(*hold) for hold in holds), seconds=90
            )
        held = {hold: cells for hold, cells in holds.items() if _reached(*hold)}
        self._not_passed({hold: cells for hold, cells in holds.items() if hold not in held}, first)
        if held and first.code is None:
            self._struck.update(dict.fromkeys(self._fleet.hosts, time.monotonic()))
            first.kill()
        elif held:
            self._not_passed(held, first)
        for hold in held:
            injection.release(*hold)

    def _not_passed(self, holds: t.Mapping[tuple[pathlib.Path, int], list[Cell]], first: Run) -> None:
        for cells in holds.values():
            for cell in cells:
                self.failed[cell] = f"{NOT_PASSED}: the rollout ended with {first.code}"

    def _victim(self, cell: Cell) -> Host:
        victim = self.victims[cell]
        assert victim is not None, "only a killed controller has no victim"
        return victim

    def _end(self, cell: Cell, victim: Host) -> None:
        injection.end(cell.fault, victim)
        self._lasting.pop(cell, None)

    # --- looking ------------------------------------------------------------------------------------------------------

    def _wait_for(self, host: str, first: Run) -> None:
        """The state of a host so long after it was struck."""
        wait = self._fleet.patience.wait
        wait_for("the end of the wait", lambda: time.monotonic() >= self._struck[host] + wait, seconds=wait + 60)
        going_on, state = first.code is None, self._look_at(host)
        self.phases["wait"][host] = state.replace(UNSAFE, BUSY) if going_on else state

    def _wait_out(self, first: Run) -> None:
        """The same for the hosts that nothing befell, as if it had been with the last one that something did."""
        last, began = max(self._struck.values()), min(self._struck.values())
        rest = [host for host in self._fleet.hosts if host not in self.phases["wait"]]
        for host in rest:
            self._struck[host] = last
        with concurrent.futures.ThreadPoolExecutor(max(1, len(rest))) as pool:
            list(pool.map(lambda host: self._wait_for(host, first), rest))
        for host in rest:
            self._struck[host] = began

    def _return(self, first: Run) -> None:
        """Let the first run come to its end, and look at what was dead or busy."""
        self.codes["first"] = first.wait()
        with contextlib.suppress(BedError):
            wait_for("safety", lambda: not unsafe(self._fleet.observer.look()), seconds=RETURN)
        self._found("return")

    def _again(self) -> None:
        self.codes["again"] = self._start("again").wait()
        self._found("again")

    def _back(self) -> None:
        """N-1 has to come back with every byte."""
        run = self._fleet.roll_back(self._path("back"), user=self._user)
        self._runs.append(run)
        self.codes["back"] = run.wait()
        self._found("back")
        back = self.phases["back"]
        back.update({host: f"unsafe: went back, and is {state}" for host, state in back.items() if state == SAFE[0]})

    def _found(self, phase: str) -> None:
        """Keep the states, and how long those hosts took that are safe for the first time."""
        observer = self._fleet.observer
        with concurrent.futures.ThreadPoolExecutor(len(self._fleet.hosts)) as pool:
            states = dict(zip(self._fleet.hosts, pool.map(self._look_at, self._fleet.hosts), strict=True))
        self.phases[phase] = states
        for host in states:
            if self.seconds.get(host) is None:
                self.seconds[host] = seconds_to_safe(list(observer.samples[host]), self._struck[host])
        for host in unsafe(states):
            said = self._fleet.hosts[host].run("sh", "-c", _EVIDENCE, check=False).stdout
            self._path(f"{phase}-{host}").write_text(f"{states[host]}\n{said}")

    def _look_at(self, host: str) -> str:
        """A slow answer on a busy machine is asked for again; a wrong one stays wrong."""
        state = self._fleet.observer.look_at(host)
        for _attempt in range(ATTEMPTS):
            if state.startswith(UNSAFE):
                state = self._fleet.observer.look_at(host)
        return state

    def _start(self, phase: str) -> Run:
        run = self._fleet.roll_out(self._path(phase), strategy=self._trial.strategy, user=self._user)
        self._runs.append(run)
        return run

    def _path(self, phase: str) -> pathlib.Path:
        self._log.mkdir(parents=True, exist_ok=True)
        return self._log / phase


def _reached(place: pathlib.Path, number: int) -> bool:
    return (place / f"reached.{number}").exists()
