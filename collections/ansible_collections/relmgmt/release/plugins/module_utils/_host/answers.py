# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a switch answers, as the controller and people on the host get it (private)."""

from __future__ import annotations

import typing as t

from .health import Judgement

__all__ = ["Answer", "joined", "judged", "switched"]

Answer = t.Dict[str, t.Any]


def switched(
    deployment: int,
    result: str,
    *,
    changed: bool,
    reason: str = "",
    origin: int | None = None,
    target: int | None = None,
    judgement: Judgement | None = None,
    cause: str = "",
    awaits: float | None = None,
) -> Answer:
    """What became of the deployment; origin and target: what was left and gone to, where there was a switch; cause:
    what its failure speaks against, where that is known; awaits: seconds after which what became of it is known at the
    latest, where the host is started anew for it."""
    answer: Answer = {"outcome": result, "changed": changed, "deployment": deployment, "reason": reason}
    if origin is not None:
        answer["from"] = origin
    if target is not None:
        answer["to"] = target
    if cause:
        answer["cause"] = cause
    if awaits is not None:
        answer["awaits"] = awaits
    return dict(answer, **judged(judgement)) if judgement is not None else answer


def judged(judgement: Judgement) -> Answer:
    """What the probes said, and for how long they were asked."""
    probes = [
        {"name": result.name, "level": result.level, "healthy": result.healthy, "reason": result.reason}
        for result in judgement.results
    ]
    answer = {"probes": probes, "seconds": round(judgement.seconds, 3)}
    return dict(answer, inconclusive=True) if judgement.inconclusive else answer


def joined(*reasons: str) -> str:
    return "; ".join(reason for reason in reasons if reason)
