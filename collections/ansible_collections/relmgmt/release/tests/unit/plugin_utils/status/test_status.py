# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Status: what a host says beside what is on record, and the table of it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._status import Asked, open_rollout, standings, table

ROW = {
    "host": "ci-ber-01",
    "site": "ber",
    "package": "calendar/radicale",
    "environment": "prod",
    "instance": "main",
    "version": "3.9.0",
    "since": "2026-11-21T10:41:12.000000Z",
    "by": "ann",
    "rollout": "r2",
    "heard": "2026-11-21T10:41:12.000000Z",
    "outcome": "confirmed",
    "reason": "",
    "kind": "rollout",
    "digest": "sha256:9a",
    "deployment": 2,
}
OPEN = {
    **{name: ROW[name] for name in ("package", "environment", "instance", "by", "kind")},
    "id": "r3",
    "version": "4.0.0",
    "started": "2026-11-21T11:00:00.000000Z",
    "plan": {"waves": [{}, {}, {}]},
    "waves": [{"index": 0, "verdict": "continue"}, {"index": 1, "verdict": "continue"}, {"index": 2, "verdict": ""}],
    "orders": [{"kind": "pause", "by": "bob", "reason": "the users complain"}],
}


def said(version: str = "3.9.0", *, deployment: int = 2, release: str = "sha256:9a", **more: t.Any) -> Asked:
    current = {"deployment": deployment, "version": version, "release": release}
    info = {"release": {"state": "confirmed", "current": current, "service": "active", "traffic": "in", **more}}
    return Asked("calendar/radicale", "prod", "main", "ber", info)


def one(own: Asked, **row: t.Any) -> dict[str, t.Any]:
    (found,) = standings([{**ROW, **row}], {"ci-ber-01": own})
    return found.to_dict()


def test_a_host_that_is_as_it_was_left_has_not_drifted() -> None:
    found = one(said())
    assert (found["drift"], found["notes"], found["asked"], found["by"]) == ((), (), True, "ann")


@pytest.mark.parametrize(
    ("own", "drift"),
    [
        (said("3.8.3"), "rollout r2 left 3.9.0"),
        (said(release="sha256:1f"), "another package of that version than rollout r2 left"),
        (said(deployment=7), "deployment 7 is not the one that rollout r2 left"),
    ],
)
def test_a_host_that_is_not_as_it_was_left_has_drifted(own: Asked, drift: str) -> None:
    assert one(own)["drift"] == (drift,)


def test_a_host_that_drifted_to_another_version_is_there_since_nobody_knows_when() -> None:
    assert (one(said("3.8.3"))["since"], one(said("3.8.3"))["by"]) == ("", "")


def test_a_host_that_the_record_lost_sight_of_has_not_drifted() -> None:
    assert one(said("3.8.3"), outcome="unreachable")["drift"] == ()


def test_a_host_that_no_rollout_brought_anything_to_is_told_of() -> None:
    (found,) = standings([], {"ci-ber-09": said()})
    assert (found.host, found.site, found.drift) == ("ci-ber-09", "ber", ("no rollout of the record brought this",))
    nothing = Asked("calendar/radicale", "prod", "main", "ber", {"release": {"state": "absent", "current": None}})
    (found,) = standings([], {"ci-ber-09": nothing})
    assert (found.version, found.drift) == ("absent", ())


def test_a_host_that_cannot_be_asked_shows_what_is_on_record() -> None:
    found = one(Asked("calendar/radicale", "prod", "main", "ber", {"unreachable": True, "msg": "timed out"}))
    assert (found["state"], found["version"], found["asked"]) == ("unreachable", "3.9.0", False)
    assert found["notes"] == ("it cannot be asked: timed out",)


@pytest.mark.parametrize(
    ("release", "note"),
    [
        ({"state": "provisional", "seconds_left": 212.4}, "not final, goes back by itself in 212 s"),
        ({"state": "provisional", "guarded": False}, "nobody guards its way back"),
        ({"frozen": "schema contracted", "frozen_at": 2}, "no way leads behind deployment 2: schema contracted"),
        ({"interrupted": True}, "a crash left something half done"),
        ({"state": "failed"}, "neither this version nor the one before is healthy"),
        ({"service": "inactive"}, "its service does not run"),
        ({"traffic": "out"}, "out of traffic"),
    ],
)
def test_what_somebody_should_know_is_noted(release: dict[str, t.Any], note: str) -> None:
    assert note in " | ".join(one(said(**release))["notes"])


def test_an_answer_about_another_instance_does_not_count_for_this_one() -> None:
    found = standings([{**ROW, "instance": "blue"}], {"ci-ber-01": said()})
    assert [(item.instance, item.asked) for item in found] == [("blue", False), ("main", True)]


def test_the_table() -> None:
    found = standings([ROW, {**ROW, "host": "ci-nyc-01", "site": "nyc", "by": ""}], {"ci-ber-01": said("3.8.3")})
    about = open_rollout(OPEN, [{"holder": "process 4711 on ctl-1", "gone": "died"}])
    assert table(found, [about]) == [
        "calendar/radicale in prod: 1 on 3.8.3, 1 on 3.9.0",
        "host       site  version  since             by  state",
        "ci-ber-01  ber   3.8.3                          confirmed",
        "    ! drifted: rollout r2 left 3.9.0",
        "ci-nyc-01  nyc   3.9.0    2026-11-21 10:41      confirmed",
        "",
        "open: rollout of calendar/radicale 4.0.0 to prod, r3 by ann",
        "    1 of 3 waves done; held by process 4711 on ctl-1 (died)",
        "    pause by bob: the users complain",
    ]


def test_no_line_is_longer_than_120_columns_and_none_steers_a_terminal() -> None:
    long = {name: "x" * 200 for name in ("host", "site", "version", "by")}
    found = standings([{**ROW, **long, "outcome": "failed", "reason": "\x1b[2J " + "word " * 200}], {})
    lines = table(found, [open_rollout({**OPEN, "version": "y" * 200}, [])])
    assert max(map(len, lines)) <= 120
    assert "\x1b" not in "".join(lines)


def test_nothing_known_is_said() -> None:
    assert table([], []) == ["Nothing is known to run anywhere."]
