# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drift: what hosts say beside what is on record, and the report of it."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.plugin_utils._drift import (
    FORMATS,
    Finding,
    against,
    intent_of,
    pinned,
    report,
    seen,
)

RELEASE, PROFILE, TOKEN = digest_of(b"release"), digest_of(b"profile"), "vault:kv/shop#token"
ROW = {
    "host": "ci-ber-01",
    "version": "3.9.0",
    "rollout": "r2",
    "outcome": "confirmed",
    "kind": "rollout",
    "digest": RELEASE,
    "deployment": 2,
}
PLAN = {"hosts": {"ci-ber-01": {"profile": PROFILE}}, "versions": {TOKEN: "4"}}
CURRENT = {"deployment": 2, "version": "3.9.0", "release": RELEASE, "profile": PROFILE}
CHANGED = {"path": "current/release/app/x", "what": "mode", "expected": "0444", "found": "0666"}


def info(*findings: dict[str, str], version: str = "4", **more: t.Any) -> dict[str, t.Any]:
    """What a host says."""
    said = {"findings": list(findings), "more": 0, "versions": {TOKEN: version}, "problem": "", **more}
    return {"outcome": "ok", "release": {"state": "confirmed", "current": CURRENT, "drift": said}}


def kinds(row: dict[str, t.Any] | None, *, sealed: str = "4", **current: t.Any) -> list[str]:
    """Kinds of what differs from the record."""
    intent = intent_of({**ROW, **row}, PLAN) if row is not None else None
    found = against(intent, {**CURRENT, **current}, seen(info(version=sealed)), recorded=row is not None)
    return [finding.what for finding in found]


def test_a_host_that_is_as_the_record_has_it_has_not_drifted() -> None:
    assert kinds({}) == []
    assert seen(info()).summary == ""


@pytest.mark.parametrize(
    ("row", "current", "found"),
    [
        ({}, {"version": "3.8.3"}, ["release"]),
        ({}, {"release": digest_of(b"other")}, ["release"]),
        ({}, {"profile": digest_of(b"other")}, ["profile"]),
        ({}, {"deployment": 7}, ["unknown-deployment"]),
        (None, {}, ["unknown-deployment"]),
        ({"outcome": "unreachable"}, {"version": "3.8.3"}, []),  # the record lost sight of it
        ({"outcome": "reverted"}, {"profile": digest_of(b"other"), "deployment": 1}, []),
        ({"kind": "rollback"}, {"profile": digest_of(b"other")}, []),  # what that rendered is of another rollout
        ({"kind": "rollback"}, {"deployment": 7}, ["unknown-deployment"]),
    ],
)
def test_whatever_is_not_as_the_last_rollout_left_it_is_told_by_kind(
    row: dict[str, t.Any] | None, current: dict[str, t.Any], found: list[str]
) -> None:
    assert kinds(row, **current) == found


def test_a_host_that_holds_nothing_and_is_not_on_record_has_not_drifted() -> None:
    assert against(None, {}, seen(info()), recorded=False) == []


def test_a_secret_of_another_version_than_the_plan_pinned_is_told() -> None:
    assert kinds({}, sealed="3") == ["secret-version"]


def test_a_secret_that_was_rotated_since_is_told_where_the_store_was_asked() -> None:
    intent = intent_of(ROW, PLAN)
    assert intent is not None
    assert pinned(intent, seen(info()), {}) == []
    assert pinned(intent, seen(info()), {TOKEN: "4"}) == []
    assert pinned(intent, seen(info()), {TOKEN: "5"}) == [
        Finding(TOKEN, "secret-version", "version 5, in the store by now", "version 4")
    ]


def test_a_reference_that_no_plan_pinned_is_not_looked_at() -> None:
    intent = intent_of(ROW, {**PLAN, "versions": {}})
    assert intent is not None
    assert pinned(intent, seen(info()), {TOKEN: "5"}) == []


@pytest.mark.parametrize(
    "said",
    [
        {"findings": "all", "more": 0, "versions": {}, "problem": ""},
        {"findings": [{"path": "x"}], "more": 0, "versions": {}, "problem": ""},
        {"findings": [{**CHANGED, "what": "release"}], "more": 0, "versions": {}, "problem": ""},
        {"findings": [], "more": "many", "versions": {}, "problem": ""},
        {"findings": [], "more": 0, "versions": [], "problem": ""},
        [],
    ],
)
def test_an_answer_in_another_form_is_none(said: object) -> None:
    assert seen({"release": {"drift": said}}).problem == "it gave an answer in another form"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"outcome": "unreachable", "reason": "timed out"}, "timed out"),
        ({"unreachable": True, "msg": "no route"}, "no route"),
        ({"release": {"current": None}}, "it was not asked"),
        ({}, "it was not asked"),
        (info(problem="it is being changed"), "it is being changed"),
    ],
)
def test_why_there_is_no_certain_answer(answer: dict[str, t.Any], problem: str) -> None:
    assert seen(answer).problem == problem


def test_a_drifted_host_in_some_words() -> None:
    many = [{**CHANGED, "path": f"f{number}"} for number in range(4)]
    assert seen(info(*many, more=7)).summary == "it has drifted: f0 (mode), f1 (mode) and 9 more"


# --- the report -------------------------------------------------------------------------------------------------------


def host(name: str, *findings: dict[str, str], problem: str = "", more: int = 0) -> dict[str, t.Any]:
    about = {"site": "ber", "version": "unknown" if problem else "3.9.0", "state": "confirmed"}
    return {"host": name, **about, "findings": list(findings), "more": more, "problem": problem}


HOSTS = [
    host("a"),
    host("b", CHANGED, {**CHANGED, "what": "changed", "expected": "", "found": ""}, more=3),
    host("c", problem="timed out"),
]


def made(*, detailed: bool = False) -> dict[str, t.Any]:
    return report(
        HOSTS, package="calendar/radicale", environment="prod", made="2026-11-21T10:00:00Z", detailed=detailed
    )


def test_the_report_for_a_terminal() -> None:
    assert FORMATS["text"](made()).splitlines() == [
        "drift of calendar/radicale in prod: 1 of 3 hosts have drifted, 1 gave no certain answer",
        "made 2026-11-21T10:00:00Z",
        "",
        "host  site  version  state      findings",
        "a     ber   3.9.0    confirmed  0",
        "b     ber   3.9.0    confirmed  5",
        "    mode     current/release/app/x",
        "    changed  current/release/app/x",
        "    and 3 more",
        "",
        "No certain answer:",
        "    c: timed out",
    ]


def test_with_details_it_tells_what_was_expected_and_found() -> None:
    lines = FORMATS["text"](made(detailed=True)).splitlines()
    assert "    mode     current/release/app/x  0444 -> 0666" in lines
    assert "    changed  current/release/app/x" in lines


def test_the_report_for_a_ticket() -> None:
    text = FORMATS["markdown"](made())
    assert "| b | ber | 3.9.0 | confirmed | 5 |" in text
    assert "## b\n\n- mode current/release/app/x\n" in text
    assert "## No certain answer\n\n- c: timed out\n" in text


def test_the_report_for_tools() -> None:
    found = json.loads(FORMATS["json"](made()))
    assert (found["drifted"], found["unanswered"]) == (["b"], ["c"])


def test_no_line_is_longer_than_120_columns_and_none_steers_a_terminal() -> None:
    evil = {"path": "\x1b[2J" + "x" * 200, "what": "mode", "expected": "\n# y", "found": "`z`"}
    hosts = [host("h" * 200, evil), host("d", problem="\x1b[2J" * 99)]
    one = report(hosts, package="p/q", environment="e", made="", detailed=True)
    assert not [form for form in ("text", "markdown") if "\x1b" in FORMATS[form](one)]
    assert max(map(len, FORMATS["text"](one).splitlines())) <= 120
