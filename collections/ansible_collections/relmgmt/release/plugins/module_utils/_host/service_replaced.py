# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The package whose place an instance has taken, as a service (private).

Stopping it for good takes back what it has outside of its directory: its unit, its placements, its guard. Starting it
has them again. Its own journal is marked before anything of it is touched, and cleared when it runs: a crash between is
finished by whoever finishes the switch that this belongs to.
"""

from __future__ import annotations

import typing as t

from .instance import Instance, Tools
from .journal import History
from .lock import locked
from .running import Running

if t.TYPE_CHECKING:
    from .astray import Astray
    from .service import Driver

__all__ = ["ReplacedDriver"]


class ReplacedDriver:
    """See ``service.Driver``. by: the instance that takes its place, whose lock the caller holds."""

    def __init__(self, replaced: Instance, *, by: Instance, tools: Tools) -> None:
        self._instance, self._by, self._tools = replaced, by, tools
        self._running = Running(replaced, tools)

    def require_own(self, adopted: t.Collection[str]) -> None:
        """It has the names that it was started with."""

    def start(self) -> None:
        with self._alone():
            history, driver = self._history(), self._driver()
            self._running.converge(history.current)
            if driver is not None:
                driver.start()
            if history.replaced:
                self._instance.journal.write("resumed")

    def reload(self) -> None:
        """Nobody knows what changed: it is started anew."""
        self.stop()
        self.start()

    def stop(self) -> None:
        driver = self._driver()
        if driver is not None:
            driver.stop()

    def active(self) -> bool:
        driver = self._driver()
        return not self._instance.history().replaced and (driver is None or driver.active())

    def astray(self) -> list[Astray]:
        """Whoever verifies the package itself is told."""
        return []

    def describe(self) -> str:
        driver = self._driver()
        return driver.describe() if driver is not None else f"{self._instance.package} has no service"

    def remove(self) -> None:
        with self._alone():
            if not self._history().replaced:
                self._instance.journal.write("replaced", by=self._by.package)
            driver = self._driver()
            if driver is not None:
                driver.remove()
            self._running.converge(0)
            if self._tools.guard is not None:
                self._tools.guard.dismiss(self._instance)

    def _history(self) -> History:
        """What whoever was killed may have written is made durable first: from here on it is believed."""
        self._instance.disk.sync("journal")
        return self._instance.history()

    def _alone(self) -> t.ContextManager[None]:
        """The instance's lock, so that none of its own verbs is at work. Raises ConflictError (``host-locked``)."""
        return locked(self._instance.disk, clock=self._tools.clock, wait=self._tools.wait)

    def _driver(self) -> Driver | None:
        return self._running.driver(self._instance.history().current)
