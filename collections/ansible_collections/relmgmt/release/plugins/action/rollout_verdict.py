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
                entries = self._entries(plan, wave, verdict, results, ends=confirmed)
                warnings = keep(rollout, lease_of(plan, rollout["fence"]), entries)
            except ConflictError as exc:
                verdict = Verdict(outcome.PAUSE, str(exc), verdict.failed)
            except BackendError as exc:
                # The hosts come first.
                warnings = [f"The verdict is not in the registry: {exc}"]
        back = way_back(plan, wave, variables, names) if verdict.verdict == outcome.REVERT_ALL else []
        ways = {"order": [host for batch in back for host in batch], "batches": [len(batch) for batch in back]}
        return {
            "changed": False,
            "warnings": warnings,
            "summary": f"{wave.name}: {verdict.verdict}, {verdict.reason}",
            "verdict": {**verdict.to_dict(), "wave": wave.index, "name": wave.name, **ways},
        }

    @staticmethod
    def _entries(
        plan: Plan, wave: Wave, verdict: Verdict, results: dict[str, Result], *, ends: bool
    ) -> list[entry.Entry]:
        """A wave of a rollout that goes on ends when its hosts were asked to confirm (``ends``)."""
        entries = [entry.deployments(rows(plan, results))]
        goes_on = verdict.verdict == outcome.CONTINUE
        if plan.kind == ROLLOUT and wave.index and goes_on and not ends:
            return entries
        entries.append(entry.wave(wave.index, wave.name, wave.hosts, verdict.verdict, verdict.reason))
        following = [other for other in plan.waves if other.index == wave.index + 1]
        if goes_on and following:
            entries.append(entry.wave(following[0].index, following[0].name, following[0].hosts))
        return entries

    @staticmethod
    def _wave(plan: Plan, first: str) -> Wave:
        """The wave that the host belongs to; without a host, staging, which concerns all of them."""
        return next((wave for wave in plan.waves if first in wave.hosts), plan.staging)
