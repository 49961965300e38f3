# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is made of the trace of a plain playbook."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from tests.faults.boundaries import Stand, Trace
from tests.faults.plain import CONFIRMED, JUDGED, STARTED, recording_of


def batch(began: float, number: int, *hosts: str) -> Trace:
    """A batch whose tasks take a second each; the question changes nothing."""
    trace: list[dict[str, t.Any]] = []
    for place, task in enumerate((STARTED, JUDGED, CONFIRMED)):
        name = task if number == 1 else f"{task}#{number}"
        trace.append({"boundary": f"task:{name}/before", "time": began + place})
        about = {"result": task, "changed": task != JUDGED}
        trace += [{**about, "host": host, "time": began + place + 0.5} for host in hosts]
    return trace


def test_hosts_stand_in_their_batches() -> None:
    recording = recording_of([*batch(10, 1, "h2"), *batch(20, 2, "h1", "h3")])
    assert recording.stands == (
        Stand(0, "h2", 10.5, 11.5, 12.5),
        Stand(1, "h1", 20.5, 21.5, 22.5),
        Stand(1, "h3", 20.5, 21.5, 22.5),
    )


def test_tasks_that_change_nothing_are_no_boundary_of_their_own() -> None:
    end = {"boundary": "playbook/after", "time": 30.0}
    recording = recording_of([*batch(10, 1, "h1"), end])
    assert [boundary.id for boundary in recording.boundaries] == [
        f"controller/task:{STARTED}/before",
        f"controller/task:{CONFIRMED}/before",
        "controller/playbook/after",
    ]
    assert recording.merged == 1


@pytest.mark.parametrize("trace", [[], batch(10, 1, "h1")[:3]])
def test_a_rollout_that_did_not_reach_every_host_is_no_recording(trace: Trace) -> None:
    with pytest.raises(ValueError):
        recording_of(trace)


def test_the_steps_that_are_looked_for_are_tasks_of_the_playbook() -> None:
    (play,) = yaml.safe_load((pathlib.Path(__file__).parent / "plain" / "deploy.yml").read_text())
    names = [task["name"] for task in play["tasks"][0]["block"]]
    assert {STARTED, JUDGED, CONFIRMED} <= set(names)
