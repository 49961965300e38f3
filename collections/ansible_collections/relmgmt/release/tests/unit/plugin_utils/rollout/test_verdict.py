# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    Budget,
    Result,
    SiteBudgets,
    decide,
    final,
    good_outcomes,
)

GOOD = ("provisional", "confirmed")
WELL, LOST = Result("provisional"), Result("unreachable", "no route", cause="host")
SICK, BAD = Result("failed", "disk full", cause="host"), Result("reverted", "probe web: 500", cause="release")
NOBODY = Budget()
BUDGETS = st.builds(Budget, st.integers(0, 4), st.integers(0, 4))
RESULTS = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.sampled_from([WELL, SICK, LOST, BAD]), max_size=8)


def judge(
    *results: Result,
    budget: Budget = NOBODY,
    spent: Budget = NOBODY,
    on_failure: str = "revert_all",
    good: tuple[str, ...] = GOOD,
) -> tuple[str, str]:
    named = {f"h{number}": result for number, result in enumerate(results, start=1)}
    verdict = decide(named, good=good, budget=budget, spent=spent, on_failure=on_failure)
    return verdict.verdict, verdict.reason


@pytest.mark.parametrize(
    ("results", "budget", "spent", "verdict"),
    [
        pytest.param([WELL], 0, 0, "continue", id="all well"),
        pytest.param([WELL, Result("confirmed")], 0, 0, "continue", id="confirmed before"),
        pytest.param([WELL], 1, 1, "continue", id="a wave that is well spends nothing"),
        pytest.param([WELL], 0, 1, "revert_all", id="too many before"),
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
    assert judge(*results, budget=Budget(sick=budget), spent=Budget(sick=spent))[0] == verdict


@pytest.mark.parametrize(
    ("results", "budget", "verdict"),
    [
        pytest.param([WELL, BAD], Budget(9, 0), "revert_all", id="the sick hosts' budget is not the release's"),
        pytest.param([WELL, SICK], Budget(0, 9), "revert_all", id="nor the other way round"),
        pytest.param([WELL, BAD, SICK], Budget(1, 1), "continue", id="each within its own"),
        pytest.param([WELL, BAD, BAD], Budget(9, 1), "revert_all", id="more than one"),
        pytest.param([BAD, BAD], Budget(9, 9), "revert_all", id="nobody is well"),
        pytest.param([WELL, Result("reverted", "?")], Budget(9, 0), "revert_all", id="went back and does not say why"),
        pytest.param([WELL, Result("reverted", "cut", cause="host")], Budget(1, 0), "continue", id="cut off"),
        pytest.param([WELL, Result("failed", "both", cause="release")], Budget(9, 0), "revert_all", id="ruined by it"),
    ],
)
def test_a_sick_host_is_counted_apart_from_a_bad_release(results: list[Result], budget: Budget, verdict: str) -> None:
    assert judge(*results, budget=budget)[0] == verdict


@settings(max_examples=300, deadline=None)
@given(RESULTS, BUDGETS, BUDGETS)
def test_it_continues_exactly_while_both_budgets_last_and_somebody_is_well(
    results: dict[str, Result], budget: Budget, spent: Budget
) -> None:
    bad = sum(result is BAD for result in results.values()) + spent.release
    sick = sum(result in (SICK, LOST) for result in results.values()) + spent.sick
    somebody = not results or WELL in results.values()
    verdict = decide(results, good=GOOD, budget=budget, spent=spent, on_failure="revert_wave")
    goes_on = bad <= budget.release and sick <= budget.sick and somebody
    assert verdict.verdict == ("continue" if goes_on else "revert_wave")
    assert set(verdict.failed) == {host for host, result in results.items() if result is not WELL}
    counts = f"sick hosts: {sick} (budget {budget.sick}), hosts that speak against the release: {bad}"
    assert counts in verdict.reason or not (sick or bad)


@settings(max_examples=200, deadline=None)
@given(RESULTS, BUDGETS, BUDGETS)
def test_a_larger_budget_never_stops_what_a_smaller_one_lets_go(
    results: dict[str, Result], budget: Budget, more: Budget
) -> None:
    def go(allowed: Budget) -> bool:
        verdict = decide(results, good=GOOD, budget=allowed, spent=NOBODY, on_failure="pause").verdict
        return verdict == "continue"

    assert go(budget.plus(more)) or not go(budget)


def test_what_nobody_could_ask_is_for_a_person_to_decide() -> None:
    doubt = Result("provisional", "inconclusive: probe login could not be asked", inconclusive=True)
    assert judge(WELL, doubt) == ("pause", "h2: inconclusive: probe login could not be asked")
    assert judge(WELL, doubt, SICK)[0] == "revert_all"
    assert judge(WELL, doubt, good=("confirmed", "provisional"))[0] == "pause"
    assert judge(Result("confirmed"), doubt, good=("confirmed",))[0] == "pause"


@pytest.mark.parametrize("on_failure", ["pause", "revert_wave", "revert_all"])
def test_what_was_asked_for_follows_a_failure(on_failure: str) -> None:
    assert judge(SICK, on_failure=on_failure)[0] == on_failure


def test_the_reason_names_the_host_its_reason_and_how_many_more() -> None:
    assert judge(WELL, SICK, LOST, WELL) == (
        "revert_all",
        "h2: disk full (and 1 more); sick hosts: 2 (budget 0), hosts that speak against the release: 0 (budget 0)",
    )
    assert judge(WELL, LOST, BAD, budget=Budget(sick=5))[1].startswith("h3: probe web: 500 (and 1 more); sick hosts: 1")
    continues = judge(WELL, SICK, budget=Budget(1, 2))[1]
    assert continues == (
        "1 of 2 hosts are well; sick hosts: 1 (budget 1), hosts that speak against the release: 0 (budget 2)"
    )
    assert judge(WELL, WELL)[1] == "2 of 2 hosts are well"
    assert judge(Result("failed"))[1].startswith("h1: the outcome is failed; sick hosts: 1 (budget 0)")


def test_the_failed_are_listed_by_name_also_when_it_continues() -> None:
    hosts = {"b": BAD, "a": LOST, "c": WELL}
    verdict = decide(hosts, good=GOOD, budget=Budget(1, 1), spent=NOBODY, on_failure="pause")
    assert verdict.verdict == "continue"
    assert list(verdict.to_dict()["failed"].items()) == [("a", "no route"), ("b", "probe web: 500")]


@pytest.mark.parametrize(
    ("data", "result"),
    [
        pytest.param(None, None, id="missing"),
        pytest.param({}, None, id="empty"),
        pytest.param({"skipped": True, "changed": False}, None, id="skipped"),
        pytest.param({"skipped": True, "outcome": "staged"}, None, id="skipped with an outcome"),
        pytest.param({"failed": True, "msg": "it broke"}, Result("unknown", "it broke", cause="host"), id="failed"),
        pytest.param({"failed": True}, Result("unknown", "the task failed", cause="host"), id="without a message"),
        pytest.param(
            {"unreachable": True, "msg": "gone"}, Result("unreachable", "gone", cause="host"), id="unreachable task"
        ),
        pytest.param(
            {"outcome": "reverted", "reason": "red", "cause": "release"},
            Result("reverted", "red", cause="release"),
            id="against the release",
        ),
        pytest.param(
            {"outcome": "failed", "reason": "full", "code": "disk-full"},
            Result("failed", "full", cause="host"),
            id="an error of the host",
        ),
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


def test_of_a_host_that_was_lost_it_is_known_what_it_said_last_and_of_which_deployment() -> None:
    staged, activated = {"outcome": "staged", "deployment": 3}, {"outcome": "provisional", "deployment": 3}
    lost = {"outcome": "unreachable", "reason": "gone", "code": "host-unreachable"}
    assert final([staged, activated, lost]) == Result("unreachable", "gone", 3, cause="host", heard="provisional")
    assert final([staged, lost]).heard == "staged"
    assert final([lost]) == Result("unreachable", "gone", cause="host")


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


# --- budgets of sites ---

SITE_OF = {"b1": "ber", "b2": "ber", "b3": "ber", "m1": "mad", "m2": "mad", "x": ""}
PLENTY = Budget(9, 9)


def of_sites(results: dict[str, Result], *, lost: frozenset[str] = frozenset(), **budgets: int) -> tuple[str, str]:
    sites = SiteBudgets(budgets, SITE_OF, lost)
    verdict = decide(results, good=GOOD, budget=PLENTY, spent=NOBODY, on_failure="revert_all", sites=sites)
    return verdict.verdict, verdict.reason


@pytest.mark.parametrize(
    ("results", "lost", "budgets", "verdict"),
    [
        pytest.param({"b1": SICK, "b2": WELL}, "", {"ber": 1}, "continue", id="within it"),
        pytest.param({"b1": SICK, "b2": WELL}, "", {"ber": 0}, "revert_all", id="more than it"),
        pytest.param({"b1": SICK, "b2": BAD, "m1": WELL}, "", {"ber": 1}, "revert_all", id="both kinds together"),
        pytest.param({"b1": SICK, "m1": BAD, "m2": WELL}, "", {"ber": 1, "mad": 1}, "continue", id="each site its own"),
        pytest.param({"b1": SICK, "b2": WELL}, "b3", {"ber": 1}, "revert_all", id="with those that were lost before"),
        pytest.param({"b1": SICK, "b2": WELL}, "b1", {"ber": 1}, "continue", id="a host counts once"),
        pytest.param({"m1": WELL, "m2": WELL}, "b1 b2", {"ber": 1}, "revert_all", id="of another wave"),
        pytest.param({"b1": SICK, "m1": SICK, "m2": WELL}, "", {"mad": 1}, "continue", id="no limit of its own"),
        pytest.param({"x": SICK, "m1": WELL}, "", {"ber": 0, "mad": 0}, "continue", id="a host without a site"),
    ],
)
def test_the_budget_of_a_site_decides(
    results: dict[str, Result], lost: str, budgets: dict[str, int], verdict: str
) -> None:
    assert of_sites(results, lost=frozenset(lost.split()), **budgets)[0] == verdict


def test_the_verdict_names_the_site_and_a_host_of_it() -> None:
    verdict, reason = of_sites({"b1": LOST, "m1": SICK, "m2": WELL}, ber=1, mad=0)
    assert verdict == "revert_all"
    assert reason.startswith("m1: disk full (and 1 more); sick hosts: 2 (budget 9)")
    assert reason.endswith("; hosts of site mad that are not well: 1 (budget 0)")
    reason = of_sites({"m1": WELL}, lost=frozenset({"b1", "b2"}), ber=1)[1]
    assert reason.startswith("hosts of other waves failed") and "hosts of site ber that are not well: 2" in reason


@settings(max_examples=200, deadline=None)
@given(RESULTS, st.integers(0, 4), st.integers(0, 4))
def test_the_budget_of_the_only_site_is_one_number_for_both_kinds(
    results: dict[str, Result], budget: int, more: int
) -> None:
    def goes_on(allowed: int) -> bool:
        sites = SiteBudgets({"ber": allowed}, dict.fromkeys(results, "ber"))
        verdict = decide(results, good=GOOD, budget=PLENTY, spent=NOBODY, on_failure="pause", sites=sites)
        return verdict.verdict == "continue"

    failed = sum(result is not WELL for result in results.values())
    assert goes_on(budget) == (failed <= budget and (not results or WELL in results.values()))
    assert goes_on(budget + more) or not goes_on(budget)


def test_a_task_that_its_time_limit_ended_leaves_a_sick_host_of_which_nothing_is_known() -> None:
    ended = {
        "failed": True,
        "msg": "The release_activate action failed to execute in the expected time",
        "timedout": {},
    }
    result = final([{"outcome": "staged", "deployment": 2}, ended])
    assert (result.outcome, result.against_release, result.heard) == ("unknown", False, "staged")
    assert "expected time" in result.reason
