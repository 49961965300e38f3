# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate before production: no host goes a way forward whose way back nobody has rehearsed (private).

A *way* leads from the release that a host stands on, or from nothing, to the one that is rolled out. Hosts that stand
on that release already and get other configuration alone go none.
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import shlex
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.digest import short
from ...module_utils._model.errors import InputError, IntegrityError
from .._evidence import ABSENT, Found, Rule, find
from .._registry import Clock, Registry, utc_now
from .plan import DEPLOY, HostPlan, Plan

if t.TYPE_CHECKING:
    from .planning import Wish

__all__ = ["LEAVE_OUT", "REQUIRED", "WAIVED", "Gate", "Policy", "Ruling"]

REQUIRED, LEAVE_OUT, WAIVED = "required", "leave_out", "waived"
SAME = "same"
MOST_DAYS = 3650
Data = dict[str, t.Any]
_GRAVEST = ("rehearsal-forged", "rehearsal-expired", "rehearsal-missing")


@dataclasses.dataclass(frozen=True)
class Policy:
    """What a site asks for. ``production`` names environments, ``environment`` is ``any`` or ``same``.

    Raises InputError where it cannot be meant: ``waiver-unreasoned``, ``rehearsal-age-malformed``.
    """

    rehearsal: str = REQUIRED
    reason: str = ""
    production: tuple[str, ...] = ("prod", "production")
    days: int = 90
    environment: str = "any"

    def __post_init__(self) -> None:
        if self.rehearsal == WAIVED and not self.reason.strip():
            raise InputError(
                "waiver-unreasoned",
                "the rehearsal is waived without a reason",
                hint="Say why, for the record: -e \"relmgmt_rehearsal_reason='...'\"",
            )
        if not 1 <= self.days <= MOST_DAYS:
            raise InputError(
                "rehearsal-age-malformed",
                f"rehearsals that count for {self.days} days: that is not 1 to {MOST_DAYS}",
                hint="Set relmgmt_rehearsal_days, or leave it out for 90.",
            )


@dataclasses.dataclass(frozen=True)
class Way:
    """Hosts that stand on the same release, and the rehearsal that was found for it."""

    before: str
    version: str
    hosts: tuple[str, ...]
    found: Found

    def to_dict(self, state: str) -> Data:
        """As the plan keeps it; ``state`` is what became of the hosts."""
        shown: Data = {"before": self.before, "version": self.version, "hosts": list(self.hosts), "state": state}
        rehearsal = self.found.rehearsal
        if rehearsal is None:
            return {**shown, "problem": self.found.reason}
        seconds = {phase.name: phase.seconds for phase in rehearsal.phases}
        return {**shown, "evidence": self.found.id, "day": rehearsal.finished.date().isoformat(), "seconds": seconds}

    def __str__(self) -> str:
        origin = self.version if self.before == ABSENT else f"{self.version} ({short(self.before)})"
        return f"from {origin}: {', '.join(self.hosts)}: {self.found.reason}"


class Ruling(t.NamedTuple):
    """Host → why it is left out, and what the plan keeps of all ways; empty where there is nothing to say."""

    out: dict[str, str]
    record: Data


class Gate:
    """Asks the registry for rehearsals and rules by the policy. ``inventories``: named in the command to rehearse."""

    def __init__(
        self, policy: Policy, registry: Registry, *, inventories: t.Sequence[str] = (), clock: Clock = utc_now
    ) -> None:
        self._policy, self._registry = policy, registry
        self._inventories, self._clock = inventories, clock

    def rule(
        self,
        wish: Wish,
        planned: collections.abc.Mapping[str, HostPlan],
        digest: str,
        *,
        resumed: Plan | None,
        switched: bool = True,
    ) -> Ruling:
        """Who may go. An unfinished rollout that has switched a host (``switched``) goes on; of one that has not, only
        what was waived stays so. A host that comes late to it has to be rehearsed.

        Raises:
            InputError, IntegrityError: the policy lets nobody go without a rehearsal, or would let nobody go at all
                (``rehearsal-missing``, ``rehearsal-expired``, ``rehearsal-forged``).
        """
        begun = _let_pass(resumed, switched) if resumed else set()
        ways = self._ways(wish, {host: plan for host, plan in planned.items() if host not in begun}, digest)
        lacking = [way for way in ways if way.found.rehearsal is None]
        if wish.environment not in self._policy.production:
            ways = [way for way in ways if way.found.rehearsal]
            lacking = []
        waived = self._policy.rehearsal == WAIVED
        closed = self._policy.rehearsal == REQUIRED or self._nobody_left(lacking, planned)
        if lacking and closed and not waived and not begun:
            raise self._refusal(wish, lacking)
        states = {way.before: "rehearsed" if way.found.rehearsal else WAIVED if waived else "left_out" for way in ways}
        left_out = [way for way in ways if states[way.before] == "left_out"]
        out = {host: f"{way.found.code}: {way.found.reason}" for way in left_out for host in way.hosts}
        return Ruling(out, self._record([way.to_dict(states[way.before]) for way in ways], resumed, begun))

    def _ways(self, wish: Wish, planned: collections.abc.Mapping[str, HostPlan], digest: str) -> list[Way]:
        groups = collections.defaultdict[str, list[str]](list)
        for host, plan in sorted(planned.items()):
            if plan.action == DEPLOY and plan.origin != digest:
                groups[plan.origin].append(host)
        rule = Rule(self._policy.days, wish.environment if self._policy.environment == SAME else "")
        now = self._clock()
        return [
            Way(
                before,
                planned[hosts[0]].before,
                tuple(hosts),
                find(self._registry, wish.package, before, digest, rule=rule, now=now),
            )
            for before, hosts in sorted(groups.items())
        ]

    def _record(self, ways: list[Data], resumed: Plan | None, begun: set[str]) -> Data:
        before = resumed.rehearsal.get("ways", ()) if resumed else ()
        kept = [way for way in before if way["state"] != "left_out" and begun & set(way["hosts"])]
        if not ways:
            return {**resumed.rehearsal, "ways": kept} if resumed and kept else {}
        said = [resumed.rehearsal.get("reason", "")] if resumed else []
        if any(way["state"] == WAIVED for way in ways):
            said.append(self._policy.reason.strip())
        reason = "; ".join(dict.fromkeys(text for text in said if text))
        return {"policy": self._policy.rehearsal, "reason": reason, "ways": [*kept, *ways]}

    @staticmethod
    def _nobody_left(lacking: t.Sequence[Way], planned: collections.abc.Mapping[str, HostPlan]) -> bool:
        out = {host for way in lacking for host in way.hosts}
        return all(host in out for host, plan in planned.items() if plan.action == DEPLOY)

    def _refusal(self, wish: Wish, lacking: t.Sequence[Way]) -> InputError | IntegrityError:
        code = min((way.found.code for way in lacking), key=_GRAVEST.index)
        count = sum(len(way.hosts) for way in lacking)
        hosts = "1 host" if count == 1 else f"{count} hosts"
        lines = "\n".join(f"  {way}" for way in lacking)
        kind = IntegrityError if code == "rehearsal-forged" else InputError
        return kind(
            code,
            f"{hosts} would go a way to {wish.package} {wish.version} in {wish.environment} of which no rehearsal shows"
            f" that it leads back. Nothing was staged:\n{lines}\n",
            hint=f"Rehearse it: {self._command(wish, lacking)}\nOr leave such hosts out (relmgmt_rehearsal=leave_out),"
            " or do without for a reason that is recorded"
            " (-e relmgmt_rehearsal=waived -e \"relmgmt_rehearsal_reason='...'\").",
        )

    def _command(self, wish: Wish, lacking: t.Sequence[Way]) -> str:
        """What rehearses on one host of each way."""
        variables = {
            "relmgmt_target": ",".join(way.hosts[0] for way in lacking),
            "relmgmt_package": wish.package,
            "relmgmt_version": wish.version,
            "relmgmt_environment": wish.environment,
            **({"relmgmt_instance": wish.instance} if wish.instance != "main" else {}),
            **({"relmgmt_adopt": "true"} if any(way.version == outcome.ADOPTED for way in lacking) else {}),
        }
        inventories = [part for source in self._inventories for part in ("-i", source)]
        settings = [part for name, value in variables.items() for part in ("-e", f"{name}={value}")]
        return shlex.join(["ansible-playbook", *inventories, "relmgmt.release.rehearse", *settings])


def _let_pass(resumed: Plan, switched: bool) -> set[str]:
    """Hosts of an unfinished rollout that are not asked again."""
    if switched:
        return set(resumed.staging.hosts)
    waived = [way["hosts"] for way in resumed.rehearsal.get("ways", ()) if way["state"] == WAIVED]
    return {host for hosts in waived for host in hosts}
