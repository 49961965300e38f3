# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs of an instance: which deployment, whether it is healthy, how one takes the place of another (private)."""

from __future__ import annotations

import contextlib

from .._model import outcome
from .._model.errors import InputError, RelmgmtError
from .._model.manifest import RELOAD, RESTART
from .health import Judgement, judge, pulse
from .instance import Instance, Tools
from .log_marks import marked, take_marks
from .service import Driver, driver_of
from .service_action import action

__all__ = ["Running"]


class Running:
    """The link ``current`` and the service behind it. The caller holds the lock, or only asks."""

    def __init__(self, instance: Instance, tools: Tools) -> None:
        self._instance = instance
        self._disk = instance.disk
        self._tools = tools

    def is_on(self, deployment: int) -> bool:
        """Whether the link says so, and the service runs."""
        driver = self.driver(deployment)
        return self.stands() == deployment and (driver is None or driver.active())

    def stands(self) -> int:
        """Where the link really points to; 0 where it leads to no deployment."""
        number = self._disk.target("current").rpartition("/")[2]
        return int(number) if number.isdigit() else 0

    def point(self, deployment: int) -> None:
        """Make it current, by one rename, with its placements; ``place`` tries again what cannot be placed now."""
        if deployment:
            self._disk.point(f"deployments/{deployment}", "current")
        else:
            self._disk.remove("current")
        with contextlib.suppress(RelmgmtError, OSError):
            self.converge(deployment)

    def bring_up(self, deployment: int) -> Judgement:
        """Start what is current, unless it runs; judge. Never raises, as ``move``."""
        try:
            driver = self.driver(deployment)
            if driver is not None:
                driver.start()
            return self.judge(deployment)
        except (RelmgmtError, OSError) as exc:
            return _prevented(exc)

    def move(self, origin: int, target: int, *, insist: bool = False) -> Judgement:
        """Stop, one rename, start, judge; without a stop where what changes asks for none. Never raises: whatever goes
        wrong is the judgement's.

        insist: stop and start it after all where that is not enough.
        """
        try:
            judgement = self._move_running(origin, target)
        except (RelmgmtError, OSError) as exc:
            judgement = _prevented(exc)
        if judgement is not None and (judgement.healthy or judgement.inconclusive or not insist):
            return judgement
        try:
            self.place(origin, target)
        except (RelmgmtError, OSError) as exc:
            return _prevented(exc)
        return self.bring_up(target)

    def _move_running(self, origin: int, target: int) -> Judgement | None:
        """One rename, and a reload if need be, under what runs; None where it has to be stopped."""
        asked = action(self._instance, origin, target)
        driver = self.driver(target) if asked != RESTART else None
        if driver is None or not driver.active():
            return None
        self.point(target)
        self.converge(target)
        if asked == RELOAD:
            driver.reload()
        return self.judge(target)

    def place(self, origin: int, target: int) -> None:
        """Stop, one rename, placements; the service does not run then. Raises RelmgmtError, OSError."""
        self._leave(origin, target)
        take_marks(self._disk, self._instance.runtime(target).probes)
        self.point(target)
        self.converge(target)

    def refresh(self, deployment: int, *, reload: bool) -> Judgement:
        """Put right what can be while it runs: its placements, its start at boot. Never raises, as ``move``."""
        try:
            self.converge(deployment)
            driver = self.driver(deployment)
            if driver is not None and reload:
                driver.reload()
        except (RelmgmtError, OSError) as exc:
            return _prevented(exc)
        return self.bring_up(deployment)

    def converge(self, deployment: int) -> None:
        """See ``Placements.converge``; most packages place nothing."""
        if self._instance.runtime(deployment).placements or self._disk.exists("placements"):
            from .placements import Placements

            Placements(self._instance, self._tools.runner).converge(deployment)

    def judge(self, deployment: int) -> Judgement:
        """Whether it becomes, or is, healthy: over the time that it declares."""
        try:
            return judge(
                marked(self._disk, self._instance.runtime(deployment)),
                driver=self.driver(deployment),
                runner=self._tools.runner,
                clock=self._tools.clock,
                wait=self._tools.wait,
            )
        except RelmgmtError as exc:
            return _prevented(exc)

    def judge_again(self, deployment: int, *, runs: bool) -> Judgement:
        """Whether what is current is healthy; it is started if it does not run."""
        return self.judge(deployment) if runs else self.move(deployment, deployment)

    def pulse(self, deployment: int) -> Judgement:
        """Whether it is healthy at this moment: each probe asked once, no smoke test."""
        try:
            return pulse(
                marked(self._disk, self._instance.runtime(deployment)),
                driver=self.driver(deployment),
                runner=self._tools.runner,
                clock=self._tools.clock,
            )
        except RelmgmtError as exc:
            return _prevented(exc)

    def driver(self, deployment: int) -> Driver | None:
        """What runs the deployment; None where it has no service. Raises InputError, BackendError."""
        return driver_of(self._instance, deployment, self._tools)

    def _leave(self, origin: int, target: int) -> None:
        """Stop what runs; undo what its driver installed unless the next deployment is run in the same way."""
        try:
            driver = self.driver(origin)
        except InputError:
            return  # what cannot be opened was never started
        if driver is None:
            return
        before, after = self._instance.runtime(origin).service, self._instance.runtime(target).service
        same = before and after and (before.driver, before.unit) == (after.driver, after.unit)
        if same or origin == target:
            driver.stop()
        else:
            driver.remove()


def _prevented(exc: RelmgmtError | OSError) -> Judgement:
    """No probe was asked. A release that cannot be started as it declares, or does not start, is to blame; whatever
    else went wrong did so on the host."""
    blamed = ("placement-failed", "service-start-failed", "service-reload-failed")
    by_release = isinstance(exc, InputError) or getattr(exc, "code", "") in blamed
    cause = outcome.RELEASE if by_release else outcome.HOST
    return Judgement(healthy=False, reason=str(exc), results=(), seconds=0.0, cause=cause)
