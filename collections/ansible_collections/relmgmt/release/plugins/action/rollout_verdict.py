# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

from ansible.utils.display import Display

from ..module_utils._model import outcome
from ..module_utils._model.errors import BackendError, ConflictError
from ..plugin_utils._action import ControllerAction
from ..plugin_utils._registry import PAUSE, REVERT, ROLLOUT, Order, Registry, location
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
    lease_of,
    newest_order,
    rows,
    wait_for_others,
)

Data = dict[str, t.Any]
_RENEWED = 60.0  # seconds between signs of life while others are waited for


class ActionModule(ControllerAction):
    """Say what the outcomes of a wave mean for the rollout, and record them."""

    def verb(self, params: Data, task_vars: Data) -> Data:
        rollout = params["rollout"]
        plan, part = Plan.from_dict(rollout), JobPart.of(rollout)
        wave = self._wave(plan, params["wave"])
        judging = Judging(plan, part, wave, _step(params, wave), task_vars["hostvars"], params["results"])
        recorded, warnings = list[Data](), []
        if self.check_mode:
            recorded = judging.predicted()
            verdict = judging.verdict(recorded)
        else:
            try:
                verdict, recorded = self._settle(judging, rollout)
            except ConflictError as exc:
                verdict = Verdict(outcome.PAUSE, str(exc), judging.verdict(()).failed)
            except BackendError as exc:
                # The hosts come first: what was not recorded here is recorded when the rollout is closed.
                warnings.append(f"The verdict is not in the registry: {exc}")
                alone = Verdict(outcome.PAUSE, f"nothing is known of the hosts of other jobs: {exc}", {}, open=True)
                verdict = judging.verdict(()) if part.is_whole(plan) else alone
        back = judging.way_back(recorded) if verdict.verdict == outcome.REVERT_ALL else []
        ways = {"order": [host for batch in back for host in batch], "batches": [len(batch) for batch in back]}
        return {
            "changed": False,
            "warnings": warnings,
            "summary": f"{wave.name}: {verdict.verdict}, {verdict.reason}",
            "verdict": {**verdict.to_dict(), "wave": wave.index, "name": wave.name, **ways},
        }

    def _settle(self, judging: Judging, rollout: Data) -> tuple[Verdict, list[Data]]:
        """Record, wait for the hosts of other jobs, and judge. The verdict, and what is recorded of all hosts."""
        plan, part, wave = judging.plan, judging.part, judging.wave
        with Registry.open(location(rollout)) as registry:
            registry.renew(lease_of(plan, rollout["fence"]), ttl=LEASE_SECONDS)
            if judging.step != BEGIN:
                registry.record_deployments(plan.id, rows(plan, judging.own))
            if part.id:
                registry.report_job(plan.id, part.id, ready=wave.index, ttl=LEASE_SECONDS)
            missing, row = self._wait(judging, rollout, registry)
            order = newest_order(row)
            verdict = judging.verdict(row["deployments"], order=order, missing=missing)
            if not part.is_whole(plan) and verdict.verdict != outcome.CONTINUE and not verdict.open:
                kind = REVERT if verdict.verdict == outcome.REVERT_ALL else PAUSE
                if order is None or order.kind != kind:
                    registry.give_order(plan.id, Order(kind, f"the job with {part.hosts[0]}", verdict.reason))
            self._record(registry, judging, verdict, {wave["index"] for wave in row["waves"]})
        return verdict, row["deployments"]

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
            return absent(plan, part, wave, judging.step, row["deployments"], jobs), row

        def asked(row: Data) -> bool:
            order = newest_order(row)
            return order is not None and order.kind in (PAUSE, REVERT)

        def say(text: str) -> None:
            Display().display(f"{plan.id}, {wave.name}: {text}")

        return wait_for_others(look, seconds=judging.patience, until=asked, say=say)

    @staticmethod
    def _record(registry: Registry, judging: Judging, verdict: Verdict, begun: set[int]) -> None:
        """A wave of a rollout that goes on ends when its hosts were asked to confirm."""
        plan, wave = judging.plan, judging.wave
        goes_on = verdict.verdict == outcome.CONTINUE
        if plan.kind == ROLLOUT and goes_on and judging.step in (BEGIN, ACTIVATED):
            return
        registry.record_wave(
            plan.id, wave.index, name=wave.name, hosts=wave.hosts, verdict=verdict.verdict, reason=verdict.reason
        )
        following = [other for other in plan.waves if other.index == wave.index + 1]
        whole = judging.part.is_whole(plan)
        if goes_on and following and (whole or following[0].index not in begun):
            registry.record_wave(plan.id, following[0].index, name=following[0].name, hosts=following[0].hosts)

    @staticmethod
    def _wave(plan: Plan, first: str) -> Wave:
        """The wave that the host belongs to; without a host, staging, which concerns all of them."""
        return next((wave for wave in plan.waves if first in wave.hosts), plan.staging)


def _step(params: Data, wave: Wave) -> str:
    if not wave.index:
        return STAGED
    if params["begins"]:
        return BEGIN
    return CONFIRMED if params["confirmed"] else ACTIVATED
