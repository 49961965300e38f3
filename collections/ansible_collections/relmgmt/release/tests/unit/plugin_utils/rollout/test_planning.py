# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections.abc
import dataclasses
import json
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, InputError
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    Budget,
    HostInput,
    Plan,
    Wave,
    counted,
    lost_elsewhere,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.clocks import Clocks, Limit
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.handing_on import hand_on
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.joining import JobPart
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.opening import Opened, Package
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.plan import back_already
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.planning import make_plan

from .fleet import adopted, deployment, host, info, lost, manifest, profile, wish

OLD, NEW, PROFILE = manifest("1.0.0"), manifest("2.0.0"), profile()
FRESH = info()
BEFORE = info(deployment(1, OLD, PROFILE.digest))
DONE = info(deployment(1, OLD, PROFILE.digest), deployment(2, NEW, PROFILE.digest))


def planned(
    hosts: collections.abc.Mapping[str, dict[str, t.Any]],
    *,
    out: collections.abc.Mapping[str, str] | None = None,
    unfinished: Plan | None = None,
    new_id: str = "r1",
    limit: Limit | None = None,
    **changes: t.Any,
) -> Plan:
    asked = wish(**changes)
    inputs: dict[str, HostInput] = {name: host(answer) for name, answer in hosts.items()}
    return make_plan(
        asked,
        inputs,
        out=out or {},
        manifest={"1.0.0": OLD, "2.0.0": NEW}[asked.version] if asked.kind == "rollout" else None,
        profiles={name: PROFILE for name in hosts},
        unfinished=unfinished,
        gate=None,
        new_id=lambda: new_id,
        limit=limit,
    )


def shown(plan: Plan) -> dict[str, tuple[str, str, str]]:
    return {name: (found.action, found.before, found.after) for name, found in plan.hosts.items()}


def test_a_fresh_fleet_is_deployed_to_in_waves() -> None:
    plan = planned({"a": FRESH, "b": FRESH, "c": BEFORE})
    assert shown(plan) == {
        "a": ("deploy", "absent", "2.0.0"),
        "b": ("deploy", "absent", "2.0.0"),
        "c": ("deploy", "1.0.0", "2.0.0"),
    }
    assert [wave.name for wave in plan.waves] == ["canary", "rest"]
    assert (plan.id, plan.digest, plan.staging.hosts) == ("r1", NEW.digest, plan.waves[0].hosts + plan.waves[1].hosts)


def test_what_was_there_before_relmgmt_is_what_a_host_comes_from() -> None:
    plan = planned({"a": adopted(), "b": FRESH})
    assert shown(plan)["a"] == ("deploy", "adopted", "2.0.0")
    assert plan.hosts["a"].origin == adopted()["release"]["adopted"]["digest"]


def test_a_release_that_runs_is_what_a_host_comes_from_whatever_was_adopted() -> None:
    answer = info(deployment(1, OLD, PROFILE.digest), adopted=adopted()["release"]["adopted"])
    plan = planned({"a": answer})
    assert (plan.hosts["a"].before, plan.hosts["a"].origin) == ("1.0.0", OLD.digest)


def test_a_rollback_leads_to_what_was_there_before_relmgmt() -> None:
    left = info(deployment(1, OLD, PROFILE.digest), adopted=adopted()["release"]["adopted"])
    assert not back_already(left, "adopted", host="a")
    assert back_already(adopted(), "adopted", host="a")
    with pytest.raises(InputError):
        back_already(BEFORE, "adopted", host="a")


def test_a_converged_fleet_has_no_waves() -> None:
    plan = planned({"a": DONE, "b": DONE})
    assert (plan.waves, shown(plan)["a"]) == ((), ("none", "2.0.0", "2.0.0"))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"interrupted": True}, "a crash left a switch half done"),
        ({"service": "inactive"}, "its service died"),
        ({"traffic": "out"}, "it is out of traffic"),
        ({"state": "provisional"}, "nobody has confirmed it"),
        ({"state": "failed"}, "it is sick"),
    ],
)
def test_a_host_is_converged_only_if_it_is_final_and_running(change: dict[str, t.Any], what: str) -> None:
    current = [deployment(2, NEW, PROFILE.digest)]
    assert shown(planned({"a": info(*current, **change)}))["a"][0] == "deploy", what
    for well in ({"service": "none"}, {"traffic": "in"}, {"traffic": None}):
        assert shown(planned({"a": info(*current, **well)}))["a"][0] == "none"


def test_another_profile_is_deployed() -> None:
    other = info(deployment(2, NEW, profile("other").digest))
    assert shown(planned({"a": other}))["a"] == ("deploy", "2.0.0", "2.0.0")


def test_a_host_that_is_left_out_is_in_no_wave_and_spends_budget() -> None:
    plan = planned({"a": FRESH, "b": lost()}, out={"b": "gone"})
    assert plan.staging.hosts == ("a",)
    assert (plan.hosts["b"].action, plan.hosts["b"].reason) == ("left_out", "gone")
    assert plan.summary.endswith("; left out: b (gone)")
    assert counted(lost_elsewhere(plan, plan.waves[0], {"a": {}}, []).values()) == Budget(sick=1)


def test_nobody_claims_to_know_what_an_unreachable_host_runs() -> None:
    plan = planned({"a": FRESH, "b": lost()}, out={"b": "gone"})
    assert (plan.hosts["b"].before, plan.hosts["b"].after) == ("unknown", "unknown")


def test_an_interrupted_rollout_keeps_its_identity_waves_and_versions_before() -> None:
    begun = planned({"a": BEFORE, "b": BEFORE, "c": BEFORE})
    first = begun.waves[0].hosts[0]
    now = {name: DONE if name == first else BEFORE for name in "abc"}
    resumed = planned(now, unfinished=begun, new_id="r2", canary="2")
    assert (resumed.id, resumed.waves) == ("r1", begun.waves)
    assert shown(resumed)[first] == ("none", "1.0.0", "2.0.0")
    assert {found.before for found in resumed.hosts.values()} == {"1.0.0"}


def test_an_interrupted_rollout_that_is_done_but_for_its_end_is_still_closed() -> None:
    begun = planned({"a": BEFORE, "b": BEFORE})
    resumed = planned({"a": DONE, "b": DONE}, unfinished=begun, new_id="r2")
    assert (resumed.id, resumed.waves) == ("r1", begun.waves)


def test_a_host_that_came_back_since_gets_a_wave_behind_the_others() -> None:
    begun = planned({"a": BEFORE, "b": BEFORE, "c": lost()}, out={"c": "gone"})
    resumed = planned({"a": BEFORE, "b": BEFORE, "c": BEFORE}, unfinished=begun, new_id="r2")
    assert resumed.id == "r1"
    assert resumed.waves[:-1] == begun.waves
    assert resumed.waves[-1] == Wave(3, "late", ("c",))


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "1.0.0"},
        {"strategy": "big_bang"},
        {"kind": "rollback", "version": "1.0.0"},
    ],
)
def test_another_wish_is_another_rollout(changes: dict[str, t.Any]) -> None:
    begun = planned({"a": BEFORE, "b": BEFORE})
    assert planned({"a": DONE, "b": DONE}, unfinished=begun, new_id="r2", **changes).id == "r2"


def test_other_hosts_are_another_rollout() -> None:
    begun = planned({"a": BEFORE, "b": BEFORE})
    assert planned({"a": BEFORE}, unfinished=begun, new_id="r2").id == "r2"
    assert planned({"a": BEFORE, "b": BEFORE, "c": BEFORE}, unfinished=begun, new_id="r2").id == "r2"


def test_other_bytes_under_the_same_version_are_another_rollout() -> None:
    begun = dataclasses.replace(planned({"a": BEFORE}), digest="sha256:" + "0" * 64)
    assert planned({"a": BEFORE}, unfinished=begun, new_id="r2").id == "r2"


def test_a_rollback_moves_those_that_are_elsewhere() -> None:
    plan = planned({"a": DONE, "b": BEFORE}, kind="rollback", version="1.0.0", strategy="big_bang")
    assert shown(plan) == {"a": ("deploy", "2.0.0", "1.0.0"), "b": ("none", "1.0.0", "1.0.0")}
    assert plan.digest == ""


@pytest.mark.parametrize("change", [{"service": "inactive"}, {"traffic": "out"}])
def test_a_rollback_starts_what_died_and_brings_back_what_is_out_of_traffic(change: dict[str, t.Any]) -> None:
    found = info(deployment(1, OLD, PROFILE.digest), **change)
    assert shown(planned({"a": found}, kind="rollback", version="1.0.0"))["a"][0] == "deploy"


def test_rolling_takes_hosts_of_every_site_into_a_wave() -> None:
    sites = [(site, number) for site in ("ber", "mad") for number in range(4)]
    inputs = {f"{site}-{number}": dataclasses.replace(host(FRESH), site=site) for site, number in sites}
    plan = make_plan(
        wish(strategy="rolling", batch="50%"),
        inputs,
        out={},
        manifest=NEW,
        profiles={name: PROFILE for name in inputs},
        unfinished=None,
        gate=None,
        new_id=lambda: "r1",
    )
    assert [sorted(name[:3] for name in wave.hosts) for wave in plan.waves] == [["ber", "ber", "mad", "mad"]] * 2


def test_the_plan_keeps_sites_and_bakes_of_waves_and_budgets_of_sites() -> None:
    plan = planned({"a": FRESH, "b": FRESH}, strategy="phased", bake=60.0, batch="1", site_budgets={"ber": 1})
    assert [wave.name for wave in plan.waves] == ["ber batch-1", "ber batch-2"]
    assert [(wave.site, wave.bake) for wave in plan.waves] == [("ber", 0.0), ("ber", 60.0)]
    assert plan.summary.partition("; waves: ")[2].count(" then 60 s") == 1
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
    assert plan.site_budgets == {"ber": 1}


def test_hosts_that_come_late_bake_like_the_last_wave() -> None:
    begun = planned({"a": BEFORE, "c": lost()}, out={"c": "gone"}, bake=60.0)
    resumed = planned({"a": BEFORE, "c": BEFORE}, unfinished=begun, bake=5.0)
    assert [(wave.name, wave.bake) for wave in resumed.waves] == [("canary", 60.0), ("late", 60.0)]


def test_a_rollout_without_any_of_its_named_canaries_is_refused() -> None:
    hosts = {"a": FRESH, "b": FRESH, "c": FRESH}
    named = ("a", "b")
    with pytest.raises(BackendError) as caught:
        planned(hosts, out={"a": "gone", "b": "no disk"}, canary_hosts=named)
    assert caught.value.code == "canary-left-out"
    assert "a: gone" in caught.value.message and "b: no disk" in caught.value.message
    assert planned(hosts, out={"a": "gone"}, canary_hosts=named).waves[0].hosts == ("b",)
    done = {"a": DONE, "b": DONE, "c": BEFORE}
    assert [wave.name for wave in planned(done, canary_hosts=named).waves] == ["rest"], "they were switched before"


def test_a_plan_with_many_waves_is_told_in_a_line() -> None:
    plan = planned({f"h{number}": FRESH for number in range(9)}, strategy="rolling", batch="1")
    assert len(plan.waves) == 9
    assert plan.summary.endswith(" and 3 more") and plan.summary.count("batch-") == 6


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        pytest.param(FRESH, "none", id="absent"),
        pytest.param(info(deployment(2, NEW, PROFILE.digest)), "2.0.0", id="another"),
        pytest.param(
            info(deployment(1, OLD, PROFILE.digest, "reverted"), deployment(2, NEW, PROFILE.digest)),
            "2.0.0",
            id="never confirmed",
        ),
    ],
)
def test_a_rollback_to_what_a_host_does_not_hold_is_refused(answer: dict[str, t.Any], held: str) -> None:
    with pytest.raises(InputError) as caught:
        planned({"a": answer}, kind="rollback", version="1.0.0")
    assert caught.value.code == "version-not-held"
    assert f"a holds no confirmed deployment of version 1.0.0 (it holds {held})" in caught.value.message


def test_a_plan_survives_the_registry() -> None:
    plan = planned({"a": FRESH, "b": lost(), "c": BEFORE}, out={"b": "gone"})
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


def test_a_plan_that_was_recorded_before_there_were_rehearsals_is_understood() -> None:
    plan = planned({"a": BEFORE})
    data = json.loads(json.dumps(plan.to_dict()))
    data.pop("rehearsal")
    for name in ("release_budget", "shaped", "site_budgets"):
        data.pop(name)
    for wave in data["waves"]:
        wave.pop("site"), wave.pop("bake")
    for host_plan in data["hosts"].values():
        host_plan.pop("origin")
    read = Plan.from_dict(data)
    assert (read.budget, read.shaped) == (Budget(), "")
    assert (read.rehearsal, read.hosts["a"].origin, read.waves) == ({}, "", plan.waves)


def test_waves_that_hosts_could_not_wait_for_are_smaller_and_the_summary_says_why() -> None:
    fleet = {f"h{number}": BEFORE for number in range(9)}
    limit = Limit(4, "at most 4 hosts a wave: too slow")
    plan = planned(fleet, limit=limit)
    assert [(wave.name, len(wave.hosts)) for wave in plan.waves] == [("canary", 1), ("rest-1", 4), ("rest-2", 4)]
    assert "rest-2 4 (at most 4 hosts a wave: too slow)" in plan.summary
    assert planned(fleet, limit=Limit(8, "?")) == planned(fleet), "they fit"
    assert planned(fleet, limit=limit, kind="rollback", version="1.0.0").shaped == ""


def test_a_rollout_that_is_resumed_keeps_its_waves_whatever_hosts_would_wait_for_now() -> None:
    fleet = {f"h{number}": BEFORE for number in range(9)}
    shaped, free = planned(fleet, limit=Limit(4, "too slow")), planned(fleet)
    assert planned(fleet, unfinished=shaped).waves == shaped.waves
    assert planned(fleet, unfinished=shaped).shaped == "too slow"
    assert planned(fleet, unfinished=free, limit=Limit(2, "too slow")).waves == free.waves


# --- drift ------------------------------------------------------------------------------------------------------------

FINDING = {"path": "x", "what": "mode", "expected": "", "found": ""}
DRIFT = {"findings": [FINDING], "more": 0, "versions": {}, "problem": ""}


def drifted(**said: t.Any) -> dict[str, t.Any]:
    """A host that runs what is asked for, but not as it was left."""
    held = (deployment(1, OLD, PROFILE.digest), deployment(2, NEW, PROFILE.digest))
    return info(*held, drift={**DRIFT, **said})


@pytest.mark.parametrize(
    ("gate", "action", "named"), [("ignore", "none", []), ("warn", "none", ["a"]), ("repair", "deploy", ["a"])]
)
def test_what_becomes_of_a_host_that_runs_the_version_but_has_drifted(gate: str, action: str, named: list[str]) -> None:
    plan = planned({"a": drifted(), "b": drifted(findings=[])}, drift=gate)
    assert (plan.hosts["a"].action, plan.hosts["b"].action, list(plan.drift)) == (action, "none", named)
    assert ("a: it has drifted: x (mode)" in plan.summary) == bool(named)
    assert Plan.from_dict(plan.to_dict()) == plan


def test_what_is_only_put_right_is_never_taken_back_from_what_it_has() -> None:
    gate = "repair"
    plan = planned({"a": drifted(), "b": BEFORE, "c": drifted(findings=[])}, drift=gate)
    assert {name: known.repairs for name, known in plan.hosts.items()} == {"a": True, "b": False, "c": False}
    again = planned({"a": drifted(findings=[]), "b": BEFORE, "c": drifted(findings=[])}, drift=gate, unfinished=plan)
    assert (again.hosts["a"].action, again.hosts["a"].repairs) == ("none", True), "another job has put it right"
    known = {name: host(drifted(findings=[])) for name in again.hosts}
    opened = Opened(again, None, None, Clocks(60.0), JobPart("", tuple(known), 0.0, 60.0))
    handed = hand_on(opened, Package(None, None), known, registry="", fallback={}, adopt=False, check=True)
    assert {name: (task["confirmed"], task["repairs"]) for name, task in handed["tasks"].items()} == {
        "a": (0, True),
        "b": (0, False),
        "c": (0, False),
    }


def test_a_host_that_cannot_say_is_named_and_not_repaired() -> None:
    plan = planned({"a": drifted(findings=[], problem="it is being changed")}, drift="repair")
    assert (plan.hosts["a"].action, list(plan.drift)) == ("none", ["a"])


def test_a_plan_pins_the_versions_of_secrets_once_for_all_hosts() -> None:
    pinned = dataclasses.replace(PROFILE, versions={"vault:kv/shop#token": "4"})
    hosts = {"a": host(FRESH), "b": host(FRESH)}
    profiles = dict.fromkeys(hosts, pinned)
    plan = make_plan(wish(), hosts, out={}, manifest=NEW, profiles=profiles, unfinished=None, gate=None, new_id=str)
    assert plan.versions == {"vault:kv/shop#token": "4"}
