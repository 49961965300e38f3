# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan knows of the package that a release replaces."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import canonical, digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.replaces import record_of
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import Plan, with_replaced
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.account import lease_of
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.planning import make_plan
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.preflight import code_of, problem_of

from .fleet import deployment, host, info, manifest, profile, wish

BEFORE, RELEASE = "team/before", digest_of(b"before")
NEW = dataclasses.replace(manifest("2.0.0"), runtime={"replaces": [BEFORE]})
PROFILE = profile()
NEIGHBOUR = {"package": BEFORE, "version": "1.2.0", "release": RELEASE, "state": "confirmed", "replaced": ""}


def planned(kind: str = "rollout", **infos: dict[str, t.Any]) -> Plan:
    hosts = with_replaced({name: host(answer) for name, answer in infos.items()}, NEW)
    return make_plan(
        wish(kind=kind),
        hosts,
        out={},
        manifest=NEW,
        profiles=dict.fromkeys(hosts, PROFILE),
        unfinished=None,
        gate=None,
        new_id=lambda: "r1",
    )


def test_a_host_that_runs_the_package_comes_from_it() -> None:
    plan = planned(a=info(neighbours=[NEIGHBOUR]), b=info(neighbours=[]))
    assert (plan.hosts["a"].before, plan.hosts["b"].before) == ("adopted", "absent")
    assert plan.hosts["a"].origin == digest_of(canonical(record_of(BEFORE, "1.2.0", RELEASE)))
    assert [plan.hosts[name].replaces for name in "ab"] == [f"{BEFORE} 1.2.0", ""]
    assert f"; replaces {BEFORE} 1.2.0 on a" in plan.summary
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@pytest.mark.parametrize(
    "answer",
    [
        info(neighbours=[{**NEIGHBOUR, "package": "team/other"}]),
        info(neighbours=[{**NEIGHBOUR, "replaced": "team/third"}]),
        info(deployment(1, NEW, PROFILE.digest), neighbours=[NEIGHBOUR]),
        info(neighbours=[{"package": BEFORE}, "nonsense", {**NEIGHBOUR, "version": 1}]),
        info(neighbours="nonsense"),
    ],
)
def test_other_hosts_do_not(answer: dict[str, t.Any]) -> None:
    assert planned(a=answer).hosts["a"].replaces == ""


def test_the_lease_is_on_both_names() -> None:
    plan = planned(a=info())
    assert plan.replaces == (BEFORE,)
    assert lease_of(plan, {"registry": "r", "token": 1}).replaces == (BEFORE,)


def test_the_package_is_not_rolled_out_where_it_was_replaced() -> None:
    answer = info(deployment(1, NEW, PROFILE.digest), state="replaced", replaced="team/next")
    assert "team/next has taken its place" in problem_of(answer, None)
    assert "relmgmt_package=team/next -e relmgmt_version=adopted" in problem_of(answer, None)
    assert code_of(answer) == "package-replaced"
