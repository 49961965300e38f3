# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

from ansible.utils.display import Display

from ..module_utils._model import outcome
from ..module_utils._model.errors import BackendError, ConflictError, RelmgmtError
from ..plugin_utils._action import ControllerAction
from ..plugin_utils._registry import FORWARD, PAUSE, REVERT, Entry, Order, Registry, entry, utc_now
from ..plugin_utils._rollout import (
    ACTIVATED,
    BEGIN,
    CONFIRMED,
    LEASE_SECONDS,
    STAGED,
    JobPart,
    Judging,
    Plan,
    Verdict,
    Wave,
    absent,
    later,
    lease_of,
    newest_order,
    record,
    registry_of,
    rows,
    still_baking,
    wait_for_others,
)

Data = dict[str, t.Any]
_RENEWED = 60.0  # seconds between signs of life while others are waited for


class ActionModule(ControllerAction):
    """Say what the outcomes of a wave mean for the rollout, and record them."""

    def verb(self, params: Data, task_vars: Data) -> Data:
        rollout, baked = params["rollout"], params["baked"]
        plan, part = Plan.from_dict(rollout), JobPart.of(rollout)
        wave = plan.wave_of(params["wave"])
        judging = Judging(plan, part, wave, _step(params, wave), task_vars["hostvars"], params["results"])
        if self.check_mode:
            recorded, warnings = judging.predicted(), list[str]()
            verdict = judging.verdict(recorded)
        else:
            verdict, recorded, warnings = self._recorded(judging, rollout, baked=baked)
        back = judging.way_back(recorded) if verdict.verdict == outcome.REVERT_ALL else []
        ways = {"order": [host for batch in back for host in batch], "batches": [len(batch) for batch in back]}
        confirmed = judging.step == CONFIRMED
        bakes = confirmed and not baked and not self.check_mode and verdict.verdict == outcome.CONTINUE
        return {
            "changed": False,
            "warnings": warnings,
            "summary": f"{wave.name}: {verdict.verdict}, {verdict.reason}",
            "verdict": {
                **verdict.to_dict(),
                "wave": wave.index,
                "name": wave.name,
                "bake": wave.bake if bakes else 0.0,
                **ways,
            },
        }

    def _recorded(self, judging: Judging, rollout: Data, *, baked: bool) -> tuple[Verdict, list[Data], list[str]]:
        """The verdict, what is recorded of all hosts, and what waits for the registry, for people."""
        try:
            registry = registry_of(rollout)
        except RelmgmtError as exc:
            return self._alone(judging, rollout, exc, baked=baked)
        try:
            with registry:
                return (*self._settle(judging, rollout, registry, baked=baked), [])
        except ConflictError as exc:
            return Verdict(outcome.PAUSE, str(exc), judging.verdict(()).failed), [], []
        except BackendError as exc:
            return self._alone(judging, rollout, exc, baked=baked)

    def _settle(
        self, judging: Judging, rollout: Data, registry: Registry, *, baked: bool
    ) -> tuple[Verdict, list[Data]]:
        """Record, wait for the hosts of other jobs, and judge. The verdict, and what is recorded of all hosts."""
        plan, part, wave = judging.plan, judging.part, judging.wave
        lease = lease_of(plan, rollout["fence"])
        registry.renew(lease, ttl=LEASE_SECONDS)
        record(registry, rollout, lease, _heard(judging))
        if part.id:
            registry.report_job(plan.id, part.id, ready=wave.index, ttl=LEASE_SECONDS)
        missing, row = self._wait(judging, rollout, registry)
        order = newest_order(row)
        verdict = judging.verdict(row["deployments"], order=order, missing=missing)
        if not part.is_whole(plan) and verdict.verdict != outcome.CONTINUE and not verdict.open:
            kind = REVERT if verdict.verdict == outcome.REVERT_ALL else PAUSE
            if order is None or order.kind != kind:
                registry.give_order(plan.id, Order(kind, f"the job with {part.hosts[0]}", verdict.reason))
        begun = {each["index"] for each in row["waves"]}
        record(registry, rollout, lease, _judged(judging, verdict, begun, baked=baked))
        return verdict, row["deployments"]

    @staticmethod
    def _alone(
        judging: Judging, rollout: Data, why: RelmgmtError, *, baked: bool
    ) -> tuple[Verdict, list[Data], list[str]]:
        """The verdict without the registry, which learns of it later; the hosts come first."""
        plan = judging.plan
        verdict = judging.verdict(())
        if not judging.part.is_whole(plan):
            verdict = Verdict(outcome.PAUSE, f"nothing is known of the hosts of other jobs: {why}", {}, open=True)
        entries = [*_heard(judging), *_judged(judging, verdict, set(), baked=baked)]
        try:
            return verdict, [], [later(rollout, lease_of(plan, rollout["fence"]), entries, why)]
        except BackendError as exc:
            return verdict, [], [f"The verdict is not in the registry: {exc}"]

    @staticmethod
    def _wait(judging: Judging, rollout: Data, registry: Registry) -> tuple[list[str], Data]:
        """Who of other jobs is still missing, and the rollout as it is recorded then."""
        plan, part, wave, token = judging.plan, judging.part, judging.wave, rollout["fence"]["token"]
        lease, alive = lease_of(plan, rollout["fence"]), [time.monotonic()]

        def look() -> tuple[list[str], Data]:
            if time.monotonic() > alive[0] + _RENEWED:
                alive[0] = time.monotonic()
                registry.renew(lease, ttl=LEASE_SECONDS)
                registry.report_job(plan.id, part.id, ttl=LEASE_SECONDS)
            row = registry.rollout(plan.id)
            if part.is_whole(plan):
                return [], row
            jobs = registry.jobs(plan.id, token=token)
            missing = absent(plan, part, wave, judging.step, row["deployments"], jobs)
            if judging.step == BEGIN:
                missing += [
                    host for host in still_baking(plan, part, wave, row["waves"], utc_now()) if host not in missing
                ]
            return missing, row

        def asked(row: Data) -> bool:
            order = newest_order(row)
            return order is not None and order.kind in (PAUSE, REVERT)

        def say(text: str) -> None:
            Display().display(f"{plan.id}, {wave.name}: {text}")

        return wait_for_others(look, seconds=judging.patience, until=asked, say=say)


def _step(params: Data, wave: Wave) -> str:
    if not wave.index:
        return STAGED
    if params["begins"]:
        return BEGIN
    return CONFIRMED if params["confirmed"] else ACTIVATED


def _heard(judging: Judging) -> list[Entry]:
    """What became of the job's own hosts."""
    return [] if judging.step == BEGIN else [entry.deployments(rows(judging.plan, judging.own))]


def _judged(judging: Judging, verdict: Verdict, begun: set[int], *, baked: bool) -> list[Entry]:
    """A wave of a rollout that goes on ends when its hosts were asked to confirm; the next one begins when it has
    baked. What is known to have ended keeps its time, from which a bake counts: a wave that is paused while it bakes,
    and one that an earlier job of the rollout has switched."""
    plan, wave = judging.plan, judging.wave
    goes_on = verdict.verdict == outcome.CONTINUE
    if plan.kind in FORWARD and goes_on and judging.step in (BEGIN, ACTIVATED):
        return []
    found = []
    if not (baked and verdict.verdict == outcome.PAUSE):
        found.append(entry.wave(wave.index, wave.name, wave.hosts, verdict.verdict, verdict.reason))
    following = [other for other in plan.waves if other.index == wave.index + 1 and plan.switches(other)]
    bakes = judging.step == CONFIRMED and wave.bake and not baked
    if goes_on and not bakes and following and (judging.part.is_whole(plan) or following[0].index not in begun):
        found.append(entry.wave(following[0].index, following[0].name, following[0].hosts))
    return found
