# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rehearsal: the way forward and back, twice, for real; what makes it good, and what is signed of it (private).

Phases: ``stage``, ``forward`` (activate and confirm), ``back`` (revert), and all three ``_again``.
"""

from __future__ import annotations

import collections
import collections.abc
import datetime
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.errors import InputError
from .._evidence import Phase, Rehearsal
from .plan import Plan, release_of
from .refusals import FIRM, Asking
from .verdict import Result, Verdict

__all__ = ["AGAIN", "LEAVE_NEW", "PHASES", "astray", "judge", "rehearsals", "require_fit"]

AGAIN = "_again"
LEAVE_NEW = "new"
_GOOD = {"stage": outcome.STAGED, "forward": outcome.CONFIRMED, "back": outcome.REVERTED}
PHASES = (*_GOOD, *(f"{phase}{AGAIN}" for phase in _GOOD))
Info = collections.abc.Mapping[str, t.Any]


def require_fit(
    infos: collections.abc.Mapping[str, Info], digest: str, *, resumed: bool, asking: Asking = FIRM
) -> None:
    """See that the hosts stand on something else than the release, and stand well.

    What an interrupted rehearsal left on the release is taken back by the next one, so it is fit as it is.

    Raises:
        InputError: ``rehearsal-host-unfit``, ``rehearsal-pointless``; nothing was touched.
    """
    here = sorted(host for host, info in infos.items() if release_of(info) == digest)
    unfit = {
        host: problem
        for host, info in sorted(infos.items())
        if not (resumed and host in here) and (problem := _problem(info))
    }
    asking.ask(lambda: _require_none(unfit), None)
    asking.ask(lambda: _require_elsewhere([] if resumed else here), None)


def _require_none(unfit: collections.abc.Mapping[str, str]) -> None:
    if unfit:
        raise InputError(
            "rehearsal-host-unfit",
            "A rehearsal needs hosts that are well. Nothing was staged:\n"
            + "".join(f"  {host}: {problem}\n" for host, problem in unfit.items()),
            hint="Mend them (roll out or back what they should run), or rehearse on others.",
        )


def _require_elsewhere(here: collections.abc.Sequence[str]) -> None:
    if here:
        raise InputError(
            "rehearsal-pointless",
            f"This release already runs on {', '.join(here)}: there is no way to it to rehearse",
            hint="Rehearse on hosts that run what the others do.",
        )


def _problem(info: Info) -> str:
    """Why the host does not stand well, in words; empty if it does."""
    release = info.get("release") or {}
    state = release.get("state")
    if release.get("interrupted"):
        return "something is half done there"
    if state not in (outcome.ABSENT, outcome.ADOPTED, outcome.CONFIRMED):
        return f"what it runs is {state or 'unknown'}, not confirmed"
    if release.get("service") == "inactive":
        return "its service does not run"
    return "it is out of traffic" if release.get("traffic") == "out" else ""


def judge(phase: str, results: collections.abc.Mapping[str, Result]) -> Verdict:
    """Every host has to be well, and known to be, or everything goes back."""
    good = _GOOD[phase.removesuffix(AGAIN)]
    failed = {
        host: result.reason or f"the outcome is {result.outcome}"
        for host, result in sorted(results.items())
        if result.outcome != good or result.inconclusive
    }
    return _verdict(phase, failed, len(results))


def astray(plan: Plan, infos: collections.abc.Mapping[str, Info], *, leave: str) -> Verdict:
    """Whether all hosts in the end stand where they should, well: on the release, or on what they came from."""
    failed = {}
    for host in plan.staging.hosts:
        info = infos.get(host) or {}
        wanted, found = plan.digest if leave == LEAVE_NEW else plan.hosts[host].origin, release_of(info)
        problem = _problem(info) if found == wanted else f"it stands on {found or 'what is unknown'}, not on {wanted}"
        if problem:
            failed[host] = problem
    return _verdict("end", failed, len(plan.staging.hosts))


def _verdict(phase: str, failed: dict[str, str], hosts: int) -> Verdict:
    if not failed:
        return Verdict(outcome.CONTINUE, f"{hosts} of {hosts} hosts are well", failed)
    host, why = next(iter(failed.items()))
    others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return Verdict(outcome.REVERT_ALL, f"{phase}: {host}: {why}{others}", failed)


def rehearsals(
    plan: Plan, phases: t.Sequence[Phase], *, engine: str, registry: str, now: datetime.datetime
) -> list[Rehearsal]:
    """One for each release that hosts came from."""
    groups = collections.defaultdict[str, list[str]](list)
    for host in plan.staging.hosts:
        groups[plan.hosts[host].origin].append(host)
    return [
        Rehearsal(
            package=plan.package,
            before=before,
            after=plan.digest,
            version_before=plan.hosts[hosts[0]].before,
            version_after=plan.version,
            environment=plan.environment,
            hosts=len(hosts),
            sites=tuple(sorted({plan.hosts[host].site for host in hosts})),
            phases=tuple(phases),
            engine=engine,
            registry=registry,
            finished=now,
        )
        for before, hosts in sorted(groups.items())
    ]
