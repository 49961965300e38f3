# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activate, confirm, revert: the switch from one deployment to another, and back (private).

Every switch is announced in the journal before it begins, and before that the guard is armed. Whatever interrupts it,
the guard or the next verb that takes the lock finishes it first: an activation that was not judged goes back, a revert
goes on, and what was not confirmed in time goes back.

Where no way leads back (see ``freezing``), all this goes forward instead.

The host leaves traffic before what runs is stopped, and is back in it when a deployment that runs and is healthy is
final: at once where it went back to one, at ``confirm`` where it went on.
"""

from __future__ import annotations

import contextlib

from .._model import outcome
from .._model.errors import ConflictError, RelmgmtError
from .._model.manifest import NONE, RELOAD, RESTART
from .answers import Answer, joined, judged, switched
from .companions import Companions
from .deadline import Deadline
from .freezing import no_return
from .health import Judgement
from .held import require_newest, require_proven
from .instance import Instance, Tools
from .journal import History, Switch
from .mending import Mending
from .rebooting import Rebooting
from .running import Running
from .serving import Serving
from .way_back import WayBack, doubt

__all__ = ["Switching"]


class Switching:
    """The deployments of one instance, and which of them runs. The caller holds the lock, or only predicts."""

    def __init__(self, instance: Instance, tools: Tools) -> None:
        self._instance = instance
        self._disk = instance.disk
        self._journal = instance.journal
        self._tools = tools
        self._serving = Serving(instance, tools)
        self._running = Running(instance, tools)
        self._mending = Mending(instance, tools)
        self._rebooting = Rebooting(instance, tools, self._running)
        self._companions = Companions(instance)
        self._back = WayBack(instance, tools, self._running, self._serving, self._rebooting, self._companions)

    def recover(self) -> str | None:
        """Finish what a crash left half done, leave what was not confirmed in time; says what was done, None if there
        was nothing. What was written by whoever was killed is made durable first: from here on it is believed.

        Raises:
            ConflictError: a switch waits for the host to be started anew (``host-rebooting``).
        """
        self._disk.sync("journal")
        resealed = self._reseal()
        history = self._instance.history()
        self._rebooting.refuse(history)
        if history.unfinished is not None:
            answer = self._finish(history, history.unfinished)
        elif self.overdue(history):
            answer = self.expire(self.overdue(history))
        else:
            return joined(self._resume(history) or "", resealed) or None
        self._rebooting.refuse(self._instance.history())
        return "deployment {}, interrupted: {}".format(answer["deployment"], answer["outcome"])

    def _reseal(self) -> str:
        """Go on with what ``companions`` says; says what was done, empty if there was nothing."""
        numbers = self._companions.settle()
        return "re-sealed, interrupted: deployment " + ", ".join(map(str, numbers)) if numbers else ""

    def give_up(self, reason: str) -> None:
        """Do without the boot that a switch waits for."""
        history = self._instance.history()
        if history.unfinished is not None:
            self._finish(history, history.unfinished, problem=reason)

    def _finish(self, history: History, unfinished: Switch, *, problem: str = "") -> Answer:
        origin, target, verb, reason = unfinished
        if self._rebooting.due(history):
            self._rebooting.arrive(history, target)
            history = self._instance.history()
        reboot = history.reboot
        if reboot is not None and not reboot.came:
            problem = problem or "the host was not started anew in time"
        elif reboot is not None and verb == "activate" and reboot.deadline.boot == self._tools.runner.boot_id():
            return self._conclude(history, unfinished, self._running.bring_up(target), deadline=reboot.deadline)
        why = joined(reason, problem) or f"an interruption of {verb}"
        if verb == "return":
            return self._back.return_to(history, origin, target, reason=why)
        if verb == "revert":
            return self._back.go_back(history, origin, target, reason=why)
        return self._back.go_back(history, target, origin, reason=why, cause=outcome.HOST)

    def _conclude(
        self,
        history: History,
        switch: Switch,
        judgement: Judgement,
        *,
        deadline: Deadline | None = None,
        confirm_timeout: float | None = None,
    ) -> Answer:
        """What was activated stays, provisionally, unless it is known not to be healthy. deadline: where it began to
        run before."""
        if not (judgement.healthy or judgement.inconclusive):
            back = self._back.go_back(
                history,
                switch.target,
                switch.origin,
                reason=judgement.reason,
                cause=judgement.cause,
                judgement=judgement,
            )
            return dict(back, **judged(judgement))
        deadline = deadline or self._deadline(switch.target, confirm_timeout)
        self._journal.write("provisional", deployment=switch.target, deadline=deadline._asdict())
        return switched(
            switch.target,
            outcome.PROVISIONAL,
            changed=True,
            reason=doubt(judgement),
            origin=switch.origin,
            judgement=judgement,
        )

    def _resume(self, history: History) -> str | None:
        """Go into traffic where that is owed; see that what is not final, or sick, is out of it."""
        with contextlib.suppress(RelmgmtError, OSError):
            if not history.owed:
                if self._serving.stay_out(history):
                    return f"deployment {history.current}: out of traffic now"
            elif self._running.is_on(history.current) and self._serving.resume(history):
                return f"deployment {history.current}, interrupted: in traffic now"
        return None

    def overdue(self, history: History) -> str:
        """Why what stands must not stay provisional any longer; empty where it may."""
        deadline = history.deadline
        if not history.provisional or deadline is None:
            return ""
        if deadline.boot != self._tools.runner.boot_id():
            return "the host was started anew before it was confirmed"
        return "it was not confirmed in time" if self._tools.clock() >= deadline.at else ""

    def expire(self, reason: str, *, cause: str = outcome.HOST) -> Answer:
        """Leave the provisional deployment. cause: what the reason speaks against."""
        history = self._instance.history()
        return self._back.go_back(
            history, history.current, history.previous(history.current), reason=reason, cause=cause
        )

    def mend(self) -> Answer:
        """Try again to bring up, and into traffic, what the instance stands on."""
        return self._keep(self._instance.history(), check=False)

    def boot(self) -> str | None:
        """Before anything of the instance runs after a boot: let ``current`` name what is to run. ``recover`` goes on
        from there."""
        self._companions.settle()  # what is to run must lie under its own name
        history = self._instance.history()
        unfinished, why = history.unfinished, self.overdue(history)
        if self._rebooting.awaited(history):
            return None
        if unfinished is not None and self._rebooting.due(history):
            self._rebooting.arrive(history, unfinished.target)
            return f"deployment {unfinished.target} is to run: it waited for this boot"
        if unfinished is not None:
            origin, target, verb, reason = unfinished
            if verb == "activate" and not history.barred(origin):
                origin, target, reason = target, origin, "the host was started anew before it was judged"
                self._back.announce("revert", origin, target, reason)
        elif why and not history.no_return:
            origin, target, reason = history.current, history.previous(history.current), why
            self._back.announce("revert", origin, target, reason)
        else:
            return None
        if origin in history.booted:  # to undo it takes a boot, which this one is
            self._rebooting.arrive(history, target)
        else:
            self._running.point(target)
        return f"deployment {target} is to run: {reason or 'a switch was interrupted'}"

    def activate(self, deployment: int, *, confirm_timeout: float | None = None, check: bool) -> Answer:
        """Make the deployment current, provisionally; go back at once if it does not become healthy.

        confirm_timeout: seconds that it may stay so; None: as the deployment declares.

        Raises:
            IntegrityError: it, or what would be left, is damaged (``capsule-damaged``); nothing was touched.
            ConflictError: what was adopted is not as it was recorded (``adopted-changed``); nothing was touched.
            BackendError: nobody would see to the way back (``guard-not-armed``), or there is no room for it
                (``disk-full``); nothing was touched.
        """
        from .adopting import require_unchanged  # the way back needs neither
        from .capsule import require_whole

        history = self._instance.history()
        if deployment == history.current and not history.unfinished:
            return self._keep(history, confirm_timeout=confirm_timeout, check=check)
        if history.barred(deployment):
            raise no_return(self._instance, history, deployment)
        if not check or deployment in history.staged:
            self._require_staged(history, deployment)
        if check:
            boots = self._rebooting.needed(history, Switch(history.current, deployment, "activate"))
            preview = joined(self._serving.preview(history.current), "starts the host anew" if boots else "")
            return switched(deployment, outcome.PROVISIONAL, changed=True, reason=preview, origin=history.current)
        origin = history.current
        if history.provisional and not history.no_return:
            origin = history.previous(origin)
        require_whole(self._instance, deployment, *(() if history.sick or history.barred(origin) else (origin,)))
        if not (history.current or history.sick):
            require_unchanged(self._instance, deployment, self._tools)
        self._disk.keep_reserve()
        if history.provisional:
            # The way back leads to what is proven.
            left = self.expire(f"deployment {deployment} is activated in its place")
            if "awaits" in left:
                return left
            history = self._instance.history()
            if deployment == history.current:
                return self._keep(history, confirm_timeout=confirm_timeout, check=check)
        self._back.arm(history.current, deployment)
        self._back.announce("activate", history.current, deployment)
        try:
            self._serving.drain(history.current, deployment)
        except (RelmgmtError, OSError) as exc:
            if not history.barred(history.current):
                return self._back.stay(history, deployment, reason=f"the host cannot leave traffic: {exc}")
        switch = Switch(history.current, deployment, "activate")
        if self._rebooting.needed(history, switch):
            try:
                return self._rebooting.begin(switch, confirm_timeout)
            except (RelmgmtError, OSError) as exc:
                history = self._instance.history()
                return self._back.go_back(history, deployment, switch.origin, reason=str(exc), cause=outcome.HOST)
        judgement = self._running.move(history.current, deployment)
        return self._conclude(history, switch, judgement, confirm_timeout=confirm_timeout)

    def confirm(self, deployment: int, *, reason: str = "", probe: bool = False, check: bool) -> Answer:
        """Make the current, provisional deployment final; go back at once if it is not healthy any more.

        probe: whether one that is final already is judged again, as when it was activated; it stays in any case."""
        history = self._instance.history()
        status = history.status.get(deployment, outcome.UNKNOWN)
        if deployment != history.current:
            if check and status in (outcome.STAGED, outcome.UNKNOWN):
                return switched(deployment, outcome.CONFIRMED, changed=True)
            return self._elsewhere(history, deployment)
        if status != outcome.PROVISIONAL:
            again = probe and not check and not history.sick and status == outcome.CONFIRMED
            settled = switched(deployment, outcome.FAILED if history.sick else status, changed=False)
            return self._still(deployment) if again else settled
        if check:
            coming = sorted(history.companions.get(deployment, ()))
            return dict(switched(deployment, outcome.CONFIRMED, changed=True), resealed=coming)
        judgement = self._running.pulse(deployment)
        if judgement.inconclusive:
            why = doubt(judgement)
            return switched(deployment, outcome.PROVISIONAL, changed=False, reason=why, judgement=judgement)
        if not judgement.healthy:
            back = self.expire(f"it is not healthy any more: {judgement.reason}", cause=judgement.cause)
            return dict(back, **judged(judgement))
        told = {"reason": reason} if reason else {}
        problem = self._serving.record("confirmed", deployment=deployment, **told)
        result = switched(deployment, outcome.FAILED if problem else outcome.CONFIRMED, changed=True, reason=problem)
        return dict(result, resealed=self._companions.settle())

    def _still(self, deployment: int) -> Answer:
        """Whether a final deployment is healthy; nothing is done about it."""
        judgement = self._running.judge(deployment)
        if judgement.healthy or judgement.inconclusive:
            why = doubt(judgement)
            return switched(deployment, outcome.CONFIRMED, changed=False, reason=why, judgement=judgement)
        reason, cause = f"it is not healthy any more: {judgement.reason}", judgement.cause
        return switched(deployment, outcome.FAILED, changed=False, reason=reason, judgement=judgement, cause=cause)

    def hold(self, deployment: int, *, seconds: float, reason: str, check: bool) -> Answer:
        """Let the current, provisional deployment stay so for some seconds from now; never beyond its limit."""
        history = self._instance.history()
        deadline = history.deadline
        if deployment != history.current:
            return self._elsewhere(history, deployment)
        if not history.provisional or deadline is None:
            return switched(deployment, history.state, changed=False)
        moved = deadline.moved(seconds, now=self._tools.clock())
        if moved != deadline and not check:
            self._journal.write("held", deployment=deployment, deadline=moved._asdict(), reason=reason)
        return switched(deployment, outcome.PROVISIONAL, changed=moved != deadline, reason=reason)

    @staticmethod
    def _elsewhere(history: History, deployment: int) -> Answer:
        """The answer about a deployment that is not the current one."""
        status, left = history.status.get(deployment, outcome.UNKNOWN), history.left.get(deployment, {})
        reason = f"deployment {deployment} is {status}; deployment {history.current} is current"
        known = status if status in (outcome.REVERTED, outcome.FAILED) else outcome.UNKNOWN
        why = joined(reason, str(left.get("reason") or ""))
        return switched(deployment, known, changed=False, reason=why, cause=str(left.get("cause") or ""))

    def revert(
        self, *, deployment: int | None = None, version: str = "", to: int | None = None, reason: str, check: bool
    ) -> Answer:
        """Leave ``deployment`` for the one before it, or leave whatever runs for the deployment ``to`` or the newest
        one of ``version``, if it was ever confirmed."""
        history = self._instance.history()
        if deployment is not None:
            if deployment != history.current:
                status = outcome.FAILED if history.sick else history.status.get(deployment, outcome.UNKNOWN)
                return switched(deployment, status, changed=False, reason=f"deployment {deployment} is not current")
            target = history.previous(deployment)
        else:
            named = require_newest(self._instance, history, version) if to is None else to
            target = require_proven(self._instance, history, named)
            if target == history.current:
                return self._keep(history, check=check)
        if history.barred(target):
            raise no_return(self._instance, history, target)
        if target:
            self._instance.meta(target)
        if target and not (history.current or history.sick):
            from .adopting import require_unchanged

            require_unchanged(self._instance, target, self._tools)
        if check:
            from .foretelling import foretold

            left = history.current
            boots = self._rebooting.needed(history, Switch(left, target, "revert"))
            preview = joined(self._serving.preview(left), "starts the host anew" if boots else "")
            told = foretold(self._instance, self._tools, left, target, reboots=boots)
            return dict(
                switched(left, outcome.REVERTED, changed=True, reason=preview, origin=left, target=target), **told
            )
        with contextlib.suppress(RelmgmtError, OSError):  # the way back is gone also where nobody else would finish it
            self._back.arm(history.current, target)
        return self._back.go_back(history, history.current, target, reason=reason or "asked for")

    def _keep(self, history: History, *, confirm_timeout: float | None = None, check: bool) -> Answer:
        """The deployment already is current: see that it runs, is healthy and in traffic; start it if it is not."""
        deployment, status = history.current, history.standing
        stayed = status == outcome.FAILED
        status = outcome.CONFIRMED if stayed else status
        runs = self._running.is_on(deployment)
        astray = self._serving.astray(history)
        owed = self._mending.owed(deployment) if runs else NONE
        changed = not runs or history.sick or astray or owed != NONE
        if check:
            return switched(deployment, status, changed=changed)
        astray = astray or (owed == RESTART and not history.provisional)
        judgement = self._judge_again(history, runs=runs, owed=owed)
        if judgement.healthy or (judgement.inconclusive and not stayed):
            self._mending.done()
            if status == outcome.PROVISIONAL:
                self.hold(deployment, seconds=self._timeout(deployment, confirm_timeout), reason="contact", check=check)
            problem = self._serving.record("healthy", deployment=deployment) if history.sick or astray else ""
            result, why = outcome.FAILED if problem else status, joined(problem, doubt(judgement))
            self._companions.settle()  # what had no way back, and failed, may be final now
            return switched(deployment, result, changed=changed, reason=why, judgement=judgement)
        if status == outcome.PROVISIONAL:
            back = history.previous(deployment)
            cause = judgement.cause
            return self._back.go_back(
                history, deployment, back, reason=judgement.reason, cause=cause, judgement=judgement
            )
        reason, cause = judgement.reason, outcome.HOST if history.sick else judgement.cause
        if astray or not history.sick:
            failure = {"deployment": deployment, "stands": deployment, "reason": reason}
            reason = joined(reason, self._serving.record("failed", **failure))
        with contextlib.suppress(RelmgmtError, OSError):  # it goes on trying
            self._back.arm(deployment)
        return switched(deployment, outcome.FAILED, changed=changed, reason=reason, judgement=judgement, cause=cause)

    def _judge_again(self, history: History, *, runs: bool, owed: str) -> Judgement:
        """Whether what is current is healthy, after what it is owed. A restart is announced: whoever is killed in it,
        the guard starts what was stopped."""
        deployment = history.current
        if owed == NONE:
            return self._running.judge_again(deployment, runs=runs)
        if owed != RESTART:
            return self._running.refresh(deployment, reload=owed == RELOAD)
        if not history.provisional:
            with contextlib.suppress(RelmgmtError, OSError):
                self._back.arm(deployment)
            self._back.announce("return", deployment, deployment, "it was repaired")
            with contextlib.suppress(RelmgmtError, OSError):  # it is stopped all the same
                self._serving.drain(deployment)
        return self._running.move(deployment, deployment)

    def _timeout(self, deployment: int, confirm_timeout: float | None) -> float:
        return self._instance.runtime(deployment).health.confirm_timeout if confirm_timeout is None else confirm_timeout

    def _deadline(self, deployment: int, confirm_timeout: float | None) -> Deadline:
        health = self._instance.runtime(deployment).health
        return Deadline.after(self._tools.clock(), self._tools.runner.boot_id(), health, confirm_timeout)

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
