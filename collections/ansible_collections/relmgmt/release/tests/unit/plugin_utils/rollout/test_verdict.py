# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import Result, decide, final, good_outcomes

GOOD = ("provisional", "confirmed")
WELL, SICK, LOST = Result("provisional"), Result("reverted", "probe web: 500"), Result("unreachable", "no route")


def judge(*results: Result, budget: int = 0, spent: int = 0, on_failure: str = "revert_all") -> tuple[str, str]:
    named = {f"h{number}": result for number, result in enumerate(results, start=1)}
    verdict = decide(named, good=GOOD, budget=budget, spent=spent, on_failure=on_failure)
    return verdict.verdict, verdict.reason


@pytest.mark.parametrize(
    ("results", "budget", "spent", "verdict"),
    [
        pytest.param([WELL], 0, 0, "continue", id="all well"),
        pytest.param([WELL, Result("confirmed")], 0, 0, "continue", id="confirmed before"),
        pytest.param([WELL], 0, 1, "continue", id="a wave that is well spends nothing"),
        pytest.param([WELL, SICK], 0, 0, "revert_all", id="no budget"),
        pytest.param([WELL, SICK], 1, 0, "continue", id="within the budget"),
        pytest.param([WELL, SICK], 1, 1, "revert_all", id="budget spent before"),
        pytest.param([WELL, SICK, LOST], 1, 0, "revert_all", id="two of one"),
        pytest.param([WELL, SICK, LOST], 2, 0, "continue", id="two of two"),
        pytest.param([SICK], 5, 0, "revert_all", id="whole wave sick"),
        pytest.param([LOST, LOST], 5, 0, "revert_all", id="whole wave lost"),
        pytest.param([WELL, Result("staged")], 0, 0, "revert_all", id="staged is not switched"),
        pytest.param([WELL, Result("unknown")], 0, 0, "revert_all", id="unknown is not well"),
        pytest.param([], 0, 0, "continue", id="nobody"),
    ],
)
def test_the_budget_decides(results: list[Result], budget: int, spent: int, verdict: str) -> None:
    assert judge(*results, budget=budget, spent=spent)[0] == verdict


def test_what_nobody_could_ask_is_for_a_person_to_decide() -> None:
    doubt = Result("provisional", "inconclusive: probe login could not be asked", inconclusive=True)
    assert judge(WELL, doubt) == ("pause", "h2: inconclusive: probe login could not be asked")
    assert judge(WELL, doubt, SICK)[0] == "revert_all"


@pytest.mark.parametrize("on_failure", ["pause", "revert_wave", "revert_all"])
def test_what_was_asked_for_follows_a_failure(on_failure: str) -> None:
    assert judge(SICK, on_failure=on_failure)[0] == on_failure


def test_the_reason_names_the_host_its_reason_and_how_many_more() -> None:
    assert judge(WELL, SICK, LOST, WELL) == (
        "revert_all",
        "h2: probe web: 500 (and 1 more); the failure budget is 0",
    )
    assert judge(WELL, SICK, budget=1) == ("continue", "1 of 2 hosts are well")
    assert judge(Result("failed"))[1] == "h1: the outcome is failed; the failure budget is 0"


def test_the_failed_are_listed_by_name_also_when_it_continues() -> None:
    verdict = decide({"b": SICK, "a": LOST, "c": WELL}, good=GOOD, budget=2, spent=0, on_failure="pause")
    assert list(verdict.to_dict()["failed"].items()) == [("a", "no route"), ("b", "probe web: 500")]


@pytest.mark.parametrize(
    ("data", "result"),
    [
        pytest.param(None, None, id="missing"),
        pytest.param({}, None, id="empty"),
        pytest.param({"skipped": True, "changed": False}, None, id="skipped"),
        pytest.param({"skipped": True, "outcome": "staged"}, None, id="skipped with an outcome"),
        pytest.param({"failed": True, "msg": "it broke"}, Result("unknown", "it broke"), id="failed"),
        pytest.param({"failed": True}, Result("unknown", "the task failed"), id="failed without a message"),
        pytest.param({"unreachable": True, "msg": "gone"}, Result("unreachable", "gone"), id="unreachable task"),
        pytest.param({"outcome": "staged", "deployment": 3}, Result("staged", "", 3), id="staged"),
        pytest.param({"outcome": "failed", "failed": True, "reason": "x"}, Result("failed", "x"), id="failed outcome"),
        pytest.param({"outcome": "staged", "reason": None}, Result("staged"), id="no reason"),
    ],
)
def test_a_task_s_result_is_read(data: dict[str, t.Any] | None, result: Result | None) -> None:
    assert Result.from_dict(data) == result


def test_the_last_result_counts() -> None:
    staged, skipped, reverted = {"outcome": "staged"}, {"skipped": True}, {"outcome": "reverted", "reason": "sick"}
    assert final([staged, skipped, reverted, None]) == Result("reverted", "sick")
    assert final([staged, skipped]) == Result("staged")
    assert final([None, skipped, {}]) == Result("unknown", "the host took no part")
    assert final([]).outcome == "unknown"


@pytest.mark.parametrize(
    ("kind", "staging", "good"),
    [
        ("rollout", True, {"staged", "provisional", "confirmed"}),
        ("rollout", False, {"provisional", "confirmed"}),
        ("rollback", False, {"reverted", "confirmed"}),
    ],
)
def test_what_counts_as_well(kind: str, staging: bool, good: set[str]) -> None:
    assert set(good_outcomes(kind, staging=staging)) == good
