# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.learning import learned

from .fleet import deployment, info, lost, manifest, profile

OLD, NEW, PROFILE = manifest("1.0.0"), manifest("2.0.0"), profile().digest
BEFORE, AFTER = deployment(1, OLD, PROFILE), deployment(2, NEW, PROFILE)
BACK = info({**AFTER, "status": "reverted"}, BEFORE)
THERE = info(BEFORE, AFTER)


def rollout(result: str, *, number: int = 2, identity: str = "r1", kind: str = "rollout") -> dict[str, t.Any]:
    row = {
        "host": "a",
        "site": "ber",
        "wave": 1,
        "version_before": "1.0.0",
        "version_after": "unknown",
        "outcome": result,
        "reason": "gone",
        "deployment": number,
        "release": NEW.digest if kind == "rollout" else "",
        "profile": PROFILE,
        "updated": "2026-11-21T10:00:00Z",
    }
    return {"id": identity, "kind": kind, "deployments": [row]}


def told(rollouts: list[dict[str, t.Any]], answer: dict[str, t.Any]) -> list[tuple[str, str, str]]:
    found = learned(rollouts, {"a": answer})
    return [(identity, row.outcome, row.version_after) for identity, rows in found.items() for row in rows]


@pytest.mark.parametrize("result", ["unreachable", "unknown", "provisional", "failed"])
def test_what_the_controller_did_not_see_the_host_s_journal_knows(result: str) -> None:
    assert told([rollout(result)], BACK) == [("r1", "reverted", "1.0.0")]
    assert told([rollout(result)], THERE) == [("r1", "confirmed", "2.0.0")]


def test_a_host_that_was_lost_before_anything_reached_it_tells_what_it_runs() -> None:
    assert told([rollout("unreachable", number=0)], info(BEFORE)) == [("r1", "unreachable", "1.0.0")]
    assert told([rollout("unreachable", number=1)], info(BEFORE)) == [("r1", "unreachable", "1.0.0")], "another release"
    assert told([rollout("unreachable", number=0, kind="rollback")], info(BEFORE)) == [("r1", "unreachable", "1.0.0")]


@pytest.mark.parametrize("result", ["confirmed", "reverted", "staged"])
def test_what_is_known_is_not_learned_again(result: str) -> None:
    assert told([rollout(result)], BACK) == []


@pytest.mark.parametrize(
    "answer",
    [
        lost(),
        info(BEFORE, {**AFTER, "status": "provisional"}),
        info(BEFORE, AFTER, interrupted=True),
        info(BEFORE, AFTER, state="failed"),
    ],
)
def test_a_host_that_is_not_settled_teaches_nothing(answer: dict[str, t.Any]) -> None:
    assert told([rollout("unreachable")], answer) == []


def test_only_the_newest_rollout_of_a_host_counts() -> None:
    assert told([rollout("confirmed", identity="r2"), rollout("unreachable")], BACK) == []
