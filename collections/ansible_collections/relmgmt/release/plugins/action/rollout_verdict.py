# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._model import outcome
from ..module_utils._model.errors import BackendError, ConflictError
from ..plugin_utils._action import ControllerAction
from ..plugin_utils._registry import ROLLOUT, Registry, location
from ..plugin_utils._rollout import (
    FINAL,
    LEASE_SECONDS,
    Plan,
    Result,
    Verdict,
    Wave,
    decide,
    frozen_instead,
    good_outcomes,
    lease_of,
    lost_elsewhere,
    outcomes,
    rows,
    way_back,
)


class ActionModule(ControllerAction):
    """Say what the outcomes of a wave mean for the rollout, and record them."""

    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        rollout = params["rollout"]
        plan = Plan.from_dict(rollout)
        wave = self._wave(plan, params["wave"])
        variables, names = task_vars["hostvars"], params["results"]
        confirmed = params["confirmed"]
        good = FINAL[plan.kind] if confirmed else good_outcomes(plan.kind, staging=wave.index == 0)
        results = outcomes(plan, wave.hosts, variables, names)
        lost = lost_elsewhere(plan, wave, variables, names)
        spent = plan.spent.plus(lost)
        verdict = decide(results, good=good, budget=plan.budget, spent=spent, on_failure=plan.on_failure)
        if plan.past_return(wave.index):
            verdict = frozen_instead(verdict)
        warnings = []
        if not self.check_mode:
            try:
                self._record(plan, rollout, wave, verdict, results, ends=confirmed)
            except ConflictError as exc:
                verdict = Verdict(outcome.PAUSE, str(exc), verdict.failed)
            except BackendError as exc:
                # The hosts come first: what was not recorded here is recorded when the rollout is closed.
                warnings.append(f"The verdict is not in the registry: {exc}")
        back = way_back(plan, wave, variables, names) if verdict.verdict == outcome.REVERT_ALL else []
        ways = {"order": [host for batch in back for host in batch], "batches": [len(batch) for batch in back]}
        return {
            "changed": False,
            "warnings": warnings,
            "summary": f"{wave.name}: {verdict.verdict}, {verdict.reason}",
            "verdict": {**verdict.to_dict(), "wave": wave.index, "name": wave.name, **ways},
        }

    @staticmethod
    def _record(
        plan: Plan, rollout: dict[str, t.Any], wave: Wave, verdict: Verdict, results: dict[str, Result], *, ends: bool
    ) -> None:
        """A wave of a rollout that goes on ends when its hosts were asked to confirm (``ends``)."""
        with Registry.open(location(rollout)) as registry:
            registry.renew(lease_of(plan, rollout["fence"]), ttl=LEASE_SECONDS)
            registry.record_deployments(plan.id, rows(plan, results))
            if plan.kind == ROLLOUT and wave.index and verdict.verdict == outcome.CONTINUE and not ends:
                return
            registry.record_wave(
                plan.id, wave.index, name=wave.name, hosts=wave.hosts, verdict=verdict.verdict, reason=verdict.reason
            )
            following = [other for other in plan.waves if other.index == wave.index + 1]
            if verdict.verdict == outcome.CONTINUE and following:
                registry.record_wave(plan.id, following[0].index, name=following[0].name, hosts=following[0].hosts)

    @staticmethod
    def _wave(plan: Plan, first: str) -> Wave:
        """The wave that the host belongs to; without a host, staging, which concerns all of them."""
        return next((wave for wave in plan.waves if first in wave.hosts), plan.staging)
