# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back: leave a deployment for an earlier one, or where none may be gone to, make the best of what stands
(private).

Each of these ends with a line of the journal that says what came of it, and never raises for what goes wrong.
"""

from __future__ import annotations

import contextlib

from .._model import outcome
from .._model.errors import RelmgmtError
from .answers import Answer, joined, switched
from .companions import Companions
from .health import Judgement
from .instance import Instance, Tools
from .journal import History, Switch
from .rebooting import Rebooting
from .running import Running
from .serving import Serving

__all__ = ["WayBack", "doubt"]


class WayBack:
    """Of one instance. The caller holds the lock."""

    def __init__(
        self,
        instance: Instance,
        tools: Tools,
        running: Running,
        serving: Serving,
        rebooting: Rebooting,
        companions: Companions,
    ) -> None:
        self._instance = instance
        self._tools = tools
        self._running = running
        self._serving = serving
        self._rebooting = rebooting
        self._companions = companions

    def go_back(
        self,
        history: History,
        left: int,
        target: int,
        *,
        reason: str,
        cause: str = "",
        judgement: Judgement | None = None,
    ) -> Answer:
        """Leave a deployment for an earlier one. If that is sick and what was left is proven, return to it.

        cause: what the reason speaks against, where something failed. judgement: of what is left, where it was just
        judged.
        """
        if history.barred(target):
            return self._go_on(history, left, target, reason=reason, cause=cause, judgement=judgement)
        waiting = self._embark(history, Switch(left, target, "revert", reason))
        if waiting is not None:
            return waiting
        judgement = self._running.move(left, target, insist=True)
        if judgement.healthy or judgement.inconclusive:
            answer = self._reverted(left, target, reason=joined(reason, doubt(judgement)), cause=cause)
            return dict(answer, inconclusive=True) if judgement.inconclusive else answer
        why = f"{reason}; then deployment {target} did not come up: {judgement.reason}"
        if left in history.proven:
            return self.return_to(history, target, left, reason=why)
        # What was sick before the release came says nothing about the release.
        return self._fail(left, target, reason=why, cause=outcome.HOST if cause and history.sick else cause)

    def _go_on(
        self, history: History, left: int, target: int, *, reason: str, cause: str, judgement: Judgement | None
    ) -> Answer:
        """Stay on what would be left for a deployment that lies behind the point of no return: final if it is healthy,
        sick if not. target: what may still run, where a crash interrupted the way to it."""
        with contextlib.suppress(RelmgmtError, OSError):  # it goes on trying
            self.arm(left)
        if judgement is None and history.unfinished is not None:
            with contextlib.suppress(RelmgmtError, OSError):
                self._serving.drain(target, left)
            judgement = self._running.move(target, left)
        elif judgement is None:
            judgement = self._running.judge_again(left, runs=self._running.is_on(left))
        why = f"{reason}; there is no way back: {history.frozen_why}"
        if not judgement.healthy:
            known = judgement.reason in reason
            why = why if known else f"{why}; it is not healthy: {judgement.reason}"
            return self._fail(left, left, reason=why, cause=cause or judgement.cause)
        problem = self._serving.record("confirmed", deployment=left, reason=why)
        result, why = outcome.FAILED if problem else outcome.CONFIRMED, joined(why, problem)
        self._companions.settle()
        return switched(left, result, changed=True, reason=why, judgement=judgement)

    def _embark(self, history: History, switch: Switch) -> Answer | None:
        """Announce the way back and leave traffic; the answer where the rest takes a boot."""
        anew = self._rebooting.needed(history, switch)
        if history.unfinished != switch:
            self.announce(switch.verb, switch.origin, switch.target, switch.reason)
        with contextlib.suppress(RelmgmtError, OSError):  # to go back matters more than requests that get lost
            self._serving.drain(switch.origin, switch.target)
        with contextlib.suppress(RelmgmtError, OSError):  # it goes back at least as far as a restart does
            return self._rebooting.begin(switch) if anew else None
        return None

    def _reverted(self, left: int, target: int, *, reason: str, cause: str = "") -> Answer:
        problem = self._serving.record("reverted", deployment=left, to=target, reason=reason, **_told(cause))
        result, why = outcome.FAILED if problem else outcome.REVERTED, joined(reason, problem)
        with contextlib.suppress(OSError):  # nothing leads to them any more; prune removes what is left
            self._companions.drop(left)
        return switched(left, result, changed=True, reason=why, origin=left, target=target, cause=cause)

    def stay(self, history: History, left: int, *, reason: str) -> Answer:
        """Give up an activation before anything that runs was touched."""
        if history.sick:
            return self._fail(left, history.current, reason=reason, cause=outcome.HOST)
        return self._reverted(left, history.current, reason=reason, cause=outcome.HOST)

    def return_to(self, history: History, left: int, target: int, *, reason: str) -> Answer:
        """Go back to a proven deployment because the one that it was left for is sick."""
        waiting = self._embark(history, Switch(left, target, "return", reason))
        if waiting is not None:
            return waiting
        judgement = self._running.move(left, target, insist=True)
        if not (judgement.healthy or judgement.inconclusive):
            return self._fail(target, left, reason=f"{reason}; nor did deployment {target}: {judgement.reason}")
        problem = self._serving.record("returned", deployment=target, reason=reason)
        why = joined(f"{reason}; back on deployment {target}, which is healthy", problem)
        return switched(target, outcome.FAILED, changed=True, reason=why, origin=target, target=target)

    def _fail(self, left: int, target: int, *, reason: str, cause: str = "") -> Answer:
        told = {"stands": self._running.stands(), "reason": reason, **_told(cause)}
        why = joined(reason, self._serving.record("failed", deployment=left, **told))
        return switched(left, outcome.FAILED, changed=True, reason=why, origin=left, target=target, cause=cause)

    def arm(self, *deployments: int) -> None:
        """See ``instance.Keeper.arm``."""
        guard = self._tools.guard
        if guard is not None:
            guard.arm(self._instance, *deployments)

    def announce(self, verb: str, origin: int, target: int, reason: str = "") -> None:
        """Write what is about to be done, before it is."""
        self._instance.journal.write("switch", **{"from": origin, "to": target, "verb": verb, "reason": reason})


def _told(cause: str) -> dict[str, str]:
    return {"cause": cause} if cause else {}


def doubt(judgement: Judgement) -> str:
    """Why nobody can say whether it is healthy; empty where that is known."""
    return f"inconclusive: {judgement.reason}" if judgement.inconclusive else ""
