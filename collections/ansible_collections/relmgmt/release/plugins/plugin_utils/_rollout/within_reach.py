# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a rollback may lead hosts to a version: behind a point of no return nothing does, and a schema goes back from
one release to the one before it (private)."""

from __future__ import annotations

import collections.abc
import functools
import typing as t

from ...module_utils._model.errors import ConflictError, InputError
from .refusals import FIRM, Asking

__all__ = ["require_way_back"]

Release = collections.abc.Mapping[str, t.Any]


def require_way_back(releases: collections.abc.Mapping[str, Release], version: str, *, asking: Asking = FIRM) -> None:
    """releases: host that is to move → what ``host_info`` returned of its instance.

    Raises:
        ConflictError: hosts are frozen at a later deployment (``point-of-no-return``).
        InputError: releases lie between that changed the schema too (``schema-out-of-reach``).
    """
    asking.ask(lambda: _require_thawed(releases, version), None)
    for host, release in sorted(releases.items()):
        asking.ask(functools.partial(_require_next, host, release, version), None)


def _require_thawed(releases: collections.abc.Mapping[str, Release], version: str) -> None:
    frozen = {host: why for host, release in sorted(releases.items()) if (why := _frozen(release, version))}
    if frozen:
        raise ConflictError(
            "point-of-no-return",
            f"Behind a point of no return there is no way to {version}. Nothing was touched:\n"
            + "".join(f"  {host}: {why}\n" for host, why in frozen.items()),
            hint="Roll a newer version forward. If the databases were restored as they were before: see"
            " docs/migrations.md.",
        )


def _require_next(host: str, release: Release, version: str) -> None:
    between = _between(release, version)
    if between:
        raise InputError(
            "schema-out-of-reach",
            f"{host}: between {release['current']['version']} and {version} lies {between}, which changed the schema of"
            " a database too",
            hint=f"Roll back to {between} first.",
        )


def _frozen(release: Release, version: str) -> str:
    behind = release.get("frozen_at", 0) > _held(release, version)
    return str(release.get("frozen") or "it is frozen") if behind else ""


def _between(release: Release, version: str) -> str:
    """The newest release between the current one and the version that declares migrations; empty if none does."""
    current, previous = release["current"], release.get("previous") or {}
    if previous.get("version") == version:
        return ""
    held = _held(release, version)
    between = [
        item
        for item in release["deployments"]
        if held < item["deployment"] < current["deployment"]
        and item["proven"]
        and item["version"] != current["version"]
        and item.get("migrations")
    ]
    return str(between[-1]["version"]) if between else ""


def _held(release: Release, version: str) -> int:
    """The newest proven deployment of the version; 0 where there is none."""
    held = [item["deployment"] for item in release["deployments"] if item["version"] == version and item["proven"]]
    return int(max(held, default=0))
