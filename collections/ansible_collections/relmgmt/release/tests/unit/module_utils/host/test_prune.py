# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retention: what stays by count and by age, and that nothing of the way back ever goes."""

from __future__ import annotations

import calendar
import json
import time
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.prune import Retention, recent
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError

from .engine import Host, Package

NOW = calendar.timegm((2026, 3, 31, 12, 0, 0))
DAY = 24 * 3600


def at(days_ago: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - days_ago * DAY))


def staged(number: int, days_ago: float) -> dict[str, t.Any]:
    return {"event": "staged", "deployment": number, "at": at(days_ago)}


def left(number: int, to: int, days_ago: float) -> dict[str, t.Any]:
    return {"event": "switch", "from": number, "to": to, "at": at(days_ago)}


def age(host: Host, days: float) -> None:
    """Let everything that the host wrote so far have happened so many days earlier."""
    path = host.instance.disk.path("journal")
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * DAY))
    lines = [dict(json.loads(line), at=when) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_what_was_staged_or_left_within_the_days_is_recent() -> None:
    events = [staged(1, 60), staged(2, 50), left(1, 2, 45), staged(3, 20), left(2, 3, 10)]
    assert recent(events, days=30, now=NOW) == {2, 3}
    assert recent(events, days=5, now=NOW) == set()


def test_age_keeps_nothing_where_no_days_are_named() -> None:
    assert recent([staged(1, 0)], days=0, now=NOW) == set()


def test_a_clock_that_was_ahead_and_a_time_that_is_none_keep_what_they_speak_of() -> None:
    unreadable = [{"event": "staged", "deployment": 2, "at": "yesterday"}, {"event": "staged", "deployment": 3}]
    assert recent([staged(1, -400), *unreadable], days=1, now=NOW) == {1, 2, 3}


def test_old_ones_beyond_the_count_go_and_young_ones_stay(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("1.0.0", "2.0.0"):
        host.deploy(Package(version))
    age(host, 40)
    for version in ("3.0.0", "4.0.0", "5.0.0"):
        host.deploy(Package(version))
    assert host.ask("prune", check=True, keep=0, keep_days=90)["kept"] == [1, 2, 3, 4, 5]
    assert host.ask("prune", check=True, keep=0, keep_days=30)["kept"] == [2, 3, 4, 5]  # 2 was left today
    assert host.ask("prune", check=True, keep=1, keep_days=0)["kept"] == [3, 4, 5]
    with monkeypatch.context() as patch:  # a clock that jumped ahead takes neither the count nor the way back
        patch.setattr("time.time", lambda: float(NOW + 3650 * DAY))
        assert host.ask("prune", check=True, keep=1, keep_days=90)["kept"] == [3, 4, 5]
    assert host.instance.deployments() == [1, 2, 3, 4, 5]
    assert host.ask("prune", keep=0, keep_days=0)["kept"] == [4, 5]


def test_what_is_frozen_stays(host: Host) -> None:
    host.deploy(Package("1.0.0"))
    host.ask("freeze", deployment=1, state="present", reason="the schema was contracted")
    for version in ("2.0.0", "3.0.0"):
        host.deploy(Package(version))
    assert host.ask("prune", check=True, keep=0)["kept"] == [1, 2, 3]


def test_confirm_removes_what_the_retention_does_not_keep(host: Host) -> None:
    for version in ("1.0.0", "2.0.0"):
        host.deploy(Package(version))
    host.stage(Package("3.0.0"))
    host.ask("activate", deployment=3)
    assert host.instance.deployments() == [1, 2, 3]
    done = host.ask("confirm", deployment=3, keep=0)
    assert (done["outcome"], [path for path in done["removed"] if path.startswith("deployments")]) == (
        "confirmed",
        ["deployments/1"],
    )
    assert host.instance.deployments() == [2, 3]


@pytest.mark.parametrize("problem", [OSError("the disk is sick"), KeyError("version")])
def test_a_removal_that_fails_leaves_the_deployment_confirmed(
    host: Host, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    host.stage(Package("1.0.0"))
    host.ask("activate", deployment=1)

    def fail(*_args: t.Any, **_options: t.Any) -> t.NoReturn:
        raise problem

    monkeypatch.setattr("ansible_collections.relmgmt.release.plugins.module_utils._host.prune.prune", fail)
    done = host.ask("confirm", deployment=1, keep=1)
    assert done["outcome"] == "confirmed"
    assert "older releases were not removed" in done["reason"]
    assert host.instance.history().state == "confirmed"


def test_a_deployment_that_is_not_confirmed_after_all_removes_nothing(host: Host) -> None:
    host.stage(Package("1.0.0"))
    host.ask("activate", deployment=1)
    host.ask_driver(1)
    before = host.instance.journal.events()
    assert host.ask("confirm", deployment=1, keep=0)["outcome"] == "reverted"
    assert "pruned" not in [event["event"] for event in host.instance.journal.events()[len(before) :]]
    assert host.instance.deployments() == [1]


@pytest.mark.parametrize("option", ["keep", "keep_days"])
def test_a_number_below_zero_is_refused(option: str) -> None:
    with pytest.raises(RelmgmtError) as caught:
        Retention.of({option: -1})
    assert caught.value.code == "keep-malformed"
