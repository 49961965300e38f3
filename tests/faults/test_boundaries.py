# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made of traces: which boundaries there are, which of them are one, who the victim is."""

from __future__ import annotations

import typing as t

import pytest

from tests.faults.boundaries import Boundary, Recording, Stand, Trace


def verb(name: str, began: float, *steps: str) -> dict[str, t.Any]:
    """A verb whose steps follow each other, each with one effect in its middle, a second each."""
    events: list[list[t.Any]] = []
    for number, _step in enumerate(steps):
        at = began + number
        events += [["before", number, at], ["effect", number, at + 0.5], ["after", number, at + 0.9]]
    return {"verb": name, "steps": {str(number): step for number, step in enumerate(steps)}, "events": events}


def confirm(began: float) -> dict[str, t.Any]:
    return verb("confirm", began, "health.pulse", "journal.write:confirmed")


def task(name: str, time: float, side: str = "before") -> dict[str, t.Any]:
    return {"boundary": f"{name}/{side}", "time": time}


def activate(began: float) -> dict[str, t.Any]:
    return verb("activate", began, "journal.write:switch", "service_systemd.start", "health.judge")


@pytest.fixture
def recording() -> Recording:
    controller: Trace = [
        task("task:Check", 1),
        task("task:Plan", 2),
        verb("rollout_plan", 3, "registry.acquire"),
        task("task:Show", 8),
        task("task:Activate", 9),
        task("task:Activate#2", 29),
        task("playbook", 90, "after"),
    ]
    return Recording.of(
        controller,
        {
            "h1": [activate(30), confirm(50)],
            "h2": [verb("info", 0.1, "root.check"), activate(10), confirm(20)],
            "h3": [activate(30.5), confirm(50)],
        },
    )


def test_hosts_stand_in_the_order_of_their_waves(recording: Recording) -> None:
    assert [(stand.wave, stand.host) for stand in recording.stands] == [(0, "h2"), (1, "h1"), (1, "h3")]


def test_each_host_has_its_own_times(recording: Recording) -> None:
    assert recording.reference == Stand(0, "h2", started=11.9, judged=12.9, confirmed=20.9)
    assert recording.stands[1].started == 31.9


def test_boundaries_come_in_the_order_in_which_they_are_passed(recording: Recording) -> None:
    assert [boundary.id for boundary in recording.boundaries] == [
        "host/info/root.check/before",
        "host/info/root.check/after",
        "controller/task:Plan/before",
        "controller/rollout_plan/registry.acquire/before",
        "controller/rollout_plan/registry.acquire/after",
        "controller/task:Activate/before",
        "host/activate/journal.write:switch/before",
        "host/activate/service_systemd.start/before",
        "host/activate/health.judge/before",
        "host/activate/health.judge/after",
        "host/confirm/health.pulse/before",
        "host/confirm/journal.write:confirmed/before",
        "host/confirm/journal.write:confirmed/after",
        "controller/task:Activate#2/before",
        "controller/playbook/after",
    ]


def test_what_has_no_effect_between_it_is_one_boundary(recording: Recording) -> None:
    tasks, inside = 2, 3  # Check and Plan, Show and Activate; the ends of three of the victim's steps
    assert recording.merged == tasks + inside


def test_a_nested_step_gives_the_moments_around_its_effects() -> None:
    nested = verb("activate", 10, "service_systemd.start", "health.judge")
    nested["steps"]["7"] = "stage._release"
    nested["events"] = [["before", 7, 9.0], *nested["events"], ["effect", 7, 13.0], ["after", 7, 14.0]]
    names = [boundary.name for boundary in Recording.of([], {"h1": [nested, confirm(20)]}).boundaries]
    assert names == [
        "activate/stage._release/before",
        "activate/health.judge/before",
        "activate/health.judge/after",
        "activate/stage._release/after",
        "confirm/health.pulse/before",
        "confirm/journal.write:confirmed/before",
        "confirm/journal.write:confirmed/after",
    ]


def test_a_verb_belongs_to_its_boundary_without_its_number() -> None:
    assert Boundary("controller", "rollout_verdict#2/registry.renew/before").verb == "rollout_verdict"
    assert Boundary("controller", "task:Confirm#2/before").verb == "task:Confirm"


@pytest.mark.parametrize("trace", [[], [verb("info", 1, "root.check")], [verb("activate", 1, "journal.write:switch")]])
def test_a_rollout_that_switched_nobody_is_no_recording(trace: Trace) -> None:
    with pytest.raises(ValueError):
        Recording.of([], {"h1": trace})
