# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    Result,
    Wave,
    closing,
    lease_of,
    outcomes,
    rows,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.account import version_after

from .fleet import plan

CONTINUE = {"verdict": "continue", "reason": ""}


def test_outcomes_are_the_last_results_and_what_the_plan_knew() -> None:
    made = plan({"a": "deploy", "b": "none", "c": "left_out", "d": "deploy"}, budget=1)
    variables: dict[str, dict[str, t.Any]] = {
        "a": {"staged": {"outcome": "staged"}, "activated": {"outcome": "provisional", "deployment": 2}},
        "b": {"staged": {"outcome": "failed", "reason": "of an earlier run"}},
        "c": {},
        "d": {"staged": {"skipped": True}},
    }
    assert outcomes(made, made.hosts, variables, ["staged", "activated", "confirmed"]) == {
        "a": Result("provisional", "", 2),
        "b": Result("confirmed"),
        "c": Result("unreachable", "no disk"),
        "d": Result("unknown", "the host took no part"),
    }


@pytest.mark.parametrize(
    ("kind", "outcome", "after"),
    [
        ("rollout", "staged", "1"),
        ("rollout", "provisional", "2"),
        ("rollout", "confirmed", "2"),
        ("rollout", "reverted", "1"),
        ("rollout", "failed", "unknown"),
        ("rollout", "unreachable", "unknown"),
        ("rollout", "unknown", "unknown"),
        ("rollback", "reverted", "2"),
        ("rollback", "confirmed", "2"),
        ("rollback", "failed", "unknown"),
        ("rollback", "unreachable", "unknown"),
    ],
)
def test_the_version_after_all(kind: str, outcome: str, after: str) -> None:
    assert version_after(plan({"a": "deploy"}, kind=kind), "a", Result(outcome)) == after


def test_a_host_that_was_left_out_has_the_version_that_it_had() -> None:
    assert version_after(plan({"a": "left_out"}), "a", Result("unreachable", "no disk")) == "1"


def test_rows_name_wave_and_deployment() -> None:
    waves = (Wave(1, "canary", ("b",)), Wave(2, "rest", ("a",)))
    made = plan({"a": "deploy", "b": "deploy", "c": "left_out"}, waves=waves)
    found = rows(
        made, {"c": Result("unreachable", "no disk"), "b": Result("reverted", "sick", 7), "a": Result("staged")}
    )
    assert [(row.host, row.wave, row.deployment, row.version_after, row.reason) for row in found] == [
        ("a", 2, 0, "1", ""),
        ("b", 1, 7, "1", "sick"),
        ("c", None, 0, "1", "no disk"),
    ]
    assert {(row.site, row.version_before, row.release) for row in found} == {("ber", "1", made.digest)}


@pytest.mark.parametrize(
    ("kind", "verdict", "ends", "budget", "result"),
    [
        pytest.param("rollout", "continue", ["confirmed", "confirmed"], 0, "succeeded", id="all confirmed"),
        pytest.param("rollout", "continue", ["confirmed", "reverted"], 1, "succeeded", id="within the budget"),
        pytest.param("rollout", "continue", ["confirmed", "reverted"], 0, "failed", id="over the budget"),
        pytest.param("rollout", "continue", ["confirmed", "provisional"], 0, "failed", id="never confirmed"),
        pytest.param("rollout", "continue", ["unreachable", "unreachable"], 1, "failed", id="all lost"),
        pytest.param("rollout", "pause", ["provisional", "staged"], 0, "stopped", id="paused"),
        pytest.param("rollout", "revert_wave", ["reverted", "staged"], 0, "failed", id="wave reverted"),
        pytest.param("rollout", "revert_all", ["reverted", "reverted"], 5, "failed", id="all reverted"),
        pytest.param("rollback", "continue", ["reverted", "confirmed"], 0, "succeeded", id="rolled back"),
        pytest.param("rollback", "continue", ["reverted", "failed"], 0, "failed", id="rollback failed"),
        pytest.param("rollback", "pause", ["failed", "confirmed"], 0, "stopped", id="rollback paused"),
    ],
)
def test_how_it_ends(kind: str, verdict: str, ends: list[str], budget: int, result: str) -> None:
    made = plan({"a": "deploy", "b": "deploy"}, kind=kind, budget=budget)
    close = closing(made, {"verdict": verdict, "reason": "why"}, dict(zip("ab", map(Result, ends), strict=True)))
    assert close.result == result
    assert sum(close.counts.values()) == 2
    assert close.counts == {end: ends.count(end) for end in ends}


def test_the_reason_is_the_verdict_s_or_names_the_first_host() -> None:
    made = plan({"a": "deploy", "b": "deploy"})
    ends = {"b": Result("failed", "no answer"), "a": Result("confirmed")}
    assert closing(made, {"verdict": "revert_all", "reason": "b: sick"}, ends).reason == "b: sick"
    assert closing(made, CONTINUE, ends).reason == "b ended failed: no answer"
    assert closing(made, CONTINUE, {"a": Result("staged")}).reason == "a ended staged: no reason given"
    assert closing(made, CONTINUE, {"a": Result("confirmed")}).reason == ""


def test_a_lease_is_made_again_from_plan_and_fence() -> None:
    made = plan({"a": "deploy"})
    lease = lease_of(made, {"registry": "r", "token": 7})
    assert (lease.registry, lease.token, lease.package) == ("r", 7, made.package)
    assert (lease.environment, lease.instance) == ("prod", "main")
