# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal: what was meant and what came of it, in the order in which it happened (private).

One JSON object a line, fsynced before the step that it announces. Events:

    staged       deployment, version, release, profile
    switch       from, to, verb          an intent: the next line but this one says what came of it
    provisional  deployment              switched to and healthy, not yet final
    confirmed    deployment
    reverted     deployment, to, reason  left for ``to``, which is healthy
    failed       deployment, reason      stands where it is and is not healthy
    pruned       deployments

``History`` is a fold over the lines. A line that a crash cut short counts as not written.
"""

from __future__ import annotations

import json
import time
import typing as t

from .._model import outcome
from .._model.errors import BackendError
from .disk import Disk

__all__ = ["History", "Journal", "Switch"]

Event = t.Dict[str, t.Any]


class Switch(t.NamedTuple):
    """An intent to leave one deployment for another; 0 is ``absent``."""

    origin: int
    target: int
    verb: str


class History:
    """What the journal says: status of each deployment, where the instance stands, what is unfinished."""

    def __init__(self, events: t.Iterable[Event] = ()) -> None:
        self.current = 0
        self.status: dict[int, str] = {}
        self.staged: dict[int, Event] = {}
        self.unfinished: Switch | None = None
        self._origin: dict[int, int] = {}
        for event in events:
            getattr(self, "_" + event["event"])(event)

    def previous(self, deployment: int) -> int:
        """The deployment that the instance stood on before this one; 0 where there was none."""
        return self._origin.get(deployment, 0)

    @property
    def state(self) -> str:
        """``absent``, or the status of the current deployment."""
        return self.status.get(self.current, outcome.UNKNOWN) if self.current else "absent"

    def _staged(self, event: Event) -> None:
        self.staged[event["deployment"]] = event
        self.status[event["deployment"]] = outcome.STAGED

    def _switch(self, event: Event) -> None:
        self.unfinished = Switch(event["from"], event["to"], event["verb"])

    def _provisional(self, event: Event) -> None:
        deployment = event["deployment"]
        if self.unfinished and self.unfinished.target == deployment:
            self._origin[deployment] = self.unfinished.origin
        self.current, self.unfinished = deployment, None
        self.status[deployment] = outcome.PROVISIONAL

    def _confirmed(self, event: Event) -> None:
        self.status[event["deployment"]] = outcome.CONFIRMED

    def _reverted(self, event: Event) -> None:
        self.current, self.unfinished = event["to"], None
        self.status[event["deployment"]] = outcome.REVERTED

    def _failed(self, event: Event) -> None:
        self.current, self.unfinished = event["deployment"], None
        self.status[event["deployment"]] = outcome.FAILED

    def _pruned(self, event: Event) -> None:
        for deployment in event["deployments"]:
            self.staged.pop(deployment, None)
            self.status.pop(deployment, None)


class Journal:
    """The ledger file ``journal`` of an instance."""

    def __init__(self, disk: Disk, *, wall: t.Callable[[], float] = time.time) -> None:
        self._disk = disk
        self._wall = wall

    def events(self) -> list[Event]:
        """All events.

        Raises:
            BackendError: a line cannot be read, and not because a crash cut it short (``journal-damaged``).
        """
        lines = (self._disk.read("journal") or b"").split(b"\n")
        events = []
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                events.append(json.loads(line.decode("utf-8")))
            except ValueError:
                if not _cut_short(line):
                    raise BackendError(
                        "journal-damaged",
                        "{}, line {} is not readable".format(self._disk.path("journal"), number),
                        hint="Restore it from a backup; until then the host is not touched.",
                    ) from None
        return events

    def history(self) -> History:
        return History(self.events())

    def write(self, event: str, **values: t.Any) -> None:
        """Append one event, durably. ``at`` (UTC) is for people; nothing is decided by it."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._wall()))
        line = json.dumps(dict(values, event=event, at=at), sort_keys=True)
        self._disk.append(line.encode("utf-8"), "journal")


def _cut_short(line: bytes) -> bool:
    """Whether the line is one that a crash interrupted: it began as ours and has no end."""
    return line.startswith(b"{") and not line.endswith(b"}")
