# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of hosts that a rollout lost sight of, learned from what they say when they are asked again (private).

A host that was out of reach may have gone back by itself, or may have been confirmed and only its answer was lost. Its
journal knows; the registry has only what the controller saw last.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model import outcome
from .._registry import ROLLBACK, DeploymentRow
from .plan import Info, version_of

__all__ = ["learned"]

_OPEN = (outcome.UNREACHABLE, outcome.UNKNOWN, outcome.PROVISIONAL, outcome.FAILED)
_SETTLED = (outcome.CONFIRMED, outcome.REVERTED)
_FIELDS = [field.name for field in dataclasses.fields(DeploymentRow)]


def learned(
    rollouts: collections.abc.Iterable[collections.abc.Mapping[str, t.Any]],
    infos: collections.abc.Mapping[str, Info],
) -> dict[str, list[DeploymentRow]]:
    """Rollout → rows that are to be put right.

    rollouts: of one instance, the newest first; of each host only the newest counts that it took part in. A host that
    does not answer, or is not settled itself, teaches nothing.
    """
    found: dict[str, list[DeploymentRow]] = {}
    seen: set[str] = set()
    for rollout in rollouts:
        for data in rollout["deployments"]:
            host = data["host"]
            if host in seen or host not in infos:
                continue
            seen.add(host)
            row = DeploymentRow(**{name: data[name] for name in _FIELDS if name in data})
            right = _put_right(row, infos[host], went_back=rollout["kind"] == ROLLBACK)
            if right != row:
                found.setdefault(rollout["id"], []).append(right)
    return found


def _put_right(row: DeploymentRow, info: Info, *, went_back: bool) -> DeploymentRow:
    release = info.get("release") or {}
    settled = release.get("state") in (outcome.ABSENT, outcome.ADOPTED, outcome.CONFIRMED) and not release.get(
        "interrupted"
    )
    if row.outcome not in _OPEN or not settled:
        return row
    held = {item["deployment"]: item for item in release["deployments"]}
    own = held.get(row.deployment, {})
    became = own["status"] if own.get("release") == row.release and own["status"] in _SETTLED else row.outcome
    right = dataclasses.replace(row, outcome=row.outcome if went_back else became, version_after=version_of(info))
    if right == row:
        return row
    reason = f"{row.reason}; " if row.reason else ""
    return dataclasses.replace(right, reason=f"{reason}the host said later that it runs {right.version_after}")
