# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard: sees to the way back on the host itself, while a switch or a deployment that is not final is in flight
(private).

It needs Python and the files below the root, and nothing else: no controller, network, DML or secret store. There is
one guard an instance. It holds a lock of its own for as long as it watches, by which a verb knows that it is there, and
ends when nothing is in flight.

What it does under the instance's lock, and only when no verb has it:

- finishes what was interrupted: goes back, or on with going back;
- leaves a provisional deployment that was not confirmed in time, whose service died, or whose required probes stay red;
- has the host started anew where a switch takes effect by that;
- makes final, where there is no way back, what would be left otherwise, and says so loudly;
- brings up what is sick, and into traffic what belongs there, for as long as that takes.
"""

from __future__ import annotations

import contextlib
import math
import sys

from .._model import outcome
from .._model.errors import BackendError, ConflictError, RelmgmtError
from .alarm import alert
from .instance import Instance, Tools
from .journal import History
from .lock import locked
from .post import Post
from .rebooting import Rebooting
from .running import Running
from .switch import Switching

__all__ = ["Guard", "boot"]

_TICK = 0.5
_LONGEST = 60.0
_MIN_INTERVAL = 1.0
_GRACE = 2.0  # seconds in which the verb that needs a boot can answer


def boot(instance: Instance, tools: Tools) -> None:
    """See that nothing runs after a boot that was not judged before it. The guard goes on from there."""
    if instance.path.is_dir():
        with locked(instance.disk, clock=tools.clock, wait=tools.wait):
            said = Switching(instance, tools).boot()
        if said is not None and tools.guard is not None:
            tools.guard.reread()
            sys.stdout.write(said + "\n")


class Guard:
    """The guard of one instance."""

    def __init__(self, instance: Instance, tools: Tools) -> None:
        self._instance = instance
        self._tools = tools
        self._switching = Switching(instance, tools)
        self._running = Running(instance, tools)
        self._rebooting = Rebooting(instance, tools, self._running)
        self._pause = _TICK
        self._ordering: float | None = None  # when the host is to be started anew
        self._red_since: float | None = None
        self._post: Post | None = None

    def watch(self) -> bool:
        """Watch until nothing is in flight; False where somebody else already does."""
        if not self._instance.path.is_dir():
            return True
        with contextlib.closing(Post(self._instance)) as post:
            if not post.take(self._tools.wait):
                return False
            self._post = post
            pause: float | None = 0.0
            while pause is not None:
                self._tools.wait(pause)
                pause = self.look()
            return True

    def look(self) -> float | None:
        """Do what has to be done now; seconds until the next look, None when nothing is in flight any more."""
        if not self._instance.path.is_dir():
            self._dismiss()
            return None
        try:
            history = self._instance.history()
            why = self._why(history)
            if why is None:
                return self._interval(history)
            with locked(self._instance.disk, clock=self._tools.clock, wait=self._tools.wait, limit=0.0):
                return self._act(self._instance.history(), why)
        except ConflictError:  # a verb is at work; what it leaves is looked at when it has ended
            return _TICK
        except (RelmgmtError, OSError):  # a damaged journal, a full disk: it may be mended
            return self._longer()

    def _why(self, history: History) -> str | None:
        """What there is to do, for people; empty where that is seen under the lock; None where there is nothing now."""
        if history.interrupted or not history.provisional:
            return ""
        return self._switching.overdue(history) or self._sick(history)

    def _sick(self, history: History) -> str | None:
        """Why the provisional deployment is not healthy any more: dead, or red for as long as it had to be green."""
        reason = self._ill(history.current)
        if not reason:
            self._red_since = None
            return None
        now = self._tools.clock()
        first = self._red_since is None
        self._red_since = now if self._red_since is None else self._red_since
        dead = not self._running.is_on(history.current)
        health = self._instance.runtime(history.current).health
        if dead or (not first and now - self._red_since >= health.min_healthy_time):
            return f"it is not healthy any more: {reason}"
        return None

    def _ill(self, deployment: int) -> str:
        """Why it is not healthy at this moment; empty where it is, or nobody knows. Under the lock it is asked again:
        a verb may just have mended it."""
        judgement = self._running.pulse(deployment)
        return "" if judgement.healthy or judgement.inconclusive else judgement.reason

    def _act(self, history: History, why: str) -> float | None:
        self._instance.disk.sync("journal")  # whoever was killed may have written the last line
        if history.settled:
            if not history.current:
                self._dismiss()
            if self._post is not None:
                self._post.leave()  # before the instance's lock: whoever takes that next must not count on us
            return None
        if self._rebooting.awaited(history):
            return self._start_anew(history)
        self._ordering = None
        if history.interrupted:
            done = self._switching.recover() is not None or not self._instance.history().interrupted
            self._alarm(history)
            return self._after(done)
        if history.provisional:
            overdue = self._switching.overdue(history)
            if why and (overdue or self._ill(history.current)):
                self._switching.expire(why, cause=outcome.HOST if overdue else outcome.RELEASE)
                self._alarm(history)
            return _TICK
        return self._after(history.sick and self._switching.mend()["outcome"] != "failed")

    def _start_anew(self, history: History) -> float:
        """Have the host started anew, once; where that is refused, do without."""
        now = self._tools.clock()
        if self._ordering is None:
            self._ordering = now + _GRACE
        elif now >= self._ordering:
            self._ordering = math.inf
            try:
                self._rebooting.order(history)
            except BackendError as exc:
                self._switching.give_up(str(exc))
        return _TICK

    def _alarm(self, before: History) -> None:
        """Say so where what would have been left stays, because nothing leads back from it."""
        history, unfinished = self._instance.history(), before.unfinished
        stays = before.provisional and before.no_return if unfinished is None else before.barred(unfinished.origin)
        if stays:
            alert(
                f"{self._instance.path}: deployment {history.current} stays and is {history.state}, frozen:"
                f" {history.frozen_why}"
            )

    def _dismiss(self) -> None:
        if self._tools.guard is not None:
            self._tools.guard.dismiss(self._instance)

    def _after(self, done: bool) -> float:
        if done:
            self._pause = _TICK
            return 0.0
        history = self._instance.history()
        if history.owed and not self._running.is_on(history.current):
            self._switching.mend()
        return self._longer()

    def _longer(self) -> float:
        self._pause = min(2 * self._pause, _LONGEST)
        return self._pause

    def _interval(self, history: History) -> float:
        """Seconds until the provisional deployment is asked again, and no later than its deadline."""
        interval = max(self._instance.runtime(history.current).health.interval, _MIN_INTERVAL)
        deadline = history.deadline
        left = interval if deadline is None else deadline.at - self._tools.clock()
        return max(0.0, min(interval, left))
