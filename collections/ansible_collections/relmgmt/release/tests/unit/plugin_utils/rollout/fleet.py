# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the rollout share: packages, what hosts say of themselves, and what somebody asks for."""

from __future__ import annotations

import collections.abc
import typing as t

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.module_utils._model.profile import Profile
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import HostInput, HostPlan, Plan, Wave, Wish

PACKAGE = "calendar/radicale"
MEBIBYTE = 1 << 20


def manifest(
    version: str = "2.0.0", *, size: int = 1, config: collections.abc.Mapping[str, t.Any] | None = None
) -> Manifest:
    """A package with one unit of one file."""
    entry = {"path": "file", "mode": "0644", "size": size, "digest": digest_of(version.encode())}
    blob = {"digest": digest_of(b""), "size": 0}
    return Manifest.from_dict(
        {
            "format": 1,
            "name": PACKAGE,
            "version": version,
            "versioning": "semver",
            "type": "minor",
            "owner": "tests",
            "units": [{"name": "app", "kind": "files", "destination": "app", "blob": blob, "entries": [entry]}],
            "config": config or {},
            "state": [],
            "runtime": {},
            "activation": "restart",
            "about": {},
        }
    )


def profile(name: str = "profile") -> Profile:
    return Profile(digest_of(name.encode()), (), {})


def deployment(number: int, package: Manifest, of: str, status: str = "confirmed") -> dict[str, t.Any]:
    """A deployment as ``host_info`` lists it; ``of`` is its profile's digest."""
    return {
        "deployment": number,
        "version": package.version,
        "release": package.digest,
        "profile": of,
        "status": status,
        "proven": status == "confirmed",
    }


def info(*deployments: dict[str, t.Any], free: int = 1 << 30, **changes: t.Any) -> dict[str, t.Any]:
    """What ``host_info`` returns; the last deployment is the current one."""
    current = deployments[-1] if deployments else None
    release = {
        "state": current["status"] if current else "absent",
        "interrupted": False,
        "current": current,
        "deployments": list(deployments),
        "units": [],
        "service": "active" if current else "none",
        "traffic": None,
    }
    host = {
        "problems": changes.pop("problems", []),
        "python": {"executable": "/usr/bin/python3"},
        "root": {"path": "/srv/relmgmt", "free_bytes": free},
    }
    return {"outcome": "ok", "changed": False, "host": host, "release": {**release, **changes}}


def adopted(name: str = "legacy") -> dict[str, t.Any]:
    """What ``host_info`` returns of a host that runs what was there before relmgmt."""
    return info(
        state="adopted", adopted={"digest": digest_of(name.encode()), "units": [], "files": []}, service="active"
    )


def lost(reason: str = "no route to host") -> dict[str, t.Any]:
    """What ``host_info`` reports of a host that it could not reach."""
    return {"outcome": "unreachable", "changed": False, "reason": reason, "code": "host-unreachable"}


def host(answer: collections.abc.Mapping[str, t.Any], **variables: t.Any) -> HostInput:
    return HostInput("ber", variables, {}, answer)


def wish(**changes: t.Any) -> Wish:
    values: dict[str, t.Any] = {
        "kind": "rollout",
        "package": PACKAGE,
        "version": "2.0.0",
        "environment": "prod",
        "instance": "main",
        "strategy": "canary",
        "canary": "1",
        "batch": "25%",
        "on_failure": "revert_all",
        "failure_budget": 0,
    }
    return Wish(**{**values, **changes})


def plan(
    actions: collections.abc.Mapping[str, str], *, kind: str = "rollout", budget: int = 0, waves: tuple[Wave, ...] = ()
) -> Plan:
    """A plan that takes the hosts from 1 to 2; ``actions`` maps host to action."""
    reason = {"left_out": "no disk"}
    hosts = {
        name: HostPlan("ber", "/srv", "1", "1" if action == "left_out" else "2", action, reason.get(action, ""))
        for name, action in actions.items()
    }
    taking_part = tuple(name for name, action in actions.items() if action == "deploy")
    return Plan(
        id="20261121T103000Z-3f9a",
        kind=kind,
        package=PACKAGE,
        version="2",
        digest="sha256:" + "2" * 64,
        environment="prod",
        instance="main",
        strategy="big_bang",
        on_failure="revert_all",
        failure_budget=budget,
        hosts=hosts,
        waves=waves or (Wave(1, "all", taking_part),),
    )
