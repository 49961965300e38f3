# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the record wants a host to have, and what of that it has not (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.digest import short
from .seen import Finding, Seen

__all__ = ["Intent", "against", "intent_of", "pinned"]

Data = collections.abc.Mapping[str, t.Any]
_LOST = (outcome.UNREACHABLE, outcome.UNKNOWN, outcome.FAILED)
_ARRIVED = (outcome.PROVISIONAL, outcome.CONFIRMED)
_ROLLOUT, _ROTATION = "rollout", "rotation"


@dataclasses.dataclass(frozen=True)
class Intent:
    """What the last rollout left on a host; empty, or 0, where the record does not say. secrets: reference → version
    that its plan pinned."""

    rollout: str
    version: str
    release: str = ""
    profile: str = ""
    deployment: int = 0
    secrets: collections.abc.Mapping[str, str] = dataclasses.field(default_factory=dict)


def intent_of(row: Data, plan: Data) -> Intent | None:
    """From what the registry last saw of the host, and the plan of that rollout; None where it lost sight of it."""
    if row["outcome"] in _LOST:
        return None
    intent = Intent(row["rollout"], row["version"])
    if row["outcome"] not in _ARRIVED:
        return intent
    if row["kind"] not in (_ROLLOUT, _ROTATION):
        return dataclasses.replace(intent, deployment=int(row["deployment"] or 0))
    planned = plan.get("hosts", {}).get(row["host"], {})
    if row["kind"] == _ROTATION and not planned.get("profile"):
        return intent  # it took no part
    return Intent(
        rollout=row["rollout"],
        version=row["version"],
        release=row["digest"],
        profile=planned.get("profile", ""),
        deployment=int(row["deployment"] or 0),
        secrets=plan.get("versions", {}),
    )


def against(intent: Intent | None, current: Data, said: Seen, *, recorded: bool) -> list[Finding]:
    """What the host runs that it should not. current: of what it said; recorded: whether the record knows the host."""
    if intent is None:
        return [] if recorded or not current else [_unknown(current, "nothing, by the record")]
    version = str(current.get("version") or outcome.ABSENT)
    if version != intent.version:
        return [Finding("release", "release", f"{intent.version}, by rollout {intent.rollout}", version)]
    if intent.release not in ("", current.get("release")):
        stands = _named(version, str(current.get("release", "")))
        return [Finding("release", "release", _named(version, intent.release), stands)]
    found = []
    if intent.deployment and intent.deployment != current.get("deployment"):
        found.append(_unknown(current, f"deployment {intent.deployment}, by rollout {intent.rollout}"))
    if intent.profile not in ("", current.get("profile")):
        found.append(Finding("profile", "profile", short(intent.profile), short(current["profile"])))
    return found + [
        Finding(reference, "secret-version", f"version {wanted}, by rollout {intent.rollout}", f"version {sealed}")
        for reference, wanted, sealed in _secrets(intent, said)
        if wanted != sealed
    ]


def pinned(intent: Intent, said: Seen, store: collections.abc.Mapping[str, str]) -> list[Finding]:
    """Secrets of the host that have another version in the store by now. store: reference → version that it has."""
    return [
        Finding(reference, "secret-version", f"version {store[reference]}, in the store by now", f"version {sealed}")
        for reference, _wanted, sealed in _secrets(intent, said)
        if store.get(reference, sealed) != sealed
    ]


def _secrets(intent: Intent, said: Seen) -> list[tuple[str, str, str]]:
    """Reference, version that the plan pinned, version on the host; references that the plan does not know are those of
    another profile, which is told already."""
    return [(ref, intent.secrets[ref], said.versions[ref]) for ref in sorted(said.versions) if ref in intent.secrets]


def _unknown(current: Data, expected: str) -> Finding:
    return Finding("deployment", "unknown-deployment", expected, f"deployment {current.get('deployment', 0)}")


def _named(version: str, digest: str) -> str:
    return f"{version} ({short(digest)})"
