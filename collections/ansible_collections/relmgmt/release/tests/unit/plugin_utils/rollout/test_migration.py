# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which databases there are, how far their schemas are to be taken, and what is known of them."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.migration import Database, Step, databases_of

SCOPE = ("calendar/radicale", "prod", "main")
STEPS = (
    Step("expand", "2", False),
    Step("migrate", "3", True),
    Step("contract", "4", False),
    Step("contract", "5", True),
)
DECLARED = [{"database": "calendar", "from": "1", "steps": [step._asdict() for step in STEPS]}]


def database(**changes: t.Any) -> Database:
    return Database(**{"id": "pg-a", "name": "calendar", "hosts": ("a", "b"), "start": "1", "steps": STEPS, **changes})


def named(identity: str) -> dict[str, t.Any]:
    return {"relmgmt_databases": {"calendar": identity}}


def found(hosts: dict[str, dict[str, t.Any]], **changes: t.Any) -> dict[str, tuple[str, ...]]:
    values: dict[str, t.Any] = {"scope": SCOPE, "order": [], "deployments": {}, **changes}
    return {item.id: item.hosts for item in databases_of(DECLARED, hosts, **values)}


def test_hosts_that_name_the_same_database_share_it() -> None:
    hosts = {"a": named("pg-a"), "b": named("pg-b"), "c": named("pg-a")}
    assert found(hosts) == {"pg-a": ("a", "c"), "pg-b": ("b",)}


def test_hosts_that_name_none_share_one() -> None:
    assert found({"a": {}, "b": {}}) == {"calendar/radicale prod main calendar": ("a", "b")}


def test_the_first_host_that_is_staged_runs_the_commands() -> None:
    assert found({"a": {}, "b": {}, "c": {}}, order=["c", "b"]) == {
        "calendar/radicale prod main calendar": ("c", "b", "a")
    }


@pytest.mark.parametrize("value", ["pg-a", {"calendar": 7}, ["calendar"]])
def test_what_names_no_database_is_refused(value: object) -> None:
    with pytest.raises(InputError) as caught:
        found({"a": {"relmgmt_databases": value}})
    assert caught.value.code == "databases-malformed"


def test_one_database_under_two_names_is_refused() -> None:
    declared = [{**DECLARED[0], "database": name} for name in ("calendar", "users")]
    variables = {"relmgmt_databases": {"calendar": "pg-a", "users": "pg-a"}}
    with pytest.raises(InputError) as caught:
        databases_of(declared, {"a": variables}, scope=SCOPE, order=[], deployments={})
    assert caught.value.code == "database-repeated"


def test_a_database_survives_the_registry() -> None:
    known = database(known="3", deployments={"a": 4}, elsewhere={"z": "1.0.0"}, frozen=("a",))
    assert Database.from_dict(json.loads(json.dumps(known.to_dict()))) == known


def test_both_releases_run_on_what_expand_and_migrate_leave() -> None:
    assert (database().ready, database().last) == ("3", "5")
    assert (database(steps=STEPS[2:]).ready, database(steps=STEPS[:2]).last) == ("1", "3")


@pytest.mark.parametrize(
    ("known", "before", "after"),
    [(None, True, True), ("2", True, True), ("3", False, True), ("5", False, False), ("elsewhere", True, True)],
)
def test_what_cannot_be_taken_back_is_ahead_until_it_is_known_to_be_done(
    known: str | None, before: bool, after: bool
) -> None:
    here = database(known=known)
    assert (here.ends_return(contract=False), here.ends_return(contract=True)) == (before, after)


@pytest.mark.parametrize(
    ("version", "failing", "passed"),
    [
        pytest.param("1", None, False, id="nothing was begun"),
        pytest.param("1", "2", False, id="a step failed that can be taken back"),
        pytest.param("2", "3", True, id="a step was begun that cannot"),
        pytest.param("3", None, True, id="it was taken"),
        pytest.param("4", "5", True, id="it was taken before"),
        pytest.param(None, None, True, id="nobody knows"),
    ],
)
def test_a_point_of_no_return_counts_as_passed_when_its_step_was_begun(
    version: str | None, failing: str | None, passed: bool
) -> None:
    assert database().may_be_past_return(version, failing, goal="3") is passed


def test_nobody_passes_a_point_that_is_beyond_the_goal() -> None:
    assert not database(steps=(STEPS[0], STEPS[3])).may_be_past_return(None, None, goal="2")
