# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict over a wave: what its hosts' outcomes mean for the fleet (private)."""

from __future__ import annotations

import dataclasses
import typing as t

from ...module_utils._model import outcome

__all__ = ["FINAL", "Result", "Verdict", "decide", "final", "good_outcomes"]


@dataclasses.dataclass(frozen=True)
class Result:
    """What a host verb returned for one host. inconclusive: nobody could ask whether it is well."""

    outcome: str
    reason: str = ""
    deployment: int | None = None
    inconclusive: bool = False

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any] | None) -> Result | None:
        """None for a task that was skipped or never ran."""
        if not data or data.get("skipped"):
            return None
        if "outcome" not in data:
            for word, result in (("unreachable", outcome.UNREACHABLE), ("failed", outcome.UNKNOWN)):
                if data.get(word):
                    return cls(result, str(data.get("msg", "the task failed")))
            return None
        reason, doubt = str(data.get("reason") or ""), bool(data.get("inconclusive"))
        return cls(str(data["outcome"]), reason, data.get("deployment"), doubt)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What follows, and why; ``failed`` maps host to reason. frozen: behind a point of no return."""

    verdict: str
    reason: str
    failed: t.Mapping[str, str]
    frozen: bool = False

    def to_dict(self) -> dict[str, t.Any]:
        frozen = {"frozen": True} if self.frozen else {}
        return {"verdict": self.verdict, "reason": self.reason, "failed": dict(self.failed), **frozen}


def final(results: t.Iterable[t.Mapping[str, t.Any] | None]) -> Result:
    """The last thing that happened to a host, out of its results in order; ``unknown`` if nothing did."""
    known = [result for result in map(Result.from_dict, results) if result is not None]
    return known[-1] if known else Result(outcome.UNKNOWN, "the host took no part")


FINAL = {"rollout": (outcome.CONFIRMED,), "rollback": (outcome.REVERTED, outcome.CONFIRMED)}


def good_outcomes(kind: str, *, staging: bool) -> tuple[str, ...]:
    """The outcomes that count as well after staging, and after a wave of a rollout or a rollback."""
    if staging:
        return (outcome.STAGED, outcome.PROVISIONAL, outcome.CONFIRMED)
    return (outcome.REVERTED if kind == "rollback" else outcome.PROVISIONAL, outcome.CONFIRMED)


def decide(
    results: t.Mapping[str, Result], *, good: t.Collection[str], budget: int, spent: int, on_failure: str
) -> Verdict:
    """Continue while the hosts that failed, in this wave and before (``spent``), are within the budget.

    A wave of which no host is good never continues: that is the release or the site, not a sick host. Where nothing
    failed that must not, but nobody could ask whether a host is well, a person decides.
    """
    failed = {
        host: result.reason or f"the outcome is {result.outcome}"
        for host, result in sorted(results.items())
        if result.outcome not in good
    }
    if not failed or (spent + len(failed) <= budget and len(failed) < len(results)):
        doubtful = [host for host, result in sorted(results.items()) if result.inconclusive and host not in failed]
        if doubtful:
            more = f" (and {len(doubtful) - 1} more)" if len(doubtful) > 1 else ""
            return Verdict(outcome.PAUSE, f"{doubtful[0]}: {results[doubtful[0]].reason}{more}", failed)
        why = f"{len(results) - len(failed)} of {len(results)} hosts are well"
        return Verdict(outcome.CONTINUE, why, failed)
    host, reason = next(iter(failed.items()))
    others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return Verdict(on_failure, f"{host}: {reason}{others}; the failure budget is {budget}", failed)
