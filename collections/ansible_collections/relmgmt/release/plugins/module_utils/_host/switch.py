# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activate, confirm, revert: the switch from one deployment to another, and back (private).

Every switch is announced in the journal before it begins. Whatever interrupts it, the next verb that takes the lock
finishes it first: an activation that was not judged goes back, a revert goes on.

The host leaves traffic before what runs is stopped, and is back in it when a deployment that runs and is healthy is
final: at once where it went back to one, at ``confirm`` where it went on.
"""

from __future__ import annotations

import contextlib
import typing as t

from .._model import outcome
from .._model.errors import ConflictError, InputError, RelmgmtError
from .health import Judgement, judge
from .instance import Instance, Tools
from .journal import History
from .service import Driver, open_driver
from .serving import Serving

__all__ = ["Switching"]

Answer = t.Dict[str, t.Any]


class Switching:
    """The deployments of one instance, and which of them runs. The caller holds the lock, or only predicts."""

    def __init__(self, instance: Instance, tools: Tools) -> None:
        self._instance = instance
        self._disk = instance.disk
        self._journal = instance.journal
        self._tools = tools
        self._serving = Serving(instance, tools)

    def recover(self) -> str | None:
        """Finish what a crash left half done; says what was done, None if there was nothing."""
        history = self._instance.history()
        unfinished = history.unfinished
        if unfinished is None:
            return self._resume(history)
        reason = f"an interruption of {unfinished.verb}"
        if unfinished.verb == "return":
            answer = self._return(unfinished.origin, unfinished.target, reason=reason)
        elif unfinished.verb == "revert":
            answer = self._go_back(history, unfinished.origin, unfinished.target, reason=reason)
        else:
            answer = self._go_back(history, unfinished.target, unfinished.origin, reason=reason)
        return "deployment {}, interrupted: {}".format(answer["deployment"], answer["outcome"])

    def _resume(self, history: History) -> str | None:
        with contextlib.suppress(RelmgmtError):
            if self._runs(history.current) and self._serving.resume(history):
                return f"deployment {history.current}, interrupted: in traffic now"
        return None

    def activate(self, deployment: int, *, check: bool) -> Answer:
        """Make the deployment current, provisionally; go back at once if it does not become healthy."""
        history = self._instance.history()
        if deployment == history.current and not history.unfinished:
            return self._keep(history, check=check)
        if not check or deployment in history.staged:
            self._require_staged(history, deployment)
        if check:
            preview = self._serving.preview(history.current)
            return self._answer(deployment, outcome.PROVISIONAL, changed=True, reason=preview, origin=history.current)
        self._journal.write("switch", **{"from": history.current, "to": deployment, "verb": "activate"})
        try:
            self._serving.drain(history.current, deployment)
        except (RelmgmtError, OSError) as exc:
            return self._stay(history, deployment, reason=f"the host cannot leave traffic: {exc}")
        judgement = self._move(history.current, deployment)
        if judgement.healthy:
            self._journal.write("provisional", deployment=deployment)
            return self._answer(
                deployment, outcome.PROVISIONAL, changed=True, origin=history.current, judgement=judgement
            )
        back = self._go_back(history, deployment, history.current, reason=judgement.reason)
        return dict(back, probes=_shown(judgement), seconds=round(judgement.seconds, 3))

    def confirm(self, deployment: int, *, check: bool) -> Answer:
        """Make the current, provisional deployment final."""
        history = self._instance.history()
        status = history.status.get(deployment, outcome.UNKNOWN)
        if deployment != history.current:
            if check and status in (outcome.STAGED, outcome.UNKNOWN):
                return self._answer(deployment, outcome.CONFIRMED, changed=True)
            reason = f"deployment {deployment} is {status}; deployment {history.current} is current"
            known = status if status in (outcome.REVERTED, outcome.FAILED) else outcome.UNKNOWN
            return self._answer(deployment, known, changed=False, reason=reason)
        if status != outcome.PROVISIONAL:
            return self._answer(deployment, status, changed=False)
        problem = "" if check else self._serving.record("confirmed", deployment=deployment)
        return self._answer(deployment, outcome.FAILED if problem else outcome.CONFIRMED, changed=True, reason=problem)

    def revert(self, *, deployment: int | None, version: str, reason: str, check: bool) -> Answer:
        """Leave ``deployment`` for the one before it, or leave whatever runs for the newest held one of ``version``."""
        history = self._instance.history()
        if deployment is not None:
            if deployment != history.current:
                status = outcome.FAILED if history.sick else history.status.get(deployment, outcome.UNKNOWN)
                return self._answer(deployment, status, changed=False, reason=f"deployment {deployment} is not current")
            target = history.previous(deployment)
        else:
            target = self._newest(history, version)
            if target == history.current:
                return self._keep(history, check=check)
        if target:
            self._instance.meta(target)
        if check:
            preview, left = self._serving.preview(history.current), history.current
            return self._answer(left, outcome.REVERTED, changed=True, reason=preview, origin=left, target=target)
        return self._go_back(history, history.current, target, reason=reason or "asked for")

    def _keep(self, history: History, *, check: bool) -> Answer:
        """The deployment already is current: see that it runs, is healthy and in traffic; start it if it is not."""
        deployment, status = history.current, history.status.get(history.current, outcome.UNKNOWN)
        idle = not self._runs(deployment)
        astray = self._serving.astray(history)
        changed = idle or history.sick or astray
        if check:
            return self._answer(deployment, status, changed=changed)
        judgement = self._move(deployment, deployment) if idle else self._judge(deployment)
        if judgement.healthy:
            problem = self._serving.record("healthy", deployment=deployment) if history.sick or astray else ""
            result = outcome.FAILED if problem else status
            return self._answer(deployment, result, changed=changed, reason=problem, judgement=judgement)
        if status == outcome.PROVISIONAL:
            return self._go_back(history, deployment, history.previous(deployment), reason=judgement.reason)
        reason = judgement.reason
        if astray or not history.sick:
            failure = {"deployment": deployment, "stands": deployment, "reason": reason}
            reason = _joined(reason, self._serving.record("failed", **failure))
        return self._answer(deployment, outcome.FAILED, changed=changed, reason=reason, judgement=judgement)

    def _runs(self, deployment: int) -> bool:
        """Whether the link says what the journal says, and the service runs."""
        driver = self._driver(deployment)
        here = self._disk.target("current") == f"deployments/{deployment}"
        return here and (driver is None or driver.active())

    def _go_back(self, history: History, left: int, target: int, *, reason: str) -> Answer:
        """Leave a deployment for an earlier one. If that is sick and what was left is proven, return to it."""
        self._journal.write("switch", **{"from": left, "to": target, "verb": "revert"})
        with contextlib.suppress(RelmgmtError, OSError):  # to go back matters more than requests that get lost
            self._serving.drain(left, target)
        judgement = self._move(left, target)
        if judgement.healthy:
            return self._reverted(left, target, reason=reason)
        why = f"{reason}; then deployment {target} did not come up: {judgement.reason}"
        if left in history.proven:
            return self._return(target, left, reason=why)
        return self._fail(left, target, reason=why)

    def _reverted(self, left: int, target: int, *, reason: str) -> Answer:
        problem = self._serving.record("reverted", deployment=left, to=target, reason=reason)
        result, why = outcome.FAILED if problem else outcome.REVERTED, _joined(reason, problem)
        return self._answer(left, result, changed=True, reason=why, origin=left, target=target)

    def _stay(self, history: History, left: int, *, reason: str) -> Answer:
        """Give up an activation before anything that runs was touched."""
        if history.sick:
            return self._fail(left, history.current, reason=reason)
        return self._reverted(left, history.current, reason=reason)

    def _return(self, left: int, target: int, *, reason: str) -> Answer:
        """Go back to a proven deployment because the one that it was left for is sick."""
        self._journal.write("switch", **{"from": left, "to": target, "verb": "return"})
        judgement = self._move(left, target)
        if not judgement.healthy:
            return self._fail(target, left, reason=f"{reason}; nor did deployment {target}: {judgement.reason}")
        problem = self._serving.record("returned", deployment=target, reason=reason)
        why = _joined(f"{reason}; back on deployment {target}, which is healthy", problem)
        return self._answer(target, outcome.FAILED, changed=True, reason=why, origin=target, target=target)

    def _fail(self, left: int, target: int, *, reason: str) -> Answer:
        problem = self._serving.record("failed", deployment=left, stands=self._stands(), reason=reason)
        why = _joined(reason, problem)
        return self._answer(left, outcome.FAILED, changed=True, reason=why, origin=left, target=target)

    def _stands(self) -> int:
        """Where the link really points to."""
        number = self._disk.target("current").rpartition("/")[2]
        return int(number) if number.isdigit() else 0

    def _move(self, origin: int, target: int) -> Judgement:
        """Stop, one rename, start, judge. Never raises: whatever goes wrong is the judgement's."""
        try:
            self._leave(origin, target)
            if target:
                self._disk.point(f"deployments/{target}", "current")
            else:
                self._disk.remove("current")
            driver = self._driver(target)
            if driver is not None:
                driver.start()
            return self._judge(target)
        except (RelmgmtError, OSError) as exc:
            return Judgement(healthy=False, reason=str(exc), results=(), seconds=0.0)

    def _judge(self, deployment: int) -> Judgement:
        try:
            return judge(
                self._instance.runtime(deployment),
                driver=self._driver(deployment),
                runner=self._tools.runner,
                clock=self._tools.clock,
                wait=self._tools.wait,
            )
        except RelmgmtError as exc:
            return Judgement(healthy=False, reason=str(exc), results=(), seconds=0.0)

    def _leave(self, origin: int, target: int) -> None:
        """Stop what runs; undo what its driver installed unless the next deployment is run in the same way."""
        try:
            driver = self._driver(origin)
        except InputError:
            return  # what cannot be opened was never started
        if driver is None:
            return
        before, after = self._instance.runtime(origin).service, self._instance.runtime(target).service
        same = before and after and (before.driver, before.unit) == (after.driver, after.unit)
        if same:
            driver.stop()
        else:
            driver.remove()

    def _driver(self, deployment: int) -> Driver | None:
        service = self._instance.runtime(deployment).service
        if service is None:
            return None
        profile = self._disk.path("deployments", str(deployment), "profile")
        return open_driver(
            service, instance=self._disk.root, profile=profile, runner=self._tools.runner, clock=self._tools.clock
        )

    def _require_staged(self, history: History, deployment: int) -> None:
        if history.status.get(deployment) not in (outcome.STAGED, outcome.CONFIRMED):
            raise ConflictError(
                "deployment-not-staged",
                "{}: deployment {} is {}".format(
                    self._disk.root, deployment, history.status.get(deployment, "not on this host")
                ),
                hint="Stage the release first.",
            )
        self._instance.meta(deployment)

    def _newest(self, history: History, version: str) -> int:
        """The newest deployment of the version that was ever confirmed here."""
        held = [
            number
            for number, event in history.staged.items()
            if event["version"] == version and number in history.proven
        ]
        if not held:
            versions = sorted({event["version"] for event in history.staged.values()})
            raise InputError(
                "version-not-held",
                "{}: no confirmed deployment of version {} is on this host (it holds {})".format(
                    self._disk.root, version, ", ".join(versions) or "none"
                ),
                hint="Roll that version out instead.",
            )
        return max(held)

    def _answer(
        self,
        deployment: int,
        result: str,
        *,
        changed: bool,
        reason: str = "",
        origin: int | None = None,
        target: int | None = None,
        judgement: Judgement | None = None,
    ) -> Answer:
        answer: Answer = {"outcome": result, "changed": changed, "deployment": deployment, "reason": reason}
        if origin is not None:
            answer["from"] = origin
        if target is not None:
            answer["to"] = target
        if judgement is not None:
            answer.update(probes=_shown(judgement), seconds=round(judgement.seconds, 3))
        return answer


def _joined(*reasons: str) -> str:
    return "; ".join(reason for reason in reasons if reason)


def _shown(judgement: Judgement) -> list[Answer]:
    return [
        {"name": result.name, "level": result.level, "healthy": result.healthy, "reason": result.reason}
        for result in judgement.results
    ]
