# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the verbs that follow a plan are handed of it: the whole, and each host its part (private)."""

from __future__ import annotations

import collections.abc
import pathlib
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.secret_need import DEFAULT, PREVIOUS
from .. import _run_directory as run_directory
from .._registry import REHEARSAL, Lease
from .._transfer import prepare
from .joining import JobPart, named
from .opening import Hosts, Opened, Package
from .plan import DEPLOY, NONE, Plan
from .profiles import HostInput
from .taking_back import TakenBack
from .verdict import Verdict

__all__ = ["fallen_back", "hand_back", "hand_on", "running"]

Data = dict[str, t.Any]
_IN_PLACE = {PREVIOUS: "the files of what runs are kept", DEFAULT: "the package's default is used"}
_COMMON = ("id", "package", "version", "instance", "fence")  # of the plan, which every verb of a host is given
Paths = collections.abc.Mapping[str, pathlib.Path]


def hand_on(
    opened: Opened, package: Package, hosts: Hosts, *, registry: str, fallback: Paths, adopt: bool, check: bool
) -> Data:
    """registry: where it is; fallback: release that hosts are to leave → its package."""
    plan, part = opened.plan, opened.part
    batches = [len(own) for wave in plan.waves if (own := part.own(wave.hosts))]
    rollout = {
        **_shown(plan, part, registry, opened.lease),
        "order": list(part.own(plan.staging.hosts)),
        "batches": batches or [1],
        "joins": opened.joins,
        "fallbacks": {host: dict(used) for host, used in opened.fallbacks.items()},
    }
    tasks = {
        host: {
            **{name: rollout[name] for name in _COMMON},
            "root": planned.root,
            "action": planned.action,
            "confirmed": _confirmed(plan, host, hosts[host]),
            "repairs": planned.repairs,
            "confirm_timeout": opened.clocks.confirm_timeout,
            "adopt": adopt,
            **_sources(opened, package, host, hosts[host], fallback, check=check),
        }
        for host, planned in plan.hosts.items()
        if host in hosts
    }
    part_of = f"; this job has {len(hosts)} of them: {named(list(hosts))}" if rollout["shared"] else ""
    return {
        "changed": plan.changes,
        "summary": f"{plan.summary}{part_of}",
        "rollout": rollout,
        "tasks": tasks,
        "verdict": Verdict(outcome.CONTINUE, "", {}).to_dict(),
    }


def hand_back(taken: TakenBack, hosts: Hosts, *, registry: str) -> Data:
    """The same of a rollout that is taken back."""
    plan = taken.plan
    rollout = {
        **_shown(plan, taken.part, registry, taken.lease),
        "order": [],
        "batches": [1],
        "reverting": True,
        "leaving": sorted(taken.leaving),
    }
    order = [host for batch in taken.batches for host in batch]
    tasks = {
        host: {
            **{name: rollout[name] for name in _COMMON},
            "root": known.root or plan.hosts[host].root,
            "action": NONE,
            "confirmed": taken.leaving.get(host, 0),
        }
        for host, known in hosts.items()
    }
    back = f"{len(order)} of {len(plan.hosts)} hosts go back from {plan.package} {plan.version}"
    return {
        "changed": bool(order),
        "summary": f"rollout {plan.id}: {back}; {taken.verdict.reason}",
        "rollout": rollout,
        "tasks": tasks,
        "verdict": {**taken.verdict.to_dict(), "order": order, "batches": [len(batch) for batch in taken.batches]},
    }


def running(host: HostInput) -> Data:
    """The deployment that the host runs, as it said; empty where there is none."""
    return (host.info.get("release") or {}).get("current") or {}


def fallen_back(fallbacks: collections.abc.Mapping[str, collections.abc.Mapping[str, str]]) -> str:
    """For people: which secrets could not be read, and what takes their place; empty where all could."""
    used: dict[tuple[str, str], list[str]] = {}
    for host, secrets in fallbacks.items():
        for name, fallback in secrets.items():
            used.setdefault((name, fallback), []).append(host)
    told = [f"{name}: {_IN_PLACE[fallback]} on {named(hosts)}" for (name, fallback), hosts in sorted(used.items())]
    return f"Secrets could not be read, and the rollout goes on without them: {'; '.join(told)}" if told else ""


def _shown(plan: Plan, part: JobPart, registry: str, lease: Lease | None) -> Data:
    fence = {"registry": lease.registry, "token": lease.token} if lease else None
    shared = not part.is_whole(plan)
    return {**plan.to_dict(), "registry": registry, "fence": fence, "job": part.to_dict(), "shared": shared}


def _confirmed(plan: Plan, host: str, known: HostInput) -> int:
    """The deployment that an earlier job of the same rollout confirmed on the host, or that a rehearsal which was
    interrupted left there; 0 if none did."""
    if plan.hosts[host].repairs:
        return 0
    current = running(known)
    left = plan.kind == REHEARSAL and current.get("release") == plan.digest
    done = left or (plan.hosts[host].action == NONE and host in plan.staging.hosts)
    return int(current.get("deployment", 0)) if done else 0


def _sources(opened: Opened, package: Package, host: str, known: HostInput, fallback: Paths, *, check: bool) -> Data:
    """Where the controller keeps what the host is sent; nothing for a rollback."""
    if package.manifest is None or package.path is None or opened.plan.hosts[host].action != DEPLOY:
        return {}
    held = (known.info.get("release") or {}).get("deployments", [])
    return {
        "source": package.path,
        "profile": run_directory.profile_path(opened.directory, host) if opened.directory else "",
        "companions": _companions(opened, host),
        "transfer": "" if check else prepare(package.manifest, package.path, held),
        "fallback": [path for release, path in fallback.items() if release == running(known).get("release")],
    }


def _companions(opened: Opened, host: str) -> str:
    """The file with what the host's older deployments become; empty where there is none."""
    path = run_directory.companions_path(opened.directory, host) if opened.directory else None
    return str(path) if path and path.is_file() else ""
