# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a deployment is healthy: its service runs and its probes stay green (private)."""

from __future__ import annotations

import typing as t

from .._model import outcome
from .._model.probe import Probe
from .._model.record import record, replace
from .._model.runtime import Runtime
from .probe import Result, ask, check
from .process import Runner
from .service import Driver

__all__ = ["Judgement", "judge", "pulse"]

_MIN_INTERVAL = 0.05
_MAX_FALLS = 3
Clock = t.Callable[[], float]


@record(frozen=True)
class Judgement:
    """healthy, or the reason why not. ``results``: the last answer of each probe, then the smoke tests.

    inconclusive: not healthy, but only because probes could not be asked: nothing is known against the deployment.
    cause: what speaks through it where it is not healthy, the release or the host (see ``outcome.CAUSES``).
    """

    healthy: bool
    reason: str
    results: tuple[Result, ...]
    seconds: float
    inconclusive: bool = False
    cause: str = outcome.RELEASE

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wanted and not healthy; it decides nothing."""
        return tuple(
            f"{result.name}: {result.reason}"
            for result in self.results
            if result.level == "wanted" and not result.healthy
        )

    def to_dict(self) -> dict[str, t.Any]:
        return {
            "healthy": self.healthy,
            "reason": self.reason,
            "results": [result.to_dict() for result in self.results],
            "warnings": list(self.warnings),
            "seconds": self.seconds,
        }


def judge(
    runtime: Runtime, *, driver: Driver | None, runner: Runner, clock: Clock, wait: t.Callable[[float], None]
) -> Judgement:
    """Ask until the required probes were green for ``min_healthy_time`` in a row, then run the smoke tests once.

    Probes and smoke tests run as the service's user where they name none. ``clock``: seconds that go on while the
    machine sleeps; ``wait``: sleeps.

    Raises:
        InputError: a probe can never be asked; said before anything is asked.
        BackendError: the service manager does not answer.
    """
    return _Trial(runtime, driver, runner, clock).judge(wait)


def pulse(runtime: Runtime, *, driver: Driver | None, runner: Runner, clock: Clock) -> Judgement:
    """Ask each probe once. Raises as ``judge``."""
    return _Trial(runtime, driver, runner, clock).pulse()


class _Trial:
    def __init__(self, runtime: Runtime, driver: Driver | None, runner: Runner, clock: Clock) -> None:
        self._driver, self._runner, self._clock = driver, runner, clock
        self._health, self._began = runtime.health, clock()
        self._deadline = self._began + runtime.health.healthy_deadline
        user = runtime.service.user if runtime.service else ""
        self._probes = [_as_user(probe, user) for probe in runtime.probes]
        self._smoke = [_as_user(probe, user) for probe in runtime.smoke]
        self._results: list[Result] = []
        for probe in self._probes + self._smoke:
            check(probe)

    def judge(self, wait: t.Callable[[float], None]) -> Judgement:
        problem = self._settle(wait) or self._service_problem() or self._smoke_problem() or self._service_problem()
        return self._judgement(problem)

    def pulse(self) -> Judgement:
        problem = self._service_problem()
        red = [] if problem else self._ask_all()
        return self._judgement(problem or (_why(red[0]) if red else ""))

    def _judgement(self, problem: str) -> Judgement:
        seconds = round(self._clock() - self._began, 3)
        red = [result for result in self._results if result.level == "required" and not result.healthy]
        unknown = bool(red) and not any(result.asked for result in red) and not self._service_problem()
        return Judgement(not problem, problem or "healthy", tuple(self._results), seconds, bool(problem) and unknown)

    def _settle(self, wait: t.Callable[[float], None]) -> str:
        """Wait until all has been green for long enough; the reason if that does not come to be."""
        needed = self._health.min_healthy_time if self._driver or self._required(self._probes) else 0.0
        since: float | None = None
        falls = 0
        while True:
            problem = self._service_problem()
            if problem:
                return problem
            red = self._ask_all()
            now = self._clock()
            falls += bool(red) and since is not None
            if falls >= _MAX_FALLS:
                return f"it flaps: {falls} times green and then not; the last time {_why(red[0])}"
            since = None if red else now if since is None else since
            missing = needed if since is None else needed - (now - since)
            if since is not None and missing <= 0 and now <= self._deadline:
                return ""
            if now + missing > self._deadline:
                return self._too_late(red)
            pause = max(self._health.interval, _MIN_INTERVAL)
            wait(pause if since is None else min(pause, missing))

    def _ask_all(self) -> list[Result]:
        """Ask every probe once, none beyond the deadline; the required ones that are not green."""
        self._results = []
        for probe in self._probes:
            left = max(self._deadline - self._clock(), _MIN_INTERVAL)
            probe = replace(probe, timeout=min(probe.timeout, left))
            self._results.append(ask(probe, runner=self._runner, clock=self._clock))
        return [result for result in self._results if result.level == "required" and not result.healthy]

    def _too_late(self, red: t.Sequence[Result]) -> str:
        health = self._health
        late = f"all is green now, but too late to stay so for {health.min_healthy_time:g} s"
        why = _why(red[0]) if red else late
        return f"not healthy within {health.healthy_deadline:g} s: {why}"

    def _smoke_problem(self) -> str:
        """Run each smoke test once, up to the first that is required and fails."""
        for probe in self._smoke:
            result = ask(probe, runner=self._runner, clock=self._clock)
            self._results.append(result)
            if not result.healthy and result.level == "required":
                return f"smoke test {result.name} failed: {result.reason}"
        return ""

    def _service_problem(self) -> str:
        if self._driver is None or self._driver.active():
            return ""
        return f"the service does not stay up: {self._driver.describe()}"

    @staticmethod
    def _required(probes: t.Iterable[Probe]) -> bool:
        return any(probe.level == "required" for probe in probes)


def _why(red: Result) -> str:
    return f"probe {red.name} {'is red: ' if red.asked else ''}{red.reason}"


def _as_user(probe: Probe, user: str) -> Probe:
    return replace(probe, user=user) if probe.kind == "command" and not probe.user else probe
