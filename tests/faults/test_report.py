# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures, table and the list of known shortfalls."""

from __future__ import annotations

import json
import re

from tests.faults.observer import States
from tests.faults.report import Report, Shortfalls
from tests.faults.trial import Outcome

SAFE: States = {"h1": "safe-N", "h2": "safe-N-1"}
SICK: States = {"h1": "unsafe: no answer", "h2": "safe-N-1"}
DEAD: States = {"h1": "dead", "h2": "busy: no answer"}


def outcome(cell: str, **phases: States) -> Outcome:
    return Outcome(cell, "h1", phases, {"h1": 1.5, "h2": None}, {"first": 0, "again": 0}, 20.0)


REPORT = Report(
    [
        outcome("host/confirm/lock.locked/before:frozen", wait=DEAD, **{"return": SAFE}, again=SAFE),
        outcome("host/confirm/lock.locked/before:disk-full", wait=SICK, **{"return": SICK}, again=SAFE),
        Outcome("host/x/before:reboot", "h1", {}, {}, {}, 3.0, "FaultError: the boundary was not reached"),
    ],
    possible=100,
    left_out=7,
    merged=5,
    seconds=61.0,
)


def test_the_figure_counts_hosts_that_are_neither_safe_nor_dead() -> None:
    assert REPORT.figures == {"wait": 1, "return": 1, "again": 0, "back": 0}


def test_a_shortfall_that_is_not_listed_is_told() -> None:
    assert REPORT.unknown(Shortfalls("")) == ["host/confirm/lock.locked/before:disk-full (return)"]
    assert REPORT.unknown(Shortfalls("# known\nreturn  host/confirm/*:disk-full\n")) == []
    assert REPORT.unknown(Shortfalls("again host/confirm/*:disk-full\nreturn host/*:frozen")) != []


def test_patterns_take_names_of_tasks_whole() -> None:
    known = Shortfalls("return controller/task:Activate the release, provisionally/before:*")
    assert known.names("return", "controller/task:Activate the release, provisionally/before:reboot")


def test_the_list_of_known_shortfalls_can_be_read() -> None:
    assert not Shortfalls.known().names("again", "no/such:cell")


def test_the_table_tells_each_cell_and_the_figures() -> None:
    lines = REPORT.table().splitlines()
    columns = [re.split(r" {2,}", line) for line in lines]
    assert columns[1] == ["host/confirm/lock.locked/before", "frozen", "1 busy, 1 dead", "safe", "safe", "1.5 -"]
    assert columns[2][1:] == ["disk-full", "1 UNSAFE", "1 UNSAFE", "safe", "1.5 -", "h1 unsafe: no answer"]
    assert lines[3].endswith("ERROR FaultError: the boundary was not reached")
    assert "2 cells carried out of 100 that there are, in 61 s; 7 cannot occur, 1 failed." in lines


def test_the_report_is_json() -> None:
    data = json.loads(json.dumps(REPORT.to_dict()))
    assert data["unsafe_hosts"]["return"] == 1
    assert data["outcomes"][1]["phases"]["return"]["h1"] == "unsafe: no answer"
    assert data["cells"]["errors"] == {"host/x/before:reboot": "FaultError: the boundary was not reached"}
