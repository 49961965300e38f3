# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rehearsal needs, when it is good, and what is signed of it."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._evidence import Phase
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    PHASES,
    Plan,
    Result,
    astray,
    closing,
    judge,
    rehearsals,
    rows,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.planning import make_plan

from ..evidence.shown import NOW
from .fleet import adopted, deployment, host, info, manifest, plan, profile, wish

OLDER, OLD, NEW, PROFILE = manifest("0.9.0"), manifest("1.0.0"), manifest("2.0.0"), profile()
ABSENT, ON_OLD = info(), info(deployment(1, OLD, PROFILE.digest))
ON_NEW = info(deployment(1, OLD, PROFILE.digest), deployment(2, NEW, PROFILE.digest))
LEFT_PROVISIONAL = info(deployment(1, OLD, PROFILE.digest), deployment(2, NEW, PROFILE.digest, "provisional"))


def planned(hosts: dict[str, dict[str, t.Any]], *, unfinished: Plan | None = None) -> Plan:
    return make_plan(
        wish(kind="rehearsal", strategy="big_bang"),
        {name: host(answer) for name, answer in hosts.items()},
        out={},
        manifest=NEW,
        profiles={name: PROFILE for name in hosts},
        unfinished=unfinished,
        gate=None,
        new_id=lambda: "r1",
    )


def refused(hosts: dict[str, dict[str, t.Any]], *, unfinished: Plan | None = None) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        planned(hosts, unfinished=unfinished)
    return caught.value


# --- what it needs ---


def test_every_host_takes_part_together() -> None:
    made = planned({"a": ON_OLD, "b": ABSENT})
    assert (made.kind, [wave.hosts for wave in made.waves]) == ("rehearsal", [("a", "b")])
    assert {name: found.origin for name, found in made.hosts.items()} == {"a": OLD.digest, "b": "absent"}


def test_a_host_that_runs_what_was_there_before_is_fit() -> None:
    made = planned({"a": adopted()})
    assert made.hosts["a"].origin == adopted()["release"]["adopted"]["digest"]
    assert astray(made, {"a": adopted()}, leave="old").verdict == "continue"
    assert astray(made, {"a": ABSENT}, leave="old").verdict == "revert_all"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (info(deployment(1, OLD, PROFILE.digest, "provisional")), "provisional, not confirmed"),
        (info(deployment(1, OLD, PROFILE.digest), state="failed"), "failed, not confirmed"),
        (info(deployment(1, OLD, PROFILE.digest), interrupted=True), "half done"),
        (info(deployment(1, OLD, PROFILE.digest), service="inactive"), "does not run"),
        (info(deployment(1, OLD, PROFILE.digest), traffic="out"), "out of traffic"),
    ],
)
def test_a_host_that_is_not_well_is_no_place_to_rehearse(answer: dict[str, t.Any], says: str) -> None:
    error = refused({"a": ON_OLD, "b": answer})
    assert error.code == "rehearsal-host-unfit"
    assert "  b: " in error.message and says in error.message
    assert "  a: " not in error.message


def test_a_host_that_runs_it_already_shows_nothing() -> None:
    assert refused({"a": ON_OLD, "b": ON_NEW}).code == "rehearsal-pointless"


@pytest.mark.parametrize("left", [ON_NEW, LEFT_PROVISIONAL])
def test_what_an_interrupted_rehearsal_left_is_gone_on_from_where_it_came(left: dict[str, t.Any]) -> None:
    begun = planned({"a": ON_OLD})
    again = planned({"a": left}, unfinished=begun)
    assert (again.id, again.hosts["a"].origin, again.hosts["a"].before) == (begun.id, OLD.digest, "1.0.0")
    assert again.hosts["a"].action == "deploy"


def test_an_interrupted_rehearsal_is_no_excuse_for_another_sick_host() -> None:
    begun = planned({"a": ON_OLD, "b": ON_OLD})
    sick = info(deployment(1, OLD, PROFILE.digest), state="failed")
    assert refused({"a": ON_NEW, "b": sick}, unfinished=begun).code == "rehearsal-host-unfit"


# --- when it is good ---


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "outcome", ["staged", "provisional", "confirmed", "reverted", "failed", "unreachable", "unknown"]
)
def test_a_phase_is_well_if_every_host_is_where_it_leads(phase: str, outcome: str) -> None:
    good = {"stage": "staged", "forward": "confirmed", "back": "reverted"}[phase.removesuffix("_again")]
    verdict = judge(phase, {"a": Result(good), "b": Result(outcome, "why")})
    assert verdict.verdict == ("continue" if outcome == good else "revert_all")
    if outcome != good:
        assert verdict.reason == f"{phase}: b: why"


@pytest.mark.parametrize(("phase", "outcome"), [("forward", "confirmed"), ("back", "reverted")])
def test_what_nobody_could_ask_about_shows_nothing(phase: str, outcome: str) -> None:
    verdict = judge(phase, {"a": Result(outcome, "inconclusive: probe web cannot be asked", 2, inconclusive=True)})
    assert (verdict.verdict, "cannot be asked" in verdict.reason) == ("revert_all", True)


def way(**origins: str) -> Plan:
    """The plan of a rehearsal of the release 2."""
    made = plan(dict.fromkeys(origins, "deploy"), kind="rehearsal")
    hosts = {
        name: dataclasses.replace(made.hosts[name], origin=origin, before=origin[-1])
        for name, origin in origins.items()
    }
    return dataclasses.replace(made, hosts=hosts, digest=NEW.digest)


def test_in_the_end_hosts_stand_on_what_they_came_from() -> None:
    made = way(a=OLD.digest, b="absent")
    back = info(deployment(1, OLD, PROFILE.digest), deployment(1, OLD, PROFILE.digest))
    assert astray(made, {"a": back, "b": ABSENT}, leave="old").verdict == "continue"
    verdict = astray(made, {"a": ON_NEW, "b": ABSENT}, leave="old")
    assert (verdict.verdict, list(verdict.failed)) == ("revert_all", ["a"])
    assert list(astray(made, {"a": back, "b": back}, leave="old").failed) == ["b"]


def test_in_the_end_hosts_may_stay_on_the_release() -> None:
    made = way(a=OLD.digest)
    assert astray(made, {"a": ON_NEW}, leave="new").verdict == "continue"
    assert astray(made, {"a": ON_OLD}, leave="new").verdict == "revert_all"


@pytest.mark.parametrize(
    "answer",
    [
        info(deployment(1, OLD, PROFILE.digest), service="inactive"),
        info(deployment(1, OLD, PROFILE.digest), traffic="out"),
        {"outcome": "unreachable", "changed": False},
        {},
    ],
)
def test_a_host_that_is_back_but_not_well_spoils_the_rehearsal(answer: dict[str, t.Any]) -> None:
    assert astray(way(a=OLD.digest), {"a": answer}, leave="old").verdict == "revert_all"


def test_a_failed_rehearsal_is_a_failed_rollout_in_the_record() -> None:
    made = way(a=OLD.digest)
    verdict = judge("forward", {"a": Result("reverted", "probe web is red")})
    close = closing(made, verdict.to_dict(), {"a": Result("reverted", "probe web is red", 2)})
    assert (close.result, close.reason) == ("failed", "forward: a: probe web is red")
    (row,) = rows(made, {"a": Result("reverted", "", 2)})
    assert row.version_after == made.hosts["a"].before
    assert closing(made, {"verdict": "continue", "reason": ""}, {"a": Result("reverted")}).result == "succeeded"


# --- what is signed ---


def test_one_rehearsal_is_signed_for_each_release_that_hosts_came_from() -> None:
    made = way(a=OLD.digest, b="absent", c=OLD.digest)
    phases = [Phase("forward", 1.0, "host")]
    first, second = rehearsals(made, phases, engine="sha256:e", registry="0f5c", now=NOW)
    assert {(found.before, found.hosts) for found in (first, second)} == {(OLD.digest, 2), ("absent", 1)}
    for found in (first, second):
        assert (found.after, found.environment, found.sites) == (NEW.digest, "prod", ("ber",))
        assert (found.engine, found.registry, found.finished, found.phases) == ("sha256:e", "0f5c", NOW, tuple(phases))
