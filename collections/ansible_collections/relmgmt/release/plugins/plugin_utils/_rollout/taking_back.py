# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take back what an open rollout brought. Needs neither the DML nor any secret store (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.errors import ConflictError, InputError
from .._registry import REVERT, Holder, Lease, Registry
from .account import way_back
from .joining import JobPart, require_known
from .migrating import frozen_instead
from .opening import Hosts, begin_job, enter, learn
from .plan import DEPLOY, Plan
from .planning import Wish
from .unfinished import Unfinished, find_unfinished, said_by
from .verdict import Verdict

if t.TYPE_CHECKING:
    from .clocks import Rollouts

__all__ = ["TakenBack", "take_back"]

_FOUND = "found"


class TakenBack(t.NamedTuple):
    """The plan of the rollout, the lease (None in check mode), the job's part, the verdict that its hosts go back by,
    who goes back with whom, and host → the deployment that it is to leave."""

    plan: Plan
    lease: Lease | None
    part: JobPart
    verdict: Verdict
    batches: list[list[str]]
    leaving: dict[str, int]


def take_back(
    wish: Wish, hosts: Hosts, registry: Registry, holder: Holder | None, *, rollout: str, history: Rollouts
) -> TakenBack:
    """holder: None in check mode, where nothing is recorded.

    Raises:
        InputError: nothing is open (``rollout-none-open``); a host is not of its plan (``host-not-planned``).
        ConflictError: nobody has ordered it (``revert-not-ordered``), or another job is at work (``rollout-locked``).
    """
    if holder:
        learn(wish, hosts, registry, history)
    found = _ordered(wish, registry, rollout)
    require_known(found.plan, hosts)
    databases = [dataclasses.replace(db, known=registry.schema_version(db.id)) for db in found.plan.databases]
    plan = dataclasses.replace(found.plan, databases=tuple(databases))
    leaving = {host: number for host, known in hosts.items() if (number := _brought(found, host, known.info))}
    reason = f"reverted {said_by(found.order)}" if found.order else ""
    verdict = Verdict(outcome.REVERT_ALL, reason, {})
    if plan.past_return(1):
        verdict = frozen_instead(verdict)
    batches = _batches(plan, leaving) if verdict.verdict == outcome.REVERT_ALL else []
    part = JobPart("", tuple(hosts))
    if holder is None:
        return TakenBack(plan, None, part, verdict, batches, leaving)
    lease = enter(registry, plan, holder)
    registry.claim_rollout(plan.id, lease.token)
    job = begin_job(registry, plan, part.hosts, lease, holder)
    return TakenBack(plan, lease, dataclasses.replace(part, id=job), verdict, batches, leaving)


def _ordered(wish: Wish, registry: Registry, rollout: str) -> Unfinished:
    found = find_unfinished(registry, (wish.package, wish.environment, wish.instance), rollout=rollout)
    if found is None:
        raise InputError(
            "rollout-none-open",
            f"No rollout of {wish.package} to {wish.environment} (instance {wish.instance}) is open",
            hint="What has ended is taken back by relmgmt.release.rollback.",
        )
    if found.order is None or found.order.kind != REVERT:
        raise ConflictError(
            "revert-not-ordered",
            f"Nobody has ordered rollout {found.plan.id} to go back",
            hint="Do that first, with who and why: rollout_order. The playbook relmgmt.release.revert does.",
        )
    return found


def _brought(found: Unfinished, host: str, info: collections.abc.Mapping[str, t.Any]) -> int:
    """The deployment that the rollout has made current on the host; 0 if it has not, or the host does not say."""
    current = (info.get("release") or {}).get("current") or {}
    planned = found.plan.hosts[host]
    number = int(current.get("deployment", 0))
    recorded = {row["host"]: row["deployment"] for row in found.rows}
    if host not in found.plan.staging.hosts or planned.repairs or not number:
        return 0
    ours = (current["release"], current["profile"]) == (found.plan.digest, planned.profile)
    return number if ours or recorded.get(host) == number else 0


def _batches(plan: Plan, leaving: collections.abc.Mapping[str, int]) -> list[list[str]]:
    """Wave by wave, the latest first, as everything goes back."""
    acting = {host: dataclasses.replace(known, action=DEPLOY) for host, known in plan.hosts.items()}
    said = {
        host: {_FOUND: {"outcome": outcome.PROVISIONAL if host in leaving else outcome.REVERTED}} for host in plan.hosts
    }
    return way_back(dataclasses.replace(plan, hosts=acting), plan.staging, said, [_FOUND])
