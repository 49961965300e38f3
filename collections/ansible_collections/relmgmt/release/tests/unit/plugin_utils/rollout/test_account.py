# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    STRATEGIES,
    Options,
    Result,
    Wave,
    closing,
    lease_of,
    lost_elsewhere,
    outcomes,
    remembered,
    rows,
    waves,
    way_back,
    whereabouts,
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
        "c": Result("unreachable", "no disk", cause="host"),
        "d": Result("unknown", "the host took no part"),
    }


def test_what_an_earlier_job_confirmed_and_this_one_took_back_is_back() -> None:
    made = plan({"a": "deploy", "b": "none", "c": "none"}, waves=(Wave(1, "all", ("a", "b", "c")),))
    variables: dict[str, dict[str, t.Any]] = {
        "a": {},
        "b": {"staged": {"skipped": True}, "undone": {"outcome": "reverted", "deployment": 2}},
        "c": {"undone": {"outcome": "unreachable", "reason": "gone", "code": "host-unreachable"}},
    }
    found = outcomes(made, "bc", variables, ["staged", "undone"])
    assert found["b"] == Result("reverted", "", 2)
    assert found["c"] == Result("unreachable", "gone", cause="host", heard="confirmed")


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
        pytest.param("rollout", "continue", ["confirmed", "unreachable"], 1, "succeeded", id="within the budget"),
        pytest.param("rollout", "continue", ["confirmed", "reverted"], 1, "failed", id="another budget"),
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
    counts = "sick hosts: 1 (budget 0), hosts that speak against the release: 0 (budget 0)"
    assert closing(made, CONTINUE, ends).reason == f"b ended failed: no answer; {counts}"
    assert closing(made, CONTINUE, {"a": Result("staged")}).reason == f"a ended staged: no reason given; {counts}"
    assert closing(made, CONTINUE, {"a": Result("confirmed")}).reason == ""


def test_a_lease_is_made_again_from_plan_and_fence() -> None:
    made = plan({"a": "deploy"})
    lease = lease_of(made, {"registry": "r", "token": 7})
    assert (lease.registry, lease.token, lease.package) == ("r", 7, made.package)
    assert (lease.environment, lease.instance) == ("prod", "main")


def test_what_a_lost_host_is_known_to_run_is_said_with_what_becomes_of_it() -> None:
    made = plan({"a": "deploy", "b": "left_out"})

    def said(heard: str, host: str = "a") -> str:
        return whereabouts(made, host, Result("unreachable", "gone", heard=heard), {"c": "0.9"})

    assert said("") == "when it was last heard of, it ran 1"
    assert said("", "b") == "it runs 1"
    assert said("staged") == "it ran 1; if it was switched after that, it goes back by itself"
    assert said("provisional") == "it runs 2, not final: unless it has gone back to 1, it will by itself"
    assert said("confirmed") == "it runs 2 and stays there: roll it back to 1 when it is there again"
    assert whereabouts(made, "a", Result("reverted"), {}) == "it runs 1"


WAVES = (Wave(1, "batch-1", ("a", "b")), Wave(2, "batch-2", ("c", "d")), Wave(3, "batch-3", ("e",)))
SAID: dict[str, dict[str, t.Any]] = {
    "a": {"activated": {"outcome": "provisional"}, "confirmed": {"outcome": "confirmed"}},
    "b": {"activated": {"outcome": "provisional"}, "confirmed": {"outcome": "unreachable", "reason": "gone"}},
    "c": {"activated": {"outcome": "reverted"}},
    "d": {"activated": {"outcome": "provisional"}},
    "e": {"staged": {"outcome": "staged"}},
}


def test_the_latest_wave_goes_back_first_and_who_is_not_final_before_who_is() -> None:
    made = plan(dict.fromkeys("abcde", "deploy"), waves=WAVES)
    names = ["staged", "activated", "confirmed"]
    assert way_back(made, WAVES[1], SAID, names) == [["d"], ["b", "a"]]
    assert way_back(made, WAVES[0], SAID, names) == [["b", "a"]]
    assert way_back(made, made.staging, SAID, names) == [["e"], ["d"], ["b", "a"]]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_never_more_hosts_go_back_together_than_went_forward(sizes: list[int], dice: t.Any) -> None:
    made_waves = tuple(
        Wave(index, f"w{index}", tuple(f"h{index}-{host}" for host in range(size)))
        for index, size in enumerate(sizes, start=1)
    )
    hosts = [host for wave in made_waves for host in wave.hosts]
    made = plan(dict.fromkeys(hosts, "deploy"), waves=made_waves)
    words = ("provisional", "confirmed", "reverted", "failed", "unreachable")
    said = {host: {"activated": {"outcome": dice.choice(words)}} for host in hosts}
    batches = way_back(made, made_waves[-1], said, ["activated"])
    together = {wave.hosts: wave.index for wave in made_waves}
    of = {host: index for members, index in together.items() for host in members}
    order = [{of[host] for host in batch} for batch in batches]
    assert all(len(indexes) == 1 for indexes in order)
    assert order == sorted(order, key=max, reverse=True)
    gone = {host for host in hosts if said[host]["activated"]["outcome"] == "reverted"}
    assert sorted(host for batch in batches for host in batch) == sorted(set(hosts) - gone)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(STRATEGIES)),
    st.dictionaries(st.text("abc0-", min_size=1, max_size=4), st.sampled_from(["ber", "mad"]), min_size=1, max_size=12),
    st.integers(1, 5).map(str),
    st.sampled_from(["all", "site"]),
    st.integers(0, 5),
    st.randoms(use_true_random=False),
)
def test_whatever_the_strategy_no_batch_of_the_way_back_is_larger_than_the_largest_wave(
    strategy: str, hosts: dict[str, str], batch: str, batch_of: str, largest: int, dice: t.Any
) -> None:
    options = Options("web/shop", canary=batch, batch=batch, batch_of=batch_of, largest=largest)
    made = plan(dict.fromkeys(hosts, "deploy"), waves=waves(strategy, hosts, options))
    said = {host: {"activated": {"outcome": dice.choice(("provisional", "confirmed", "failed"))}} for host in hosts}
    batches = way_back(made, made.waves[-1], said, ["activated"])
    assert max(map(len, batches)) <= max(len(wave.hosts) for wave in made.waves)
    assert sorted(host for found in batches for host in found) == sorted(hosts)


def test_a_site_beyond_its_budget_fails_the_end_whatever_the_others_allow() -> None:
    made = dataclasses.replace(plan({"a": "deploy", "b": "deploy", "c": "left_out"}, budget=9), release_budget=9)
    made = dataclasses.replace(made, site_budgets={"ber": 1})
    ends = {"a": Result("confirmed"), "b": Result("confirmed"), "c": Result("unreachable", "no disk", cause="host")}
    assert closing(made, CONTINUE, ends).result == "succeeded"
    close = closing(made, CONTINUE, {**ends, "b": Result("failed", "red", cause="release")})
    assert (close.result, close.behind) == ("failed", ["b", "c"])
    assert close.reason.startswith("b ended failed: red; sick hosts: 1 (budget 9)")
    assert close.reason.endswith("; hosts of site ber that are not well: 2 (budget 1)")


def test_who_was_left_out_from_the_start_is_lost_to_every_wave_and_counts_at_its_site() -> None:
    made = plan({"a": "deploy", "b": "deploy", "c": "left_out"}, waves=(Wave(1, "x", ("a",)), Wave(2, "y", ("b",))))
    variables: dict[str, dict[str, t.Any]] = {"a": {"x": {"outcome": "reverted", "cause": "release"}}, "b": {}, "c": {}}
    assert set(lost_elsewhere(made, made.staging, variables, ["x"])) == {"c"}
    lost = lost_elsewhere(made, made.waves[1], variables, ["x"])
    assert set(lost) == {"a", "c"}
    assert dataclasses.replace(made, site_budgets={"ber": 1}).limits_of_sites(lost).exceeded([]) == {"ber": 2}


def test_of_a_host_that_was_out_of_reach_from_the_start_the_registry_remembers_what_it_ran() -> None:
    made = plan({"a": "deploy", "b": "left_out"})
    lost = dataclasses.replace(made.hosts["b"], before="unknown", after="unknown")
    made = dataclasses.replace(made, hosts={**made.hosts, "b": lost})

    def rollout(version: str, instance: str = "main") -> dict[str, t.Any]:
        return {"instance": instance, "deployments": [{"host": "b", "version_after": version}]}

    known = remembered([rollout("unknown"), rollout("9", "other"), rollout("1.4"), rollout("1.3")], "main")
    assert known == {"b": "1.4"}
    assert whereabouts(made, "b", Result("unreachable"), known) == "when it was last heard of, it ran 1.4"
    assert whereabouts(made, "b", Result("unreachable"), {}) == "nobody knows what it runs"
