# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.wire import RESERVE
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.planning import left_out
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.preflight import code_of, needed, problem_of

from .fleet import MEBIBYTE, deployment, host, info, lost, manifest, profile

PACKAGE = manifest(size=100 * MEBIBYTE)
PROBLEM = {"code": "root-exposed", "message": "/srv can be written by others", "hint": "", "family": "input"}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param(info(), "", id="ready"),
        pytest.param(lost("no route to host"), "no route to host", id="unreachable"),
        pytest.param({"unreachable": True, "msg": "timed out"}, "timed out", id="a task that never ran"),
        pytest.param({"outcome": "failed", "reason": "python3 is too old"}, "python3 is too old", id="refused"),
        pytest.param({}, "the host gave no answer", id="empty"),
        pytest.param(None, "the host gave no answer", id="missing"),
        pytest.param(info(problems=[PROBLEM]), PROBLEM["message"], id="exposed root"),
        pytest.param(info(free=216 * MEBIBYTE), "", id="just enough"),
        pytest.param(
            info(free=216 * MEBIBYTE - 1), "/srv/relmgmt: 215 MiB free, 217 MiB needed", id="a byte too little"
        ),
        pytest.param(info(free=RESERVE, units=[PACKAGE.units[0].digest]), "", id="the unit is there already"),
    ],
)
def test_what_forbids_a_host_is_said(answer: dict[str, t.Any] | None, problem: str) -> None:
    assert problem_of(answer, PACKAGE) == problem


def test_a_rollback_needs_no_disk() -> None:
    assert problem_of(info(free=0), None) == ""


def test_each_file_is_counted_twice_as_object_and_in_its_tree() -> None:
    assert needed(info(), PACKAGE) == 200 * MEBIBYTE + RESERVE
    assert needed(info(deployment(1, PACKAGE, profile().digest)), PACKAGE) == 200 * MEBIBYTE + RESERVE
    assert needed(info(units=[PACKAGE.units[0].digest]), PACKAGE) == RESERVE


def test_hosts_within_the_budget_are_left_out_with_their_reason() -> None:
    hosts = {"b": host(lost("gone")), "a": host(info()), "c": host(info())}
    assert left_out(hosts, PACKAGE, budget=1, site_budgets={}) == {"b": "gone"}


def test_all_hosts_that_are_not_ready_are_named_at_once() -> None:
    hosts = {"b": host(lost("gone")), "a": host(info(problems=[PROBLEM])), "c": host(info())}
    with pytest.raises(RelmgmtError) as caught:
        left_out(hosts, PACKAGE, budget=1, site_budgets={})
    assert caught.value.code == "hosts-not-ready"
    assert "2 of 3 hosts" in caught.value.message
    assert "  a: /srv can be written by others\n  b: gone\n" in caught.value.message


def test_hosts_of_a_site_beyond_its_budget_are_refused_and_the_site_is_named() -> None:
    hosts = {name: dataclasses.replace(host(info()), site="mad" if name < "c" else "ber") for name in "abcd"}
    hosts["a"] = dataclasses.replace(hosts["a"], info=lost("gone"))
    assert left_out(hosts, PACKAGE, budget=1, site_budgets={"ber": 0, "mad": 1}) == {"a": "gone"}
    with pytest.raises(RelmgmtError) as caught:
        left_out(hosts, PACKAGE, budget=1, site_budgets={"ber": 1, "mad": 0})
    assert caught.value.code == "hosts-not-ready"
    assert "hosts of site mad that are not well: 1 (budget 0)" in caught.value.message
    assert "relmgmt_site_budget" in caught.value.hint


def test_no_budget_allows_to_leave_everybody_out() -> None:
    with pytest.raises(RelmgmtError) as caught:
        left_out({"a": host(lost())}, PACKAGE, budget=5, site_budgets={})
    assert caught.value.code == "hosts-not-ready"


def test_no_hosts_are_refused() -> None:
    with pytest.raises(RelmgmtError) as caught:
        left_out({}, PACKAGE, budget=5, site_budgets={})
    assert caught.value.code == "target-empty"


# --- drift ------------------------------------------------------------------------------------------------------------

FINDING = {"path": "x", "what": "mode", "expected": "", "found": ""}
DRIFT = {"findings": [FINDING], "more": 0, "versions": {}, "problem": ""}


def test_a_drifted_host_is_sick_where_that_is_asked_for() -> None:
    drifted, whole = info(drift=DRIFT), info(drift={**DRIFT, "findings": []})
    assert [problem_of(drifted, PACKAGE, drift=gate) for gate in ("ignore", "warn", "repair")] == [""] * 3
    assert problem_of(drifted, PACKAGE, drift="stop") == "it has drifted: x (mode)"
    assert code_of(drifted, drift="stop") == "host-drifted"
    hosts = {"a": host(drifted), "b": host(whole)}
    assert list(left_out(hosts, PACKAGE, budget=1, site_budgets={}, drift="stop")) == ["a"]


def test_a_host_that_cannot_say_whether_it_has_drifted_is_sick_too() -> None:
    assert "is being changed" in problem_of(info(drift={**DRIFT, "problem": "it is being changed"}), None, drift="stop")
    assert "was not asked" in problem_of(info(), None, drift="stop")
