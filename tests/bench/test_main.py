# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line."""

from __future__ import annotations

import pathlib

import pytest

from tests.bench.__main__ import PAGE, main, parse
from tests.bench.results import Results


def names(*arguments: str) -> list[str]:
    return [scenario.name for scenario in parse(arguments).scenarios]


def test_a_whole_run_writes_the_page_and_no_other_does() -> None:
    assert parse([]).table == PAGE
    assert [parse(line).table for line in (["--quick"], ["--only", "django-5"], ["--from", "x"])] == [None] * 3


def test_scenarios_are_chosen_by_name() -> None:
    assert names("--only", "package-django", "--only", "django-5") == ["django-5", "package-django"]
    assert names("--quick") == ["django-3", "package-django"]


def test_repetitions_are_the_scenario_s_own_unless_wished() -> None:
    assert {scenario.name: scenario.repetitions for scenario in parse([]).scenarios}["django-20"] == 3
    assert {scenario.repetitions for scenario in parse(["--repetitions", "2"]).scenarios} == {2}


def test_a_scenario_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--only", "rails"])
    assert "there is no scenario rails: choose among django-20, " in capsys.readouterr().err


def test_samples_of_another_run_are_shown(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    Results({"kernel": "Linux 6.1"}, seconds=120.0).write(tmp_path / "samples.json")
    assert main(["--from", str(tmp_path / "samples.json"), "--table", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text() + "\n" == capsys.readouterr().out
