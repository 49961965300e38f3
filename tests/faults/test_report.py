# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures, tables, the page for readers, and the list of known shortfalls."""

from __future__ import annotations

import pathlib
import re

import pytest

from tests.faults.observer import States
from tests.faults.outcome import Ledger, Outcome, Possible
from tests.faults.page import page
from tests.faults.report import Report, Shortfalls, nearest_rank

SAFE: States = {"h1": "safe-N", "h2": "safe-N-1", "h3": "safe-N"}
SICK: States = {"h1": "safe-N", "h2": "unsafe: no answer", "h3": "safe-N"}
DEAD: States = {"h1": "dead", "h2": "busy: no answer", "h3": "safe-N"}
LATER = "rolling/host/info/root.check/before:reboot"
CELLS = {
    "rolling/host/confirm/lock.locked/before:frozen": "h1",
    "rolling/host/confirm/lock.locked/before:disk-full": "h2",
}
KILLED = "canary/controller/task:Plan the wave, at last/before:controller-killed"


def outcome(strategy: str, cells: dict[str, str], errors: dict[str, str] | None = None, **phases: States) -> Outcome:
    seconds = {"h1": 1.5, "h2": None, "h3": 0.0} if phases else {}
    return Outcome("ours", strategy, cells, errors or {}, phases, seconds, {"first": 0, "again": 0}, 20.0)


FOUND = outcome("rolling", {**CELLS, LATER: "h3"}, {LATER: "not passed"}, wait=DEAD, **{"return": SICK}, again=SAFE)
DEATH = outcome("canary", {KILLED: ""}, wait=SICK, **{"return": SAFE}, again=SAFE)
POSSIBLE = [
    Possible(
        "ours", "rolling", (*CELLS, LATER, "rolling/host/x/before:reboot"), left_out=7, merged=5, hosts=3, wait=45.0
    ),
    Possible("ours", "canary", (KILLED,), left_out=0, merged=0, hosts=3, wait=45.0),
]
REPORT = Report([FOUND, DEATH], POSSIBLE)


def test_the_figure_counts_hosts_that_are_neither_safe_nor_judged_later() -> None:
    figures = REPORT.figures("rolling")
    assert figures.unsafe == {"wait": 0, "return": 1, "again": 0, "back": 0}
    assert (figures.cells, figures.possible, figures.hosts, figures.victims) == (2, 4, 3, 2)


def test_every_host_is_struck_where_the_controller_dies() -> None:
    figures = REPORT.figures("canary")
    assert (figures.hosts, figures.victims, figures.unsafe["wait"]) == (3, 3, 1)


def test_a_fault_has_figures_of_its_own_victims() -> None:
    frozen, full = REPORT.by_fault("frozen"), REPORT.by_fault("disk-full")
    assert (frozen.hosts, frozen.unsafe["return"]) == (1, 0)
    assert (full.hosts, full.unsafe["return"]) == (1, 1)


def test_a_cell_that_was_not_passed_is_never_carried_out() -> None:
    assert REPORT.errors == {LATER: "not passed"}
    assert REPORT.by_fault("reboot").cells == 0
    passed = outcome("rolling", {LATER: "h3"}, wait=SAFE, **{"return": SAFE}, again=SAFE)
    assert Report([FOUND, passed], POSSIBLE).errors == {}


def test_a_trial_of_which_nothing_was_carried_out_says_nothing_of_its_hosts() -> None:
    failed = outcome("rolling", {LATER: "h3"}, {LATER: "FaultError: a bed fell down"}, **{"return": SICK})
    assert Report([failed], POSSIBLE).figures("rolling").hosts == 0


@pytest.mark.parametrize(("percent", "value"), [(50, 2.0), (51, 3.0), (90, 4.0), (99, 4.0), (1, 1.0)])
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert nearest_rank([4.0, 2.0, 3.0, 1.0], percent) == value


def test_a_host_that_was_never_safe_takes_longer_than_any_other() -> None:
    assert [REPORT.figures("rolling").percentile(percent) for percent in (50, 99)] == ["1.5", "never"]
    assert REPORT.by_fault("reboot").percentile(50) == "-"


def test_a_shortfall_that_is_not_listed_is_told() -> None:
    assert REPORT.unknown(Shortfalls("")) == [
        "rolling/host/confirm/lock.locked/before:disk-full (return): h2 unsafe: no answer"
    ]
    assert REPORT.unknown(Shortfalls("# known\nreturn  */host/confirm/*:disk-full\n")) == []
    assert REPORT.unknown(Shortfalls("again */host/confirm/*:disk-full\nreturn */host/*:frozen")) != []


def test_a_host_that_nothing_befell_must_be_safe_too() -> None:
    beside = outcome("rolling", {LATER: "h3"}, wait=SAFE, **{"return": SICK}, again=SAFE)
    assert Report([beside], POSSIBLE).unknown(Shortfalls("")) == ["no fault (return): h2 unsafe: no answer"]


def test_patterns_take_names_of_tasks_whole() -> None:
    known = Shortfalls("return */controller/task:Activate the release, provisionally/before:*")
    assert known.names("return", "canary/controller/task:Activate the release, provisionally/before:reboot")


def test_the_list_of_known_shortfalls_can_be_read() -> None:
    assert not Shortfalls.known().names("again", "no/such:cell")


def test_the_table_tells_each_cell_and_the_figures() -> None:
    lines = REPORT.table().splitlines()
    columns = [re.split(r" {2,}", line) for line in lines]
    where = "rolling/host/confirm/lock.locked/before"
    assert columns[1] == [where, "frozen", "h1", "1 dead", "safe", "safe", "1.5"]
    assert columns[2] == [where, "disk-full", "h2", "1 busy", "1 UNSAFE", "safe", "-", "h2 unsafe: no answer"]
    assert lines[3].endswith("ERROR not passed")
    assert columns[4][1:] == ["controller-killed", "3 hosts", "1 UNSAFE", "safe", "safe", "-", "h2 unsafe: no answer"]
    assert "ours, rolling: 2 of 4 cells carried out, in 1 trials of 3 hosts; 7 cells cannot occur." in lines


def test_outcomes_are_read_as_they_were_written_and_more_can_be_added(tmp_path: pathlib.Path) -> None:
    ledger = Ledger(tmp_path / "made" / "ours.jsonl")
    for possible in POSSIBLE:
        ledger.add(possible)
    ledger.add(FOUND)
    again = Ledger(tmp_path / "made" / "ours.jsonl", resume=True)
    again.add(DEATH)
    assert again.read() == ([FOUND, DEATH], POSSIBLE)


def test_what_is_possible_is_what_was_found_last(tmp_path: pathlib.Path) -> None:
    ledger = Ledger(tmp_path / "ours.jsonl")
    newer = Possible("ours", "canary", (KILLED, "canary/new/before:reboot"), 1, 2, 20, 45.0)
    for entry in (POSSIBLE[1], newer):
        ledger.add(entry)
    assert ledger.read() == ([], [newer])


def test_a_sweep_that_does_not_go_on_begins_anew(tmp_path: pathlib.Path) -> None:
    Ledger(tmp_path / "ours.jsonl").add(FOUND)
    assert Ledger(tmp_path / "ours.jsonl").read() == ([], [])


def test_the_page_puts_the_products_side_by_side() -> None:
    text = page({"ours": REPORT, "plain": REPORT})
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert "| relmgmt | rolling | 2 | 4 | 3 | **0** of 1 | **1** of 3 | **0** of 3 | – | 1.5 | never | never |" in rows
    frozen = [line for line in rows if line.startswith("| frozen: ")]
    assert [line.split(" | ")[1] for line in frozen] == ["relmgmt", "plain playbook"]


def test_the_page_says_if_it_is_only_of_a_part() -> None:
    part, whole = page({"ours": REPORT}), page({"ours": Report([DEATH], POSSIBLE[1:])})
    assert "**Of relmgmt, only 3 of 5 cells were carried out so far.**" in part.splitlines()
    assert "so far" not in whole


def test_the_page_says_nothing_of_a_product_that_was_not_measured() -> None:
    text = page({"ours": REPORT, "plain": Report([], [])})
    assert not [line for line in text.splitlines() if line.startswith("|") and "plain playbook" in line]
