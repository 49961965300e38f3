# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The instance's part in traffic, which follows its journal (private).

A host is in traffic while it stands on a deployment that is final and not sick. The journal is written first, so a
crash between the two leaves a debt that the journal names (``serve``) until it is paid (``serving``). A deployment that
declares no traffic has no part in this: nothing is asked, written or waited for.
"""

from __future__ import annotations

import pathlib
import typing as t

from .._model.errors import RelmgmtError
from .instance import Instance, Tools
from .journal import History
from .traffic import TrafficDriver, open_traffic

__all__ = ["IN", "OUT", "Serving"]

IN, OUT = "in", "out"


class Serving:
    """Whether requests are sent to the instance. The caller holds the lock, or only asks."""

    def __init__(self, instance: Instance, tools: Tools) -> None:
        self._instance = instance
        self._tools = tools

    def state(self, deployment: int) -> str | None:
        """``in`` or ``out``, as the deployment declares traffic; None where it declares none.

        Raises:
            RelmgmtError: the deployment is damaged, or its driver cannot be opened.
        """
        driver = self._driver(deployment)
        return None if driver is None else IN if driver.inside() else OUT

    def astray(self, history: History) -> bool:
        """Whether somebody moved the host into or out of traffic behind the journal's back. Raises as ``state``."""
        found = self.state(history.current)
        return found is not None and (found == IN) != history.serves

    def preview(self, deployment: int) -> str:
        """What leaving the deployment means for those who wait for it. Raises as ``state``."""
        seconds = self._drain_time(deployment)
        return f"drains for {seconds:g} s" if seconds else ""

    def _drain_time(self, *deployments: int) -> float:
        """Seconds that leaving traffic takes; 0 where the host is out of it."""
        times = [0.0]
        for deployment in deployments:
            traffic = self._instance.runtime(deployment).traffic
            if traffic is not None and self.state(deployment) == IN:
                times.append(traffic.drain_time)
        return max(times)

    def drain(self, *deployments: int) -> None:
        """Leave traffic as each of the deployments declares it, and wait until that is known and requests have ended.

        Raises:
            RelmgmtError, OSError: the host cannot leave traffic.
        """
        seconds = self._drain_time(*deployments)
        drivers = [driver for driver in map(self._driver, deployments) if driver is not None]
        for driver in drivers:
            driver.leave()
        if seconds:
            self._tools.wait(seconds)
        for driver in drivers:
            driver.close()

    def record(self, event: str, **values: t.Any) -> str:
        """Write into the journal what came of something, then go into or out of traffic as it says.

        Returns what stood in the way of the latter, empty if nothing did; a debt that is left is paid by the next verb.
        """
        journal = self._instance.journal
        after = History([*journal.events(), dict(values, event=event)])
        try:
            driver = self._driver(after.current)
        except RelmgmtError as exc:
            journal.write(event, **values)
            return f"the traffic of deployment {after.current} cannot be told: {exc}"
        if driver is None:
            journal.write(event, **values)
            return ""
        journal.write(event, **dict(values, **({"serve": True} if after.serves else {})))
        return self._follow(after.current, driver, into=after.serves)

    def resume(self, history: History) -> bool:
        """Pay the debt that a crash left; whether the host has gone into traffic by it. Raises as ``state``."""
        driver = self._driver(history.current)
        if driver is None:
            return False
        outside = not driver.inside()
        return not self._follow(history.current, driver, into=True) and outside

    def stay_out(self, history: History) -> bool:
        """See that the host is out of traffic, durably, unless it belongs there; whether it was in it. Raises as
        ``drain``."""
        driver = None if history.serves else self._driver(history.current)
        if driver is None:
            return False
        inside = driver.inside()
        driver.leave()
        driver.close()
        return inside

    def _follow(self, deployment: int, driver: TrafficDriver, *, into: bool) -> str:
        try:
            (driver.enter if into else driver.leave)()
        except (RelmgmtError, OSError) as exc:
            return f"deployment {deployment} cannot go {'into' if into else 'out of'} traffic: {exc}"
        if into:
            self._instance.journal.write("serving", deployment=deployment)
        return ""

    def _driver(self, deployment: int) -> TrafficDriver | None:
        traffic = self._instance.runtime(deployment).traffic
        if traffic is None:
            return None
        return open_traffic(traffic, instance=self._home(deployment), runner=self._tools.runner)

    def _home(self, deployment: int) -> pathlib.Path:
        """Whose own file, and whose port, is meant: of deployment 0 those of the package that it is."""
        from .adoption import adoption_of

        adoption = None if deployment else adoption_of(self._instance)
        replaced = adoption.replaced if adoption is not None else None
        return (replaced or self._instance).path
