# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on a step of a wave: what became of its hosts, what people ask for, who is still missing (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model import outcome
from .._registry import PAUSE, REVERT, ROLLOUT, Order
from .account import lost_elsewhere, outcomes, way_back
from .joining import ACTIVATED, BEGIN, CONFIRMED, STAGED, JobPart, Rows, Variables, named, with_others
from .migrating import frozen_instead
from .plan import Plan
from .strategy import Wave
from .unfinished import said_by
from .verdict import FINAL, Result, Verdict, counted, decide, good_outcomes

__all__ = ["Judging"]


@dataclasses.dataclass(frozen=True)
class Judging:
    """What is judged. step: one of ``joining``; fleet: the variables of the job's own hosts, at least; names: of the
    variables that results are registered in."""

    plan: Plan
    part: JobPart
    wave: Wave
    step: str
    fleet: collections.abc.Mapping[str, Variables]
    names: t.Sequence[str]

    @property
    def own(self) -> dict[str, Result]:
        """The outcomes of the job's own hosts of the wave."""
        return outcomes(self.plan, self.part.own(self.wave.hosts), self.fleet, self.names)

    @property
    def patience(self) -> float:
        """Seconds that others are waited for: never so long that hosts which are not final go back meanwhile."""
        if self.step == ACTIVATED and self.part.patience:
            return min(self.part.wait, self.part.patience / 2)
        return self.part.wait

    def verdict(self, rows: Rows, *, order: Order | None = None, missing: t.Collection[str] = ()) -> Verdict:
        """rows: deployments as recorded; missing: hosts of other jobs that were not heard of in time."""
        judged = self._by_outcomes(self._seen(rows), missing)
        if order and order.kind == REVERT and self.plan.kind == ROLLOUT:
            judged = Verdict(outcome.REVERT_ALL, f"reverted {said_by(order)}", judged.failed)
        if self.plan.past_return(self.wave.index):
            judged = frozen_instead(judged)
        if judged.verdict != outcome.CONTINUE:
            return judged
        if order and order.kind == PAUSE and self.plan.kind == ROLLOUT:
            return Verdict(outcome.PAUSE, f"paused {said_by(order)}", judged.failed, open=True)
        if missing:
            why = f"hosts of other jobs are missing: {named(sorted(missing))}"
            return Verdict(outcome.PAUSE, why, judged.failed, open=True)
        return judged

    def way_back(self, rows: Rows) -> list[list[str]]:
        """Which of the job's own hosts go back together when everything does."""
        batches = way_back(self.plan, self.wave, self._seen(rows), self.names)
        own = [list(self.part.own(batch)) for batch in batches]
        return [batch for batch in own if batch]

    def predicted(self) -> list[dict[str, t.Any]]:
        """Rows as they will be if the jobs with the other hosts are well."""
        well = {"outcome": outcome.STAGED if self.step == STAGED else outcome.CONFIRMED, "reason": "", "cause": ""}
        return [{"host": host, "deployment": 0, **well} for host in self.plan.hosts if host not in set(self.part.hosts)]

    def _by_outcomes(self, fleet: collections.abc.Mapping[str, Variables], missing: t.Collection[str]) -> Verdict:
        plan = self.plan
        final = self.step == CONFIRMED
        good = FINAL[plan.kind] if final else good_outcomes(plan.kind, staging=self.wave.index == 0)
        awaited = [host for host in self.wave.hosts if host not in missing] if self.step != BEGIN else []
        lost = lost_elsewhere(plan, self.wave, fleet, self.names, awaited=missing)
        verdict = decide(
            outcomes(plan, awaited, fleet, self.names),
            good=good,
            budget=plan.budget,
            spent=counted(lost.values()),
            on_failure=plan.on_failure,
            sites=plan.limits_of_sites(lost),
        )
        if self.step == BEGIN and verdict.verdict == outcome.CONTINUE:
            return dataclasses.replace(verdict, reason="it may begin, as far as the hosts of other jobs go")
        return verdict

    def _seen(self, rows: Rows) -> collections.abc.Mapping[str, Variables]:
        if self.part.is_whole(self.plan):
            return self.fleet
        return with_others(self.plan, self.part, self.fleet, self.names, rows)
