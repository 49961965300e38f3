# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens in a rollout, read from what its tasks return (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model import outcome
from .._safe_text import safe

__all__ = ["HELD", "STEPS", "Answered", "Began", "Closed", "Event", "Judged", "Planned", "Said", "event_of"]

Data = collections.abc.Mapping[str, t.Any]
HELD = "held"  # provisional, and kept so until a person decides
# Host verb → the step of a rollout that it is.
STEPS = {
    "release_stage": "stage",
    "release_activate": "activate",
    "release_confirm": "confirm",
    "release_hold": "hold",
    "release_revert": "revert",
}


class Planned(t.NamedTuple):
    """rollout: what ``rollout_plan`` returned as such. check: whether nothing is done, only said."""

    rollout: Data
    check: bool = False


class Began(t.NamedTuple):
    """A step is about to be taken, on hosts that are not known yet."""

    step: str


class Answered(t.NamedTuple):
    """What a step did on a host."""

    step: str
    host: str
    outcome: str
    reason: str


class Judged(t.NamedTuple):
    """The verdict over a wave, 0 for staging."""

    wave: int
    name: str
    verdict: str
    reason: str


class Said(t.NamedTuple):
    """Something that is told as it is."""

    text: str


class Closed(t.NamedTuple):
    """The end. result: empty where the last verdict tells it."""

    result: str
    reason: str


Event = Planned | Began | Answered | Judged | Said | Closed


def event_of(verb: str, host: str, data: Data, *, check: bool = False) -> Event | None:
    """None where the result of the verb tells nothing of the rollout. data may lack anything: it may be hidden."""
    if data.get("skipped"):
        return None
    if verb in STEPS:
        return Answered(STEPS[verb], host, *_outcome(STEPS[verb], data))
    if verb == "rollout_plan" and "rollout" in data:
        return Planned(data["rollout"], check)
    if verb == "rollout_verdict" and "verdict" in data:
        verdict = data["verdict"]
        return Judged(verdict["wave"], safe(verdict["name"]), verdict["verdict"], safe(verdict["reason"]))
    if verb in ("rollout_migrate", "rollout_rehearse") and data.get("summary"):
        return Said(safe(data["summary"]))
    if verb == "rollout_close" and data.get("failed"):
        return Closed("frozen" if data.get("code") == "rollout-frozen" else "", safe(data.get("msg", ""), limit=2000))
    if verb == "rollout_close" and "rollout" in data:
        return Closed(data["rollout"]["result"], safe(data.get("summary", ""), limit=2000))
    return None


def _outcome(step: str, data: Data) -> tuple[str, str]:
    if "outcome" not in data:
        lost = outcome.UNREACHABLE if data.get("unreachable") else outcome.UNKNOWN
        return lost, safe(data.get("msg", "nothing is known of it"))
    word = str(data["outcome"])
    held = step == "hold" and word == outcome.PROVISIONAL
    return (HELD if held else word), safe(data.get("reason") or "")
