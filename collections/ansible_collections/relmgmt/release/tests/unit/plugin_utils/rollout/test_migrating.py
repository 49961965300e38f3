# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who does what to a database, and what follows from what came of it."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.action import rollout_migrate
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    AFTER,
    BEFORE,
    UNDO,
    Job,
    Moved,
    Plan,
    Result,
    Verdict,
    Wave,
    Work,
    closing,
    frozen_instead,
    judge_moves,
    lease_of,
    standing,
    to_freeze,
    work_of,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.migration import Database, Step

from .fleet import plan

EXPAND, MIGRATE, CONTRACT = (
    Step(phase, to, False) for phase, to in (("expand", "2"), ("migrate", "3"), ("contract", "4"))
)
FINAL = Step("contract", "4", True)
DEPLOY = {"a": "deploy", "b": "deploy"}
STAGED = {"outcome": "staged", "deployment": 7}
CONFIRMED = {"outcome": "confirmed", "deployment": 7}
REVERTED = {"outcome": "reverted", "deployment": 7}
LOST = {"outcome": "unreachable", "reason": "no route"}
NAMES = ("activated", "reverted")


def database(*steps: Step, **changes: t.Any) -> Database:
    steps = steps or (EXPAND, MIGRATE, CONTRACT)
    return Database(**{"id": "pg-a", "name": "calendar", "hosts": ("a", "b"), "start": "1", "steps": steps, **changes})


def made(*databases: Database, actions: dict[str, str] | None = None, **changes: t.Any) -> Plan:
    waves = changes.pop("waves", (Wave(1, "all", ("a", "b")),))
    kind = changes.pop("kind", "rollout")
    return dataclasses.replace(plan(actions or DEPLOY, kind=kind), databases=databases, waves=waves, **changes)


def fleet(**hosts: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    return {"a": {"staged": STAGED}, "b": {"staged": STAGED}, **hosts}


ALL_ON = fleet(a={"staged": STAGED, "activated": CONFIRMED}, b={"staged": STAGED, "activated": CONFIRMED})
ALL_BACK = fleet(a={"staged": STAGED, "reverted": REVERTED}, b={"staged": STAGED, "activated": REVERTED})


def work(of: Plan, phase: str, hosts: dict[str, dict[str, t.Any]], **changes: t.Any) -> Work:
    values: dict[str, t.Any] = {"begun": {}, "touched": ["pg-a"], **changes}
    return work_of(of, phase, hosts, staged="staged", stands=standing(of, of.hosts, hosts, NAMES), **values)


def moves(done: Work) -> dict[str, list[tuple[str, str]]]:
    return {host: [(job.to, job.direction) for job in jobs] for host, jobs in done.jobs.items()}


def test_one_of_the_hosts_makes_the_database_ready_by_its_staged_release() -> None:
    assert work(made(database()), BEFORE, fleet()).jobs == {"a": [Job("calendar", "pg-a", 7, "3", "up")]}


def test_a_host_that_is_not_staged_leaves_it_to_another() -> None:
    assert moves(work(made(database()), BEFORE, fleet(a={"staged": LOST}))) == {"b": [("3", "up")]}


def test_where_nobody_is_staged_a_person_decides() -> None:
    assert "no host is there" in work(made(database()), BEFORE, fleet(a={"staged": LOST}, b={"staged": LOST})).doubt


def test_what_was_begun_on_a_host_goes_on_there() -> None:
    done = work(made(database()), BEFORE, fleet(), begun={"pg-a": "b"})
    assert (moves(done), done.jobs["b"][0].again) == ({"b": [("3", "up")]}, True)


def test_what_was_begun_on_a_host_that_is_gone_is_begun_nowhere_else() -> None:
    done = work(made(database()), BEFORE, fleet(b={"staged": LOST}), begun={"pg-a": "b"})
    assert done.jobs == {} and "was begun on b" in done.doubt


def test_an_interrupted_rehearsal_is_taken_back_first() -> None:
    assert moves(work(made(database(), kind="rehearsal"), BEFORE, fleet(), anew=True)) == {
        "a": [("1", "down"), ("3", "up")]
    }


def test_without_waves_nothing_is_made_ready() -> None:
    assert work(made(database(), waves=()), BEFORE, fleet()).jobs == {}


def test_a_contract_is_made_when_every_host_is_final() -> None:
    assert moves(work(made(database()), AFTER, ALL_ON)) == {"a": [("4", "up")]}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"staged": STAGED}, id="not switched"),
        pytest.param({"staged": STAGED, "activated": {"outcome": "provisional"}}, id="provisional"),
        pytest.param({"staged": STAGED, "activated": LOST}, id="out of reach"),
        pytest.param({"staged": STAGED, "activated": CONFIRMED, "reverted": REVERTED}, id="back"),
    ],
)
def test_a_contract_waits_for_the_last_host(other: dict[str, t.Any]) -> None:
    done = work(made(database()), AFTER, {**ALL_ON, "b": other})
    assert done.jobs == {} and not done.doubt
    assert done.notes[0].startswith("contract of calendar is not done: not all hosts") and "b (" in done.notes[0]


def test_a_contract_waits_for_hosts_that_were_left_out() -> None:
    assert work(made(database(), actions={"a": "deploy", "b": "left_out"}), AFTER, {**ALL_ON, "b": {}}).jobs == {}


@pytest.mark.parametrize(("version", "waits"), [("1", True), ("unknown", True), ("2", False)])
def test_a_contract_waits_for_hosts_outside_of_the_rollout(version: str, waits: bool) -> None:
    done = work(made(database(elsewhere={"z": version})), AFTER, ALL_ON)
    assert (done.jobs == {}) is waits


def test_a_final_contract_awaits_its_approval() -> None:
    of = made(database(EXPAND, FINAL))
    done = work(of, AFTER, ALL_ON)
    assert done.jobs == {} and "awaits its approval" in done.notes[0]
    approved = dataclasses.replace(of, approval={"version": "2", "reason": "because"})
    assert moves(work(approved, AFTER, ALL_ON)) == {"a": [("4", "up")]}


def test_hosts_of_a_converged_fleet_make_a_contract_by_what_they_run() -> None:
    of = made(database(deployments={"a": 3, "b": 4}), actions={"a": "none", "b": "none"}, waves=())
    assert of.active and of.changes
    assert work(of, AFTER, {"a": {}, "b": {}}).jobs == {"a": [Job("calendar", "pg-a", 3, "4", "up")]}


@pytest.mark.parametrize(
    ("changes", "other", "active"),
    [
        pytest.param({}, "none", True, id="due"),
        pytest.param({"known": "4"}, "none", False, id="done"),
        pytest.param({"steps": (EXPAND,)}, "none", False, id="none"),
        pytest.param({"steps": (FINAL,)}, "none", False, id="not approved"),
        pytest.param({}, "left_out", False, id="a host is not there"),
        pytest.param({"elsewhere": {"z": "1"}}, "none", False, id="a host outside needs what it takes away"),
        pytest.param({"elsewhere": {"z": "2"}}, "none", True, id="nobody outside does"),
    ],
)
def test_a_converged_fleet_is_left_alone_unless_a_contract_is_due(
    changes: dict[str, t.Any], other: str, active: bool
) -> None:
    assert made(database(**changes), actions={"a": "none", "b": other}, waves=()).active is active


def test_a_schema_goes_back_when_every_host_is_back() -> None:
    assert moves(work(made(database()), UNDO, ALL_BACK)) == {"a": [("1", "down")]}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"staged": STAGED, "activated": CONFIRMED}, id="on the release"),
        pytest.param({"staged": STAGED, "activated": LOST}, id="out of reach"),
        pytest.param({"staged": STAGED, "activated": {"outcome": "failed"}}, id="failed"),
    ],
)
def test_a_schema_stays_while_a_host_may_need_it(other: dict[str, t.Any]) -> None:
    done = work(made(database()), UNDO, {**ALL_BACK, "b": other})
    assert done.jobs == {}
    assert done.notes[0].startswith("the schema of calendar stays as it is: not all hosts") and "b (" in done.notes[0]


@pytest.mark.parametrize(("version", "stays"), [("1", False), ("2", True), ("unknown", True)])
def test_a_schema_stays_for_hosts_outside_of_the_rollout_that_need_it(version: str, stays: bool) -> None:
    assert (work(made(database(elsewhere={"z": version})), UNDO, ALL_BACK).jobs == {}) is stays


def test_nothing_is_undone_that_was_not_done() -> None:
    assert work(made(database()), UNDO, ALL_BACK, touched=[]).jobs == {}


def test_a_rollback_takes_back_the_contract_first_and_the_rest_behind_its_hosts() -> None:
    of = made(database(deployments={"a": 3, "b": 4}), kind="rollback")
    assert work(of, BEFORE, {"a": {}, "b": {}}).jobs == {"a": [Job("calendar", "pg-a", 3, "3", "down")]}
    back = {"a": {"reverted": REVERTED}, "b": {"reverted": REVERTED}}
    assert moves(work(of, AFTER, back)) == {"a": [("1", "down")]}
    assert work(of, AFTER, {**back, "b": {}}).jobs == {}


def test_hosts_are_frozen_before_a_step_that_nothing_takes_back() -> None:
    approval = {"version": "2", "reason": "because"}
    before, after = (Step(phase, "2", True) for phase in ("expand", "contract"))
    cases = [(before, BEFORE, fleet()), (after, AFTER, ALL_ON), (EXPAND, BEFORE, fleet()), (after, BEFORE, fleet())]
    found = []
    for step, phase, hosts in cases:
        of = made(database(step), approval=approval)
        found.append(to_freeze(of, phase, hosts, staged="staged", stands=standing(of, of.hosts, hosts, NAMES)))
    assert found == [{"a": 7, "b": 7}, {"a": 7, "b": 7}, {}, {}]


def judged(
    answer: dict[str, t.Any] | None, *steps: Step, phase: str = BEFORE, again: bool = False, **changes: t.Any
) -> Verdict:
    here = database(*steps, **changes)
    goal = here.last if phase == AFTER else here.ready
    moved = Moved.of("a", here, Job("calendar", "pg-a", 7, goal, "up", again), answer)
    verdict, passed = judge_moves(made(here), phase, [moved])
    assert verdict.frozen is passed
    return verdict


FAILED = {"outcome": "failed", "reason": "no such column", "before": "1"}


def test_what_is_migrated_goes_on() -> None:
    assert judged({"outcome": "migrated", "before": "1", "after": "3"}).verdict == "continue"


@pytest.mark.parametrize("phase, follows", [(BEFORE, "revert_all"), (AFTER, "pause")])
def test_a_failure_goes_back_before_the_first_wave_and_stops_behind_the_last(phase: str, follows: str) -> None:
    verdict = judged({**FAILED, "after": "2", "failing": "3"}, phase=phase)
    assert verdict.verdict == follows
    assert verdict.reason.endswith("no such column; its schema is at 2")


@pytest.mark.parametrize("answer", [LOST, {"outcome": "unknown"}, None, {"unreachable": True, "msg": "gone"}])
def test_what_nobody_knows_is_for_a_person(answer: dict[str, t.Any] | None) -> None:
    verdict = judged(answer)
    assert verdict.verdict == "pause" and "nobody knows what came of it" in verdict.reason


def test_a_host_that_refuses_has_done_nothing_but_says_nothing_of_what_was_begun() -> None:
    refused = {"outcome": "failed", "code": "schema-unknown", "reason": "it says 9"}
    assert judged(refused).verdict == "revert_all"
    assert judged(refused, Step("expand", "2", True)).verdict == "revert_all"
    assert judged(refused, again=True).verdict == "pause"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({**FAILED, "after": "1", "failing": "2"}, id="the step was begun"),
        pytest.param({**FAILED, "after": "2", "failing": "3"}, id="a later step failed"),
        pytest.param({**FAILED, "after": None, "failing": "2"}, id="the database is mute"),
        pytest.param(LOST, id="the host is gone"),
    ],
)
def test_behind_a_point_of_no_return_a_failure_freezes(answer: dict[str, t.Any]) -> None:
    verdict = judged(answer, Step("expand", "2", True), MIGRATE)
    assert (verdict.verdict, verdict.frozen) == ("pause", True)


def test_before_the_point_of_no_return_a_failure_goes_back() -> None:
    verdict = judged({**FAILED, "after": "1", "failing": "2"}, EXPAND, Step("migrate", "3", True))
    assert verdict.verdict == "revert_all"


@pytest.mark.parametrize(
    ("verdict", "follows"),
    [("revert_all", "pause"), ("revert_wave", "pause"), ("pause", "pause"), ("continue", "continue")],
)
def test_behind_a_point_of_no_return_no_verdict_takes_hosts_back(verdict: str, follows: str) -> None:
    found = frozen_instead(Verdict(verdict, "b: red", {"b": "red"}))
    assert (found.verdict, found.frozen) == (follows, verdict != "continue")
    assert "b: red" in found.reason


def test_waves_lie_behind_what_came_before_them_and_staging_behind_what_is_known() -> None:
    of = made(database(Step("expand", "2", True), FINAL))
    assert (of.past_return(0), of.past_return(1)) == (False, True)
    done = made(database(Step("expand", "2", True), known="2"))
    assert (done.past_return(0), done.past_return(1)) == (True, True)
    assert not made(database(EXPAND, FINAL)).past_return(1)


def test_the_end_says_what_lies_behind_a_point_of_no_return_and_what_is_still_to_be_done() -> None:
    sharp = made(database(Step("expand", "2", True)))
    paused, well = Verdict("pause", "b: red", {}, frozen=True).to_dict(), Verdict("continue", "", {}).to_dict()
    both = {host: Result("confirmed") for host in "ab"}
    assert closing(sharp, paused, both).result == "frozen"
    assert closing(sharp, well, {**both, "b": Result("failed")}).result == "frozen"
    assert closing(made(database()), well, {**both, "b": Result("failed")}).result == "failed"
    ended = closing(made(database()), {**well, "note": "contract of calendar is not done"}, both)
    assert (ended.result, ended.reason) == ("succeeded", "contract of calendar is not done")


def test_the_lease_covers_the_databases_of_the_plan() -> None:
    assert lease_of(made(database()), {"registry": "r", "token": 7}).databases == ("pg-a",)


def test_what_was_paused_stays_open_while_databases_are_seen_to() -> None:
    verdict = {"verdict": "pause", "reason": "paused by ann: a fire", "failed": {}, "open": True}
    assert rollout_migrate._last({"verdict": verdict}).to_dict() == verdict
