# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict over a wave: what its hosts' outcomes mean for the fleet (private).

A host that is not well either speaks against the release (it was tried there and found unhealthy) or is a sick host:
out of reach, out of disk, in use by somebody else, broken before. The two are counted apart, each against a budget of
its own.
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import typing as t

from ...module_utils._model import outcome

__all__ = ["FINAL", "Budget", "Result", "SiteBudgets", "Verdict", "counted", "decide", "final", "good_outcomes"]

_LOST = (outcome.UNREACHABLE, outcome.UNKNOWN)


@dataclasses.dataclass(frozen=True)
class Result:
    """What a host verb returned for one host.

    inconclusive: nobody could ask whether it is well. cause: what its failure speaks against, where the host said so.
    heard: the last outcome before the host was lost; empty if it was not.
    """

    outcome: str
    reason: str = ""
    deployment: int | None = None
    inconclusive: bool = False
    cause: str = ""
    heard: str = ""

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any] | None) -> Result | None:
        """None for a task that was skipped or never ran."""
        if not data or data.get("skipped"):
            return None
        if "outcome" not in data:
            for word, result in (("unreachable", outcome.UNREACHABLE), ("failed", outcome.UNKNOWN)):
                if data.get(word):
                    return cls(result, str(data.get("msg", "the task failed")), cause=outcome.HOST)
            return None
        reason, doubt = str(data.get("reason") or ""), bool(data.get("inconclusive"))
        cause = str(data.get("cause") or (outcome.HOST if data.get("code") else ""))
        return cls(str(data["outcome"]), reason, data.get("deployment"), doubt, cause)

    @property
    def against_release(self) -> bool:
        """Whether it speaks against the release. So does a host that went back and does not say why: who stops for
        nothing does less harm than who goes on for nothing."""
        return (self.cause or (outcome.RELEASE if self.outcome == outcome.REVERTED else "")) == outcome.RELEASE


class Budget(t.NamedTuple):
    """Numbers of hosts: sick ones, and those that speak against the release. Of what may be, or of what was."""

    sick: int = 0
    release: int = 0

    def plus(self, other: Budget) -> Budget:
        return Budget(self.sick + other.sick, self.release + other.release)

    def covers(self, spent: Budget) -> bool:
        return spent.sick <= self.sick and spent.release <= self.release

    def of(self, spent: Budget) -> str:
        """What was spent of it, for people."""
        sick = f"sick hosts: {spent.sick} (budget {self.sick})"
        return f"{sick}, hosts that speak against the release: {spent.release} (budget {self.release})"


@dataclasses.dataclass(frozen=True)
class SiteBudgets:
    """How many hosts of a site may be sick or speak against the release, together. site_of: by host; lost: hosts that
    have failed before. A site without a budget has no limit of its own."""

    budgets: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    site_of: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    lost: frozenset[str] = frozenset()

    def exceeded(self, failed: collections.abc.Iterable[str]) -> dict[str, int]:
        """Site → how many of its hosts failed, where those are more than may be."""
        found = collections.Counter(self.site_of.get(host, "") for host in {*self.lost, *failed})
        return {site: found[site] for site, budget in sorted(self.budgets.items()) if found[site] > budget}

    def of(self, exceeded: collections.abc.Mapping[str, int]) -> str:
        """The same for people; empty where there is none."""
        return "".join(
            f"; hosts of site {site} that are not well: {count} (budget {self.budgets[site]})"
            for site, count in exceeded.items()
        )


NO_LIMITS = SiteBudgets()


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What follows, and why; ``failed`` maps host to reason. frozen: behind a point of no return. open: the rollout
    stops and is not over."""

    verdict: str
    reason: str
    failed: t.Mapping[str, str]
    frozen: bool = False
    open: bool = False

    def to_dict(self) -> dict[str, t.Any]:
        marks = {name: True for name in ("frozen", "open") if getattr(self, name)}
        return {"verdict": self.verdict, "reason": self.reason, "failed": dict(self.failed), **marks}


def final(results: t.Iterable[t.Mapping[str, t.Any] | None]) -> Result:
    """The last thing that happened to a host, out of its results in order; ``unknown`` if nothing did."""
    known = [result for result in map(Result.from_dict, results) if result is not None]
    if not known:
        return Result(outcome.UNKNOWN, "the host took no part")
    last = known[-1]
    if last.deployment is None:
        numbers = [result.deployment for result in known if result.deployment is not None]
        last = dataclasses.replace(last, deployment=numbers[-1] if numbers else None)
    if last.outcome in _LOST:
        heard = [result.outcome for result in known if result.outcome not in _LOST]
        last = dataclasses.replace(last, heard=heard[-1] if heard else "")
    return last


FINAL = {
    "rollout": (outcome.CONFIRMED,),
    "rotation": (outcome.CONFIRMED,),
    "rollback": (outcome.REVERTED, outcome.CONFIRMED),
}


def good_outcomes(kind: str, *, staging: bool) -> tuple[str, ...]:
    """The outcomes that count as well after staging, and after a wave of a rollout or a rollback."""
    if staging:
        return (outcome.STAGED, outcome.PROVISIONAL, outcome.CONFIRMED)
    return (outcome.REVERTED if kind == "rollback" else outcome.PROVISIONAL, outcome.CONFIRMED)


def counted(results: collections.abc.Iterable[Result]) -> Budget:
    """How many of these, which are not well, are which."""
    against = [result.against_release for result in results]
    return Budget(sick=len(against) - sum(against), release=sum(against))


def decide(
    results: t.Mapping[str, Result],
    *,
    good: t.Collection[str],
    budget: Budget,
    spent: Budget,
    on_failure: str,
    sites: SiteBudgets = NO_LIMITS,
) -> Verdict:
    """Continue while the hosts that failed, in this wave and before (``spent``), are within both budgets, and within
    that of their site.

    A wave of which no host is good never continues: that is the release or the site, not a sick host. Where nothing
    failed that must not, but nobody could ask whether a host is well, a person decides.
    """
    doubtful = [
        host
        for host, result in sorted(results.items())
        if result.inconclusive and result.outcome in (*good, outcome.PROVISIONAL)
    ]
    bad = {
        host: result for host, result in sorted(results.items()) if result.outcome not in good and host not in doubtful
    }
    failed = {host: result.reason or f"the outcome is {result.outcome}" for host, result in bad.items()}
    total = spent.plus(counted(bad.values()))
    over = sites.exceeded(bad)
    if budget.covers(total) and not over and (not failed or len(failed) < len(results)):
        if doubtful:
            return Verdict(outcome.PAUSE, f"{doubtful[0]}: {results[doubtful[0]].reason}{_more(doubtful)}", failed)
        why = f"{len(results) - len(failed)} of {len(results)} hosts are well"
        return Verdict(outcome.CONTINUE, f"{why}; {budget.of(total)}" if any(total) else why, failed)
    told = budget.of(total) + sites.of(over)
    if not failed:
        return Verdict(on_failure, f"hosts of other waves failed; {told}", failed)
    # What exceeds its budget is named first: it is what stops the rollout.
    first = [host for host in failed if total.release > budget.release and bad[host].against_release]
    first += [host for host in failed if sites.site_of.get(host) in over]
    host = (first or list(failed))[0]
    return Verdict(on_failure, f"{host}: {failed[host]}{_more(failed)}; {told}", failed)


def _more(hosts: collections.abc.Sized) -> str:
    return f" (and {len(hosts) - 1} more)" if len(hosts) > 1 else ""
