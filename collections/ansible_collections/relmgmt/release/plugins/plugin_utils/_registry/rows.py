# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the registry is told of rollouts (private)."""

from __future__ import annotations

import dataclasses
import typing as t

from ...module_utils._model.errors import InputError
from ...module_utils._model.outcome import OUTCOMES

__all__ = ["FAILED", "FROZEN", "KINDS", "ORDERS", "PAUSE", "REHEARSAL", "RESULTS", "RESUME", "REVERT", "ROLLBACK",
           "ROLLOUT", "RUNNING", "STOPPED", "SUCCEEDED", "DeploymentRow", "EvidenceRow", "Order",
           "ProfileRecord", "RolloutRow", "known"]  # fmt: skip

ROLLOUT = "rollout"
ROLLBACK = "rollback"
REHEARSAL = "rehearsal"
KINDS = (ROLLOUT, ROLLBACK, REHEARSAL)
RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
STOPPED = "stopped"
FROZEN = "frozen"  # stopped behind a point of no return
RESULTS = (RUNNING, SUCCEEDED, FAILED, STOPPED, FROZEN)
PAUSE = "pause"
RESUME = "resume"
REVERT = "revert"
ORDERS = (PAUSE, RESUME, REVERT)


def known(value: str, words: t.Sequence[str], *, what: str) -> str:
    """The value itself if it is one of the words.

    Raises:
        InputError: it is none (``record-malformed``).
    """
    if value not in words:
        raise InputError("record-malformed", f"{what}: {value!r} is none of {', '.join(words)}")
    return value


@dataclasses.dataclass(frozen=True)
class RolloutRow:
    """One rollout as it begins. ``plan`` is JSON: host → wave, versions before, and what else a resumed run needs.

    ``token`` is the fencing token of the lease that the job holds; ``by`` is who began it, for people.
    """

    id: str
    kind: str
    package: str
    version: str
    digest: str
    environment: str
    instance: str
    strategy: str
    plan: t.Mapping[str, t.Any]
    token: int
    by: str = ""

    def __post_init__(self) -> None:
        known(self.kind, KINDS, what=f"rollout {self.id}: kind")


class Order(t.NamedTuple):
    """What a person asks of a rollout while it runs; the newest counts. given: when, as the registry writes times."""

    kind: str
    by: str
    reason: str
    given: str = ""


@dataclasses.dataclass(frozen=True)
class DeploymentRow:
    """What a rollout did on one host.

    ``wave`` is its index, None for a host outside of all waves; ``deployment`` is the host's number of it, 0 if none;
    ``cause`` is what a failure speaks against, where the host said so.
    """

    host: str
    site: str
    wave: int | None
    version_before: str
    version_after: str
    outcome: str
    reason: str = ""
    deployment: int = 0
    release: str = ""
    profile: str = ""
    cause: str = ""

    def __post_init__(self) -> None:
        known(self.outcome, OUTCOMES, what=f"deployment on {self.host}: outcome")


@dataclasses.dataclass(frozen=True)
class EvidenceRow:
    """One signed statement about the way from one release to another; only what the envelope says counts.

    ``before`` and ``after`` are digests of manifests, ``before`` also ``absent``; ``id`` is the digest of the envelope.
    """

    id: str
    kind: str
    package: str
    before: str
    after: str
    envelope: t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class ProfileRecord:
    """What a host's profile was made of, enough to render it again: all but the values of its secrets.

    ``release`` is the manifest's digest. ``config`` holds references where the schema marks secrets; ``secrets`` maps
    the names of all of them to references, ``versions`` references to versions, ``fallbacks`` names to the fallback
    that was used, ``asks`` keys to what a change of them alone asks of the service. ``rollout`` and ``recorded``: by
    which rollout, and when, it was seen first.
    """

    digest: str
    package: str
    version: str
    release: str
    environment: str
    instance: str
    host: str
    config: t.Mapping[str, t.Any]
    secrets: t.Mapping[str, str]
    versions: t.Mapping[str, str]
    facts: t.Mapping[str, t.Any]
    relmgmt: t.Mapping[str, t.Any]
    fallbacks: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    asks: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    rollout: str = ""
    recorded: str = ""
