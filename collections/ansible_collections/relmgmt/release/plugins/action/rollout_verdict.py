# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._model import outcome
from ..module_utils._model.errors import BackendError, ConflictError
from ..plugin_utils._action import ControllerAction
from ..plugin_utils._registry import ROLLOUT, entry
from ..plugin_utils._rollout import (
    FINAL,
    Plan,
    Result,
    Verdict,
    Wave,
    counted,
    decide,
    frozen_instead,
    good_outcomes,
    keep,
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
        wave = plan.wave_of(params["wave"])
        variables, names = task_vars["hostvars"], params["results"]
        confirmed, baked = params["confirmed"], params["baked"]
        good = FINAL[plan.kind] if confirmed else good_outcomes(plan.kind, staging=wave.index == 0)
        results = outcomes(plan, wave.hosts, variables, names)
        lost = lost_elsewhere(plan, wave, variables, names)
        verdict = decide(
            results,
            good=good,
            budget=plan.budget,
            spent=counted(lost.values()),
            on_failure=plan.on_failure,
            sites=plan.limits_of_sites(lost),
        )
        if plan.past_return(wave.index):
            verdict = frozen_instead(verdict)
        warnings = []
        if not self.check_mode:
            try:
                entries = self._entries(plan, wave, verdict, results, ends=confirmed, baked=baked)
                warnings = keep(rollout, lease_of(plan, rollout["fence"]), entries)
            except ConflictError as exc:
                verdict = Verdict(outcome.PAUSE, str(exc), verdict.failed)
            except BackendError as exc:
                # The hosts come first.
                warnings = [f"The verdict is not in the registry: {exc}"]
        back = way_back(plan, wave, variables, names) if verdict.verdict == outcome.REVERT_ALL else []
        ways = {"order": [host for batch in back for host in batch], "batches": [len(batch) for batch in back]}
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

    @staticmethod
    def _entries(
        plan: Plan, wave: Wave, verdict: Verdict, results: dict[str, Result], *, ends: bool, baked: bool
    ) -> list[entry.Entry]:
        """A wave of a rollout that goes on ends when its hosts were asked to confirm (``ends``); the next one begins
        when it has baked. What is known to have ended keeps its time, from which a bake counts: a wave that is paused
        while it bakes, and one that an earlier job of the rollout has switched."""
        entries = [entry.deployments(rows(plan, results))]
        goes_on = verdict.verdict == outcome.CONTINUE
        if plan.kind == ROLLOUT and wave.index and goes_on and not ends:
            return entries
        if not (baked and verdict.verdict == outcome.PAUSE):
            entries.append(entry.wave(wave.index, wave.name, wave.hosts, verdict.verdict, verdict.reason))
        following = [other for other in plan.waves if other.index == wave.index + 1 and plan.switches(other)]
        if goes_on and following and (baked or not (ends and wave.bake)):
            entries.append(entry.wave(following[0].index, following[0].name, following[0].hosts))
        return entries
