# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No host goes forward to production whose way back nobody has rehearsed; what a site relaxes stands on record."""

from __future__ import annotations

import collections.abc
import datetime
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    Gate,
    HostInput,
    Plan,
    Policy,
    lost_elsewhere,
    outcomes,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.planning import make_plan

from ..evidence.shown import NOW, World, make_world
from .fleet import adopted, deployment, host, info, lost, manifest, profile, wish

OLDER, OLD, NEW, PROFILE = manifest("0.9.0"), manifest("1.0.0"), manifest("2.0.0"), profile()
ABSENT = info()
ON_OLDER, ON_OLD = (info(deployment(1, release, PROFILE.digest)) for release in (OLDER, OLD))
DONE = info(deployment(1, NEW, PROFILE.digest))
RECONFIGURED = info(deployment(1, NEW, profile("other").digest))
Answers = collections.abc.Mapping[str, dict[str, t.Any]]


@pytest.fixture
def world(tmp_path: pathlib.Path) -> collections.abc.Iterator[World]:
    made = make_world(tmp_path)
    with made.registry:
        yield made


def rehearse(world: World, **changes: t.Any) -> str:
    """The way from 1.0.0 to 2.0.0, unless something else is said."""
    return world.rehearse(**{"before": OLD.digest, "after": NEW.digest, **changes})


def planned(
    world: World,
    hosts: Answers,
    *,
    unfinished: Plan | None = None,
    out: collections.abc.Mapping[str, str] | None = None,
    inventories: t.Sequence[str] = (),
    wanted: t.Mapping[str, t.Any] | None = None,
    **policy: t.Any,
) -> Plan:
    asked = wish(strategy="big_bang", **(wanted or {}))
    inputs: dict[str, HostInput] = {name: host(answer) for name, answer in hosts.items()}
    return make_plan(
        asked,
        inputs,
        out=out or {},
        manifest=NEW if asked.kind != "rollback" else None,
        profiles={name: PROFILE for name in hosts},
        unfinished=unfinished,
        gate=Gate(Policy(**policy), world.registry, inventories=inventories, clock=lambda: NOW),
        new_id=lambda: "r1",
    )


def refused(*args: t.Any, **changes: t.Any) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        planned(*args, **changes)
    return caught.value


WAIVED: dict[str, t.Any] = {"rehearsal": "waived", "reason": "the data centre burns"}


# --- required ---


def test_a_rehearsed_way_is_open_and_its_measure_is_shown(world: World) -> None:
    identity = rehearse(world)
    plan = planned(world, {"a": ON_OLD, "b": ON_OLD})
    assert plan.staging.hosts == ("a", "b")
    assert plan.rehearsal["ways"][0]["evidence"] == identity
    assert "rehearsed from 1.0.0 on 2026-11-20: forward 3.1 s, back 0.9 s" in plan.summary
    assert Plan.from_dict(plan.to_dict()) == plan


def test_all_ways_that_nobody_rehearsed_are_told_with_their_hosts_and_the_command(world: World) -> None:
    rehearse(world)
    error = refused(world, {"a": ABSENT, "b": ON_OLDER, "c": ON_OLDER, "d": ON_OLD}, inventories=["/etc/my hosts.yml"])
    assert error.code == "rehearsal-missing"
    assert "3 hosts would go a way to calendar/radicale 2.0.0 in prod" in error.message
    assert "from absent: a: nobody has rehearsed it" in error.message
    assert f"from 0.9.0 ({OLDER.digest[7:15]}): b, c: nobody has rehearsed it" in error.message
    assert "from 1.0.0" not in error.message
    assert (
        "ansible-playbook -i '/etc/my hosts.yml' relmgmt.release.rehearse -e relmgmt_target=a,b"
        " -e relmgmt_package=calendar/radicale -e relmgmt_version=2.0.0 -e relmgmt_environment=prod"
    ) in error.hint


def test_a_way_from_nothing_is_a_way(world: World) -> None:
    assert refused(world, {"a": ABSENT}).code == "rehearsal-missing"
    rehearse(world, before="absent", version_before="absent")
    plan = planned(world, {"a": ABSENT})
    assert "rehearsed from absent on" in plan.summary


def test_a_way_from_what_was_adopted_is_a_way_of_its_own(world: World) -> None:
    rehearse(world, before="absent", version_before="absent")
    error = refused(world, {"a": adopted()})
    assert error.code == "rehearsal-missing"
    assert "from adopted (" in error.message and "relmgmt_adopt=true" in error.hint
    rehearse(world, before=adopted()["release"]["adopted"]["digest"], version_before="adopted")
    assert "rehearsed from adopted on" in planned(world, {"a": adopted()}).summary
    assert refused(world, {"a": adopted(), "b": adopted("another")}).code == "rehearsal-missing"


def test_the_rehearsal_of_another_release_opens_nothing(world: World) -> None:
    rehearse(world, after=manifest("3.0.0").digest)
    rehearse(world, before=OLDER.digest)
    rehearse(world, before=NEW.digest, after=OLD.digest)
    assert refused(world, {"a": ON_OLD}).code == "rehearsal-missing"


def test_an_expired_or_forged_rehearsal_is_refused_by_its_name(world: World) -> None:
    rehearse(world, finished=NOW - datetime.timedelta(days=91))
    error = refused(world, {"a": ON_OLD})
    assert (error.code, "it is of 2026-08-22, older than 90 days" in error.message) == ("rehearsal-expired", True)
    assert planned(world, {"a": ON_OLD}, days=91).waves
    assert refused(world, {"a": ON_OLD, "b": ABSENT}).code == "rehearsal-expired"
    world.forge("UPDATE evidence SET envelope = '{}'")
    error = refused(world, {"a": ON_OLD, "b": ABSENT})
    assert (error.code, error.family) == ("rehearsal-forged", "integrity")


def test_a_rehearsal_counts_from_every_environment_unless_the_policy_says_the_same(world: World) -> None:
    rehearse(world, environment="ci")
    assert planned(world, {"a": ON_OLD}).waves
    error = refused(world, {"a": ON_OLD}, environment="same")
    assert (error.code, "in ci only" in error.message) == ("rehearsal-missing", True)
    rehearse(world, environment="prod")
    assert planned(world, {"a": ON_OLD}, environment="same").waves


@pytest.mark.parametrize(
    ("environment", "production", "gated"),
    [
        ("prod", ("prod", "production"), True),
        ("production", ("prod", "production"), True),
        ("ci", ("prod", "production"), False),
        ("live", ("live",), True),
        ("prod", ("live",), False),
    ],
)
def test_the_site_names_its_production(
    world: World, environment: str, production: tuple[str, ...], gated: bool
) -> None:
    asked: dict[str, t.Any] = {"wanted": {"environment": environment}, "production": production}
    if gated:
        assert refused(world, {"a": ON_OLD}, **asked).code == "rehearsal-missing"
    else:
        assert planned(world, {"a": ON_OLD}, **asked).rehearsal == {}


def test_elsewhere_than_in_production_what_was_rehearsed_is_shown_all_the_same(world: World) -> None:
    rehearse(world)
    plan = planned(world, {"a": ON_OLD, "b": ABSENT}, wanted={"environment": "ci"})
    assert plan.staging.hosts == ("a", "b")
    assert "rehearsed from 1.0.0" in plan.summary and "absent" not in plan.summary


def test_who_goes_no_way_is_not_asked(world: World) -> None:
    assert planned(world, {"a": DONE}).waves == ()
    assert planned(world, {"a": RECONFIGURED}).staging.hosts == ("a",)
    rehearse(world)
    plan = planned(world, {"a": ON_OLD, "b": lost()}, out={"b": "no route"}, wanted={"failure_budget": 1})
    assert plan.staging.hosts == ("a",)


def test_a_rollback_is_never_gated(world: World) -> None:
    back = info(deployment(1, OLD, PROFILE.digest), deployment(2, NEW, PROFILE.digest))
    plan = planned(world, {"a": back}, wanted={"kind": "rollback", "version": "1.0.0"})
    assert (plan.staging.hosts, plan.rehearsal) == (("a",), {})


# --- leave_out ---


def test_hosts_on_a_way_that_nobody_rehearsed_can_be_left_out(world: World) -> None:
    rehearse(world)
    plan = planned(world, {"a": ON_OLD, "b": ABSENT, "c": ON_OLDER}, rehearsal="leave_out")
    assert plan.staging.hosts == ("a",)
    assert {name: plan.hosts[name].action for name in "abc"} == {
        "a": "deploy",
        "b": "unrehearsed",
        "c": "unrehearsed",
    }
    assert (plan.hosts["c"].after, plan.hosts["c"].reason) == ("0.9.0", "rehearsal-missing: nobody has rehearsed it")
    assert "not rehearsed from 0.9.0, left out: c" in plan.summary
    assert lost_elsewhere(plan, plan.waves[0], {"a": {}}, []) == {}
    assert set(outcomes(plan, plan.hosts, {"a": {}}, [])) == {"a"}


def test_all_of_them_are_never_left_out(world: World) -> None:
    rehearse(world)
    error = refused(world, {"a": DONE, "b": ABSENT, "c": ON_OLDER}, rehearsal="leave_out")
    assert (error.code, "b: nobody" in error.message, "c: nobody" in error.message) == ("rehearsal-missing", True, True)
    assert planned(world, {"a": RECONFIGURED, "b": ABSENT}, rehearsal="leave_out").staging.hosts == ("a",)


# --- waived ---


def test_a_waiver_stands_with_its_reason_in_plan_and_summary(world: World) -> None:
    plan = planned(world, {"a": ON_OLD, "b": ON_OLD}, **WAIVED)
    assert plan.staging.hosts == ("a", "b")
    assert (plan.rehearsal["policy"], plan.rehearsal["reason"]) == ("waived", "the data centre burns")
    assert "not rehearsed from 1.0.0, waived: the data centre burns" in plan.summary
    assert plan.to_dict()["rehearsal"]["ways"][0]["state"] == "waived"


def test_what_was_rehearsed_needs_no_waiver(world: World) -> None:
    rehearse(world)
    plan = planned(world, {"a": ON_OLD}, **WAIVED)
    assert (plan.rehearsal["reason"], "waived" in plan.summary) == ("", False)


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_a_waiver_without_a_reason_is_refused(reason: str) -> None:
    with pytest.raises(RelmgmtError) as caught:
        Policy(rehearsal="waived", reason=reason)
    assert caught.value.code == "waiver-unreasoned"
    assert "relmgmt_rehearsal_reason" in caught.value.hint


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_an_age_that_nobody_can_mean_is_refused(days: int) -> None:
    with pytest.raises(RelmgmtError) as caught:
        Policy(days=days)
    assert caught.value.code == "rehearsal-age-malformed"


# --- what was begun ---


def test_a_rollout_that_was_begun_goes_on_and_keeps_what_it_was_let_pass_for(world: World) -> None:
    begun = planned(world, {"a": ON_OLD, "b": ON_OLD}, **WAIVED)
    resumed = planned(world, {"a": DONE, "b": ON_OLD}, unfinished=begun)
    assert (resumed.id, resumed.waves) == (begun.id, begun.waves)
    assert resumed.rehearsal == begun.rehearsal
    assert resumed.hosts["a"].origin == OLD.digest


def test_what_was_staged_and_not_switched_is_asked_again(world: World) -> None:
    rehearse(world, finished=NOW - datetime.timedelta(days=5))
    hosts = {"a": ON_OLD, "b": ON_OLD}
    staged = planned(world, hosts)
    assert planned(world, hosts, unfinished=staged).rehearsal == staged.rehearsal
    assert refused(world, hosts, unfinished=staged, days=1).code == "rehearsal-expired"
    assert planned(world, {"a": DONE, "b": ON_OLD}, unfinished=staged, days=1).waves == staged.waves


def test_a_waiver_stays_while_nothing_was_switched(world: World) -> None:
    staged = planned(world, {"a": ON_OLD}, **WAIVED)
    assert planned(world, {"a": ON_OLD}, unfinished=staged).rehearsal == staged.rehearsal


def test_another_rollout_is_gated_anew(world: World) -> None:
    begun = planned(world, {"a": ON_OLD, "b": ON_OLD}, **WAIVED)
    assert refused(world, {"a": ON_OLD}, unfinished=begun).code == "rehearsal-missing"


def test_who_comes_late_to_a_rollout_has_to_be_rehearsed_or_stays_out(world: World) -> None:
    rehearse(world)
    asked: dict[str, t.Any] = {"wanted": {"failure_budget": 1}}
    begun = planned(world, {"a": ON_OLD, "b": lost()}, out={"b": "no route"}, **asked)
    late = planned(world, {"a": DONE, "b": ON_OLDER}, unfinished=begun, **asked)
    assert (late.hosts["b"].action, late.waves) == ("unrehearsed", begun.waves)
    assert "rehearsed from 1.0.0 on" in late.summary and "not rehearsed from 0.9.0, left out: b" in late.summary
    again = planned(world, {"a": DONE, "b": ON_OLDER}, unfinished=late, **asked)
    assert again.rehearsal == late.rehearsal
    rehearse(world, before=OLDER.digest, version_before="0.9.0")
    admitted = planned(world, {"a": DONE, "b": ON_OLDER}, unfinished=late, **asked)
    assert admitted.staging.hosts == ("a", "b")
    assert (admitted.hosts["b"].before, admitted.hosts["b"].origin) == ("0.9.0", OLDER.digest)
