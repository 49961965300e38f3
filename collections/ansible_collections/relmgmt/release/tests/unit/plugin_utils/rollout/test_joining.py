# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs that share a rollout: what each waits for, and what it makes of the hosts of the others."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, JobRow, Order
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    ACTIVATED,
    BEGIN,
    CONFIRMED,
    STAGED,
    Database,
    HostPlan,
    JobPart,
    Judging,
    Plan,
    Wave,
    absent,
    not_back,
    outcomes,
    recorded_first,
    still_baking,
    wait_for_others,
    why_open,
    with_others,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.joining import require_joinable, require_known
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.migration import Step

from .fleet import plan

WAVES = (Wave(1, "canary", ("a",)), Wave(2, "rest", ("b", "c")))
PLAN = plan(dict.fromkeys("abc", "deploy"), waves=WAVES)
MINE = JobPart("j1", ("a", "b"), wait=900.0, patience=60.0)
NAMES = ["staged", "activated", "confirmed"]
FINAL = Database("id", "pg", ("a",), "", (Step("expand", "1", True),))
PAUSED, REVERTED = Order("pause", "ann", "a fire"), Order("revert", "ann", "it is bad")


def row(host: str, outcome: str, **more: t.Any) -> dict[str, t.Any]:
    return {"host": host, "outcome": outcome, "reason": "", "cause": "", "deployment": 2, **more}


def rows(**said: str) -> list[dict[str, t.Any]]:
    return [row(host, outcome) for host, outcome in said.items()]


def job(hosts: str, ready: int, *, living: bool = True) -> JobRow:
    return JobRow(hosts, tuple(hosts), Holder("there", "boot", 7, "1"), ready, living)


def fleet(**said: str) -> dict[str, dict[str, t.Any]]:
    """The own hosts' last outcomes."""
    return {host: {"activated": {"outcome": outcome, "deployment": 2}} for host, outcome in said.items()}


def judging(step: str, wave: Wave, part: JobPart = MINE, on: Plan = PLAN, **said: str) -> Judging:
    return Judging(on, part, wave, step, fleet(**said), NAMES)


@pytest.mark.parametrize(
    ("step", "said", "missing"),
    [
        pytest.param(STAGED, {}, ["c"], id="nothing was heard of it"),
        pytest.param(STAGED, {"c": "staged"}, [], id="it is staged"),
        pytest.param(STAGED, {"c": "failed"}, [], id="it could not be staged"),
        pytest.param(ACTIVATED, {"c": "staged"}, ["c"], id="it is not activated"),
        pytest.param(ACTIVATED, {"c": "provisional"}, [], id="it is activated"),
        pytest.param(ACTIVATED, {"c": "reverted"}, [], id="it went back"),
        pytest.param(CONFIRMED, {"c": "provisional"}, ["c"], id="it is not final"),
        pytest.param(CONFIRMED, {"c": "confirmed"}, [], id="it is final"),
    ],
)
def test_a_step_waits_for_the_hosts_of_other_jobs_that_it_concerns(
    step: str, said: dict[str, str], missing: list[str]
) -> None:
    wave = PLAN.staging if step == STAGED else WAVES[1]
    assert absent(PLAN, MINE, wave, step, rows(**said), []) == missing


def test_a_step_of_a_wave_without_hosts_of_others_waits_for_nobody() -> None:
    for step in (BEGIN, ACTIVATED, CONFIRMED):
        assert absent(PLAN, MINE, WAVES[0], step, [], []) == []


@pytest.mark.parametrize(
    ("jobs", "missing"),
    [
        pytest.param([], ["c"], id="nobody has it"),
        pytest.param([job("c", 1)], ["c"], id="its job is not so far"),
        pytest.param([job("c", 2)], [], id="its job is there"),
        pytest.param([job("c", 2, living=False)], ["c"], id="its job is dead"),
    ],
)
def test_a_wave_begins_when_the_jobs_with_its_hosts_are_there(jobs: list[JobRow], missing: list[str]) -> None:
    assert absent(PLAN, MINE, WAVES[1], BEGIN, rows(c="staged"), jobs) == missing


def test_a_wave_begins_when_those_before_it_are_over_whoever_had_them() -> None:
    part, there = JobPart("j2", ("c",)), [job("ab", 2)]
    assert absent(PLAN, part, WAVES[1], BEGIN, rows(a="provisional", b="staged"), there) == ["a"]
    assert absent(PLAN, part, WAVES[1], BEGIN, rows(a="confirmed", b="staged"), there) == []


@pytest.mark.parametrize(
    ("finished", "later", "missing"),
    [
        pytest.param("2026-11-21T10:00:00.000000Z", 59, ["a"], id="in the midst of its bake"),
        pytest.param("2026-11-21T10:00:00.000000Z", 61, [], id="when it has baked"),
        pytest.param(None, 59, [], id="not confirmed yet, so its hosts are waited for anyway"),
    ],
)
def test_a_wave_does_not_begin_while_one_before_it_bakes_whoever_has_it(
    finished: str | None, later: float, missing: list[str]
) -> None:
    canary, rest = Wave(1, "canary", ("a",), bake=60.0), Wave(2, "rest", ("b", "c"))
    planned = plan(dict.fromkeys("abc", "deploy"), waves=(canary, rest))
    now = datetime.datetime(2026, 11, 21, 10, tzinfo=datetime.UTC) + datetime.timedelta(seconds=later)
    recorded = [{"index": 1, "finished": finished}]
    assert still_baking(planned, JobPart("j2", ("b", "c")), rest, recorded, now) == missing
    assert still_baking(planned, JobPart("j1", ("a", "b")), rest, recorded, now) == []
    assert still_baking(planned, JobPart("j2", ("b", "c")), canary, recorded, now) == []


def test_hosts_to_which_nothing_happens_are_not_waited_for() -> None:
    settled = dataclasses.replace(PLAN, hosts={**PLAN.hosts, "c": HostPlan("ber", "/srv", "1", "2", "none")})
    assert absent(settled, MINE, WAVES[1], CONFIRMED, [], []) == []


def test_the_hosts_of_others_are_seen_as_the_registry_has_them() -> None:
    seen = with_others(PLAN, MINE, fleet(a="confirmed", b="provisional"), NAMES, [row("c", "failed", cause="release")])
    results = outcomes(PLAN, PLAN.hosts, seen, NAMES)
    assert {host: result.outcome for host, result in results.items()} == {
        "a": "confirmed",
        "b": "provisional",
        "c": "failed",
    }
    assert results["c"].against_release


def test_the_verdict_is_over_all_hosts_of_the_wave() -> None:
    judged = judging(ACTIVATED, WAVES[1], a="confirmed", b="provisional")
    assert judged.verdict(rows(c="provisional")).verdict == "continue"
    bad = judged.verdict([row("c", "reverted", reason="it is sick")])
    assert (bad.verdict, bad.failed) == ("revert_all", {"c": "it is sick"})
    assert list(judged.own) == ["b"]


def test_the_fate_of_waves_that_others_have_counts() -> None:
    mine = JobPart("j2", ("c",))
    judged = judging(ACTIVATED, WAVES[1], mine, c="provisional")
    assert judged.verdict(rows(a="confirmed", b="provisional")).verdict == "continue"
    assert judged.verdict(rows(a="reverted", b="provisional")).verdict == "revert_all"


def test_who_is_missing_stops_the_job_and_not_the_rollout() -> None:
    missing = judging(BEGIN, WAVES[1], a="confirmed", b="staged").verdict(rows(c="staged"), missing=["c"])
    assert (missing.verdict, missing.open) == ("pause", True)
    assert missing.reason == "hosts of other jobs are missing: c"
    final = judging(CONFIRMED, WAVES[1], a="confirmed", b="confirmed").verdict(rows(c="provisional"), missing=["c"])
    assert (final.verdict, final.failed) == ("pause", {})
    known = judging(CONFIRMED, WAVES[1], a="confirmed", b="failed").verdict(rows(c="provisional"), missing=["c"])
    assert known.verdict == "revert_all", "what is known already decides"


def test_a_wave_that_may_begin_says_so() -> None:
    assert judging(BEGIN, WAVES[1], a="confirmed", b="staged").verdict(rows(c="staged")).verdict == "continue"


def test_a_pause_stops_what_is_well_and_a_revert_takes_it_back() -> None:
    judged = judging(ACTIVATED, WAVES[0], a="provisional", b="staged")
    paused = judged.verdict(rows(c="staged"), order=PAUSED)
    assert (paused.verdict, paused.reason, paused.open) == ("pause", "paused by ann: a fire", True)
    back = judged.verdict(rows(c="staged"), order=REVERTED)
    assert (back.verdict, back.reason, back.open) == ("revert_all", "reverted by ann: it is bad", False)
    assert judged.verdict(rows(c="staged"), order=Order("resume", "ann", "")).verdict == "continue"


def test_a_pause_does_not_keep_a_bad_release_from_going_back() -> None:
    judged = judging(ACTIVATED, WAVES[0], a="reverted", b="staged")
    assert judged.verdict(rows(c="staged"), order=PAUSED).verdict == "revert_all"


def test_behind_a_point_of_no_return_a_revert_is_a_call_for_a_person() -> None:
    judged = judging(ACTIVATED, WAVES[0], on=dataclasses.replace(PLAN, databases=(FINAL,)), a="provisional", b="staged")
    verdict = judged.verdict(rows(c="staged"), order=REVERTED)
    assert (verdict.verdict, verdict.frozen) == ("pause", True)


def test_a_job_takes_back_its_own_hosts_alone_the_latest_wave_first() -> None:
    judged = judging(ACTIVATED, WAVES[1], a="confirmed", b="provisional")
    assert judged.way_back(rows(c="provisional")) == [["b"], ["a"]]


def test_hosts_that_are_not_final_are_not_kept_waiting_until_they_go_back() -> None:
    assert judging(ACTIVATED, WAVES[0]).patience == 30.0
    assert judging(CONFIRMED, WAVES[0]).patience == 900.0


def test_check_mode_takes_the_hosts_of_others_for_well() -> None:
    for step, said in ((STAGED, "staged"), (ACTIVATED, "confirmed"), (CONFIRMED, "confirmed")):
        judged = judging(step, PLAN.staging if step == STAGED else WAVES[1], a=said, b=said)
        assert judged.verdict(judged.predicted()).verdict == "continue"


def test_waiting_ends_when_all_are_there_when_somebody_asks_and_with_the_time() -> None:
    now, said = [0.0], list[str]()

    def wait(looks: list[tuple[list[str], str]], seconds: float = 10.0) -> tuple[list[str], str]:
        now[0] = 0.0
        left = iter(looks)
        return wait_for_others(
            lambda: next(left),
            seconds=seconds,
            until=lambda seen: seen == "stop",
            say=said.append,
            clock=lambda: now[0],
            pause=lambda seconds: now.__setitem__(0, now[0] + seconds),
        )

    assert wait([(["c"], ""), (["c"], ""), ([], "done")]) == ([], "done")
    assert said == ["waiting for c, 10 s at most"], "once, while nothing changes"
    assert wait([(["c"], ""), (["c"], "stop")]) == (["c"], "stop")
    assert wait([(["c"], "")] * 20, seconds=2.5) == (["c"], "")
    assert now[0] == pytest.approx(2.5)
    assert wait([(["c"], "")], seconds=0.0) == (["c"], "")


def test_a_part_of_the_hosts_is_refused_what_only_all_of_them_can_do() -> None:
    with pytest.raises(RelmgmtError) as caught:
        require_joinable(dataclasses.replace(PLAN, databases=(FINAL,)))
    assert caught.value.code == "join-databases"
    with pytest.raises(RelmgmtError) as caught:
        require_known(PLAN, ["a", "x"])
    assert (caught.value.code, "x" in caught.value.message) == ("host-not-planned", True)


CONTINUE = {"verdict": "continue", "reason": "", "failed": {}}
BACK = {"verdict": "revert_all", "reason": "b: sick", "failed": {}}


def ended(**said: str) -> dict[str, t.Any]:
    return outcomes(PLAN, PLAN.hosts, with_others(PLAN, JobPart("x", ()), {}, NAMES, rows(**said)), NAMES)


@pytest.mark.parametrize(
    ("verdict", "said", "jobs", "why"),
    [
        (CONTINUE, {"a": "confirmed", "b": "confirmed", "c": "confirmed"}, [], ""),
        (CONTINUE, {"a": "confirmed", "b": "confirmed", "c": "unreachable"}, [], ""),
        (CONTINUE, {"a": "confirmed", "b": "confirmed", "c": "confirmed"}, [job("c", 2)], "1 other job works on it"),
        (CONTINUE, {"a": "confirmed", "b": "confirmed", "c": "staged"}, [], "c is still to come"),
        (CONTINUE, {"a": "confirmed", "b": "confirmed", "c": "staged"}, [job("c", 2, living=False)], "c is still to"),
        (BACK, {"a": "reverted", "b": "reverted", "c": "staged"}, [], ""),
        (BACK, {"a": "reverted", "b": "reverted", "c": "provisional"}, [], "c is still to come"),
        ({**BACK, "verdict": "pause"}, {"a": "confirmed", "b": "confirmed", "c": "staged"}, [], "b: sick"),
    ],
)
def test_the_last_job_closes_the_rollout_and_others_say_why_they_do_not(
    verdict: dict[str, t.Any], said: dict[str, str], jobs: list[JobRow], why: str
) -> None:
    found = why_open(PLAN, MINE, verdict, ended(**said), jobs=jobs)
    assert found.startswith(why) if why else not found


def test_a_whole_run_leaves_open_what_was_paused_or_is_staged_and_nothing_else() -> None:
    whole, results = JobPart("j", tuple("abc")), ended(a="staged", b="staged", c="staged")
    assert why_open(PLAN, whole, CONTINUE, results, staged=True) == "it is staged"
    assert why_open(PLAN, whole, BACK, results, staged=True) == ""
    assert why_open(PLAN, whole, {**BACK, "verdict": "pause", "open": True}, results) == "b: sick"
    assert why_open(PLAN, whole, {**BACK, "verdict": "pause"}, results) == ""


def test_hosts_are_back_that_were_heard_to_be_and_those_that_nothing_was_brought_to() -> None:
    known, names = recorded_first(
        PLAN,
        MINE,
        {"a": {"undone": {"outcome": "reverted"}}, "b": {}},
        ["undone"],
        rows(a="confirmed", b="staged", c="confirmed"),
    )
    results = outcomes(PLAN, PLAN.hosts, known, names)
    assert not_back(results, ["a"]) == ["c"]
    assert not_back(results, ["a", "b"]) == ["b", "c"], "who was asked to go back has to say so"
