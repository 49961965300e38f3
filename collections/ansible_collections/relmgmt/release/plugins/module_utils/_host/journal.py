# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal: what was meant and what came of it, in the order in which it happened (private).

One JSON object a line, fsynced before the step that it announces. Events:

    staged       deployment, version, release, profile; companions, where there are any (see there): held → profile
    adopted      record                       what deployment 0 is from now on; empty: ``absent``
    replaces     record, package              the same: deployment 0 is that package, which runs here
    replaced     by                           that package has taken the place of this one: nothing of it is to run
    resumed                                   it has given it back
    switch       from, to, verb, reason       an intent (activate, revert, return); what came of it follows
    rebooting    deployment, deadline,        all of the switch is done but the boot by which it takes effect, and that
                 confirm_timeout              is given up then
    booted       deployment, deadline         that boot came; until then what was activated may stay provisional
    provisional  deployment, deadline         switched to and healthy, not yet final
    held         deployment, deadline, reason it may stay provisional until then
    confirmed    deployment, reason
    reverted     deployment, to, reason       left for ``to``, which is healthy; cause: where a failure was the reason
    returned     deployment, reason           a revert led to something sick; back on what was left, which is healthy
    failed       deployment, stands, reason   neither is healthy; the instance stands on ``stands``; cause
    healthy      deployment                   stands there and is well: after ``failed``, or found out of traffic
    serving      deployment                   in traffic
    pruned       deployments
    frozen       deployment, reason           no way leads behind it any more
    thawed       reason                       ways lead everywhere again
    resealing    deployment, profiles         what it proves: from now on these held ones have these profiles
    resealed     deployment, deployments      and lie under their own names with them
    migrating    deployment, database, from, to, direction   a step is about to be taken; for people, like the next
    migrated     deployment, database, version, reason       what the database said after it

``confirmed``, ``reverted``, ``returned`` and ``healthy`` carry ``serve`` where they are meant to lead into traffic;
``serving`` follows when they have.

``History`` is a fold over the lines. What follows the last end of line was cut short by a crash and counts as not
written.
"""

from __future__ import annotations

import json
import time
import typing as t

from .._model import outcome
from .._model.errors import BackendError
from .deadline import Deadline
from .disk import Disk

__all__ = ["Event", "History", "Journal", "Reboot", "Switch"]

Event = t.Dict[str, t.Any]


class Switch(t.NamedTuple):
    """An intent to leave one deployment for another; 0 is ``absent``."""

    origin: int
    target: int
    verb: str
    reason: str = ""


class Reboot(t.NamedTuple):
    """The boot by which an unfinished switch takes effect. came: whether it did. deadline: its boot is the one to be
    left, or the one that came. confirm_timeout: see ``Switching.activate``."""

    came: bool
    deadline: Deadline
    confirm_timeout: float | None = None


class History:
    """What the journal says: status of each deployment, which were ever confirmed (proven), where the instance stands,
    whether it is sick there, by which event each one was left that was (left), what is unfinished, the boot that this
    takes (reboot), which took effect by one (booted), whether it still has to go into traffic (owed), until when it may
    stay provisional (deadline), behind which deployment no way leads (frozen; 0: none), and why; the record of what
    deployment 0 is (adopted; empty: ``absent``), the package that it is (replaces; empty: none), and the package that
    has taken the place of this one (replaced; empty: none); which held ones each would re-seal, with which profile
    (companions); by which that has begun and is not finished, and which they are (resealing)."""

    def __init__(self, events: t.Iterable[Event] = ()) -> None:
        self.current = 0
        self.sick = False
        self.status: dict[int, str] = {}
        self.proven: set[int] = set()
        self.staged: dict[int, Event] = {}
        self.left: dict[int, Event] = {}
        self.unfinished: Switch | None = None
        self.reboot: Reboot | None = None
        self.booted: set[int] = set()
        self.owed = False
        self.deadline: Deadline | None = None
        self.frozen = 0
        self.frozen_why = ""
        self.adopted = ""
        self.replaces = ""
        self.replaced = ""
        self.companions: dict[int, dict[int, str]] = {}
        self.resealing: tuple[int, tuple[int, ...]] | None = None
        self._origin: dict[int, int] = {}
        for event in events:
            fold = getattr(self, "_" + event["event"], None)
            if fold is None:
                what = event["event"]
                raise BackendError(
                    "journal-newer",
                    f"the journal holds {what!r}, which this engine does not know: a newer one wrote it",
                    hint="Ask that one: bin/relmgmt-host below the root.",
                )
            fold(event)

    def previous(self, deployment: int) -> int:
        """The deployment that the instance stood on before this one; 0 where there was none, or it was pruned."""
        return self._origin.get(deployment, 0)

    def barred(self, deployment: int) -> bool:
        """Whether the instance must not go there: it lies behind a point of no return."""
        return deployment < self.frozen

    @property
    def no_return(self) -> bool:
        """Whether what the instance stands on cannot be left for what was there before it."""
        return not self.barred(self.current) and self.barred(self.previous(self.current))

    @property
    def state(self) -> str:
        """``absent``, ``adopted``, ``replaced``, ``failed``, or the status of the current deployment."""
        if self.replaced:
            return outcome.REPLACED
        if self.sick:
            return outcome.FAILED
        if not self.current:
            return outcome.ADOPTED if self.adopted else outcome.ABSENT
        return self.status.get(self.current, outcome.UNKNOWN)

    @property
    def standing(self) -> str:
        """The status of what is current, whether it is sick or not. What was adopted is final."""
        return self.status.get(self.current, outcome.UNKNOWN if self.current or not self.adopted else outcome.CONFIRMED)

    @property
    def empty(self) -> bool:
        """Whether nothing runs here that anybody knows of."""
        return not (self.current or self.adopted)

    @property
    def provisional(self) -> bool:
        """Whether the instance stands on a deployment that is not yet final."""
        return self.status.get(self.current) == outcome.PROVISIONAL

    @property
    def settled(self) -> bool:
        """Whether nothing is in flight: what stands is final, well, and in traffic."""
        return not (self.interrupted or self.provisional or self.sick)

    @property
    def interrupted(self) -> bool:
        """Whether a crash left something half done."""
        return self.unfinished is not None or self.owed or self.resealing is not None or self.companions_due

    @property
    def companions_due(self) -> bool:
        """Whether what stands is final, and held deployments wait to be re-sealed with its secrets."""
        final = self.current in self.proven and not self.provisional and self.unfinished is None
        return final and self.current in self.companions

    def may_be_resealed(self, deployment: int, *, by: int) -> bool:
        """Whether it is held, was confirmed, does not run, and has no newer secrets already."""
        event = self.staged.get(deployment)
        return event is not None and deployment in self.proven - {by} and event.get("resealed", 0) < by

    @property
    def serves(self) -> bool:
        """Whether the instance belongs in traffic: it stands on a deployment that is final and not sick, or on a
        package that it has not taken the place of, or has given it back."""
        final = self.current in self.proven if self.current else bool(self.replaces)
        return final and not (self.provisional or self.sick or self.replaced) and self.unfinished is None

    def _stand(self, deployment: int, event: Event, *, sick: bool = False) -> None:
        self.current, self.sick, self.unfinished, self.deadline = deployment, sick, None, None
        self.reboot = None
        self.owed = bool(event.get("serve"))
        if not sick and self.status.get(deployment) == outcome.FAILED:
            self.proven.add(deployment)  # it had no way back, and is well now
        if deployment in self.proven:
            self.status[deployment] = outcome.CONFIRMED

    def _staged(self, event: Event) -> None:
        self.staged[event["deployment"]] = event
        self.status[event["deployment"]] = outcome.STAGED
        companions = {int(number): profile for number, profile in event.get("companions", {}).items()}
        self.companions.pop(event["deployment"], None)
        if companions:
            self.companions[event["deployment"]] = companions

    def _adopted(self, event: Event) -> None:
        self.adopted, self.replaces = event["record"], ""

    def _replaces(self, event: Event) -> None:
        self.adopted, self.replaces = event["record"], event["package"]

    def _replaced(self, event: Event) -> None:
        self.replaced = event["by"]

    def _resumed(self, event: Event) -> None:
        self.replaced = ""

    def _switch(self, event: Event) -> None:
        self.unfinished = Switch(event["from"], event["to"], event["verb"], event.get("reason", ""))
        self.reboot = None
        if event["verb"] == "activate":
            self._origin[event["to"]] = event["from"]
            self.booted.discard(event["to"])

    def _rebooting(self, event: Event) -> None:
        self.reboot = Reboot(False, Deadline(**event["deadline"]), event["confirm_timeout"])

    def _booted(self, event: Event) -> None:
        self.reboot = Reboot(True, Deadline(**event["deadline"]))
        if self.unfinished is not None and self.unfinished.verb == "activate":
            self.booted.add(event["deployment"])

    def _provisional(self, event: Event) -> None:
        self._stand(event["deployment"], event)
        self.status[event["deployment"]] = outcome.PROVISIONAL
        self.deadline = Deadline.of(event.get("deadline"))

    def _held(self, event: Event) -> None:
        self.deadline = Deadline.of(event["deadline"])

    def _confirmed(self, event: Event) -> None:
        self.proven.add(event["deployment"])
        self._stand(event["deployment"], event)

    def _reverted(self, event: Event) -> None:
        self._stand(event["to"], event)
        self.status[event["deployment"]] = outcome.REVERTED
        self.left[event["deployment"]] = event
        self.companions.pop(event["deployment"], None)

    def _returned(self, event: Event) -> None:
        self._stand(event["deployment"], event)

    def _failed(self, event: Event) -> None:
        left, stands = event["deployment"], event["stands"]
        self._stand(stands, event, sick=True)
        if left != stands:
            self.left[left] = event
            if self.status.get(left) != outcome.CONFIRMED:
                self.status[left] = outcome.REVERTED
        elif self.no_return and left not in self.proven:
            self.status[left] = outcome.FAILED  # it stays, and is final as soon as it is well

    def _healthy(self, event: Event) -> None:
        deadline = self.deadline
        self._stand(event["deployment"], event)
        self.deadline = deadline

    def _serving(self, event: Event) -> None:
        self.owed = False

    def _frozen(self, event: Event) -> None:
        self.frozen, self.frozen_why = event["deployment"], event["reason"]

    def _thawed(self, event: Event) -> None:
        self.frozen, self.frozen_why = 0, ""

    def _migrating(self, event: Event) -> None:
        """The database knows."""

    def _migrated(self, event: Event) -> None:
        """The database knows."""

    def _resealing(self, event: Event) -> None:
        by = event["deployment"]
        numbers = tuple(int(number) for number in event["profiles"])
        for number in numbers:
            profile = event["profiles"][str(number)]
            self.staged[number] = dict(self.staged[number], profile=profile, resealed=by)
        self.companions.pop(by, None)
        self.resealing = (by, numbers)

    def _resealed(self, event: Event) -> None:
        self.resealing = None

    def _pruned(self, event: Event) -> None:
        for deployment in event["deployments"]:
            self.staged.pop(deployment, None)
            self.status.pop(deployment, None)
            self.proven.discard(deployment)
            self.left.pop(deployment, None)
            self.booted.discard(deployment)
            self.companions.pop(deployment, None)
        self._origin = {
            later: earlier for later, earlier in self._origin.items() if later in self.staged and earlier in self.staged
        }


class Journal:
    """The ledger file ``journal`` of an instance."""

    def __init__(self, disk: Disk, *, wall: t.Callable[[], float] = time.time) -> None:
        self._disk = disk
        self._wall = wall

    def events(self) -> list[Event]:
        """All events.

        Raises:
            BackendError: a line cannot be read (``journal-damaged``).
        """
        events = []
        for number, line in enumerate(self._disk.lines("journal"), start=1):
            try:
                events.append(json.loads(line.decode("utf-8")))
            except ValueError:
                raise BackendError(
                    "journal-damaged",
                    f"{self._disk.path('journal')}, line {number} is not readable",
                    hint="Restore it from a backup; until then the host is not touched.",
                ) from None
        return events

    def history(self) -> History:
        return History(self.events())

    def write(self, event: str, **values: t.Any) -> None:
        """Append one event, durably. ``at`` (UTC) is for people; it decides nothing but what else ``prune`` keeps."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._wall()))
        line = json.dumps(dict(values, event=event, at=at), sort_keys=True)
        self._disk.append(line.encode("utf-8"), "journal")
