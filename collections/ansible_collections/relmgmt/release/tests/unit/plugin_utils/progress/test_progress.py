# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress of recorded rollouts of 20 and 500 hosts, compared with what it is to look like, to the letter."""

from __future__ import annotations

import io
import os
import pathlib
import sys
import time
import typing as t

import pytest
from rich.console import Console

from ansible_collections.relmgmt.release.plugins.plugin_utils._progress import (
    Answered,
    Closed,
    Lines,
    Planned,
    Screen,
    event_of,
    screen_wanted,
    summary,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._progress.grid import grid_of
from ansible_collections.relmgmt.release.plugins.plugin_utils._progress.run import Run
from ansible_collections.relmgmt.release.plugins.plugin_utils._progress.screen import drawn
from ansible_collections.relmgmt.release.plugins.plugin_utils._safe_text import safe

from .recorded import Recorded, of_20, of_500, plan, sick, step, verdict, well

GOLDEN = pathlib.Path(__file__).parent / "golden"


def as_it_is_to_be(name: str, text: str) -> None:
    """Compare with the file. RELMGMT_GOLDEN=1 writes it anew: look at what changed."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("RELMGMT_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def lines(recorded: Recorded) -> str:
    """All that is printed of it."""
    told, at, kept = Lines(), 0.0, []
    for at, event in recorded:
        kept += told.on(event, at)
    assert told.run is not None
    return "\n".join([*kept, "", *summary(told.run, at), ""])


def screen(recorded: Recorded, *, until: float, width: int = 80, height: int = 30) -> str:
    """What stands on the screen at a moment."""
    told = Lines()
    for at, event in recorded:
        if at <= until:
            told.on(event, at)
    assert told.run is not None
    stream = io.StringIO()
    grid = grid_of(told.run, until, width=width, height=height)
    Console(file=stream, width=width, color_system=None, highlight=False).print(drawn(grid))
    shown = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert max(map(len, shown)) <= width
    assert len(shown) <= height
    return "".join(f"{line}\n" for line in shown)


@pytest.mark.parametrize("name", ["20-well", "20-sick", "500-well"])
def test_lines(name: str) -> None:
    recorded = {"20-well": well(of_20()), "20-sick": sick(of_20()), "500-well": well(of_500())}
    as_it_is_to_be(f"{name}.lines", lines(recorded[name]))


@pytest.mark.parametrize("until", [2.5, 45.0, 100.0])
def test_the_screen_of_20_hosts(until: float) -> None:
    as_it_is_to_be(f"20-well.at-{until:g}", screen(well(of_20()), until=until))


def test_the_screen_of_20_hosts_when_some_are_not_well() -> None:
    as_it_is_to_be("20-sick.at-50", screen(sick(of_20()), until=50.0))


def test_the_screen_of_500_hosts_counts_and_shows_the_waves_around_the_one_that_is_on() -> None:
    as_it_is_to_be("500-well.at-150", screen(well(of_500()), until=150.0, width=100, height=24))


def test_more_sites_than_there_is_room_for_are_summed_up() -> None:
    waves = {"all": [f"ci-{site:03}-001" for site in range(12)]}
    assert "10 sites" in screen(well(waves), until=100.0)


def test_a_bake_counts_down_and_is_part_of_what_is_left() -> None:
    text = screen(well(of_20(), bake=600), until=103.0)
    assert "bake: 9:00 left" in text
    assert "about 9:36 to go" in text  # and three waves of 12 s
    assert "bake for 10:00" in lines(well(of_20(), bake=600))


def test_nothing_is_said_of_the_time_left_before_a_wave_has_ended() -> None:
    assert "to go" not in screen(well(of_20()), until=40.0)


def test_a_pause_holds_its_hosts_and_asks_for_a_decision() -> None:
    waves = {"all": ["ci-ber-001", "ci-nyc-001"]}

    def paused() -> Recorded:
        yield from [item for item in well(waves) if item[0] < 39.0]
        yield 39.0, verdict(1, "all", "pause", "inconclusive: nobody could ask")
        yield from step("release_hold", "provisional", waves["all"], 40.0)
        yield 50.0, Closed("", "The rollout stopped: inconclusive")

    text = lines(paused())
    assert "hold: 2 held" in text
    assert "next        decide: relmgmt.release.resume or relmgmt.release.revert" in text


def test_a_rollout_that_was_never_closed_says_what_to_do() -> None:
    text = lines(item for item in well(of_20()) if item[0] < 40.0)
    assert "was not closed" in text
    assert "next        run the same command again" in text


def test_a_rollout_that_goes_on_counts_what_an_earlier_job_confirmed() -> None:
    rollout = plan(of_20())
    rollout["hosts"]["ci-ber-001"]["action"] = "none"
    told = Lines()
    told.on(Planned(rollout), 0.0)
    assert told.run is not None
    assert told.run.cell(told.run.waves[0], {"ber"}) == {"confirmed": 1}


def test_what_steers_a_terminal_is_taken_out_of_what_hosts_say() -> None:
    text = lines(sick(of_20()))
    assert "\x1b" not in text
    assert "status 500, wanted 200" in text
    assert safe("a\x1b[31mb\r\nc\x07 [bold]d[/bold]") == "a [31mb c [bold]d[/bold]"


def test_what_is_hidden_is_no_outcome() -> None:
    hidden = {"censored": "the output has been hidden", "changed": True}
    assert event_of("release_stage", "h", hidden) == Answered("stage", "h", "unknown", "nothing is known of it")
    assert event_of("rollout_plan", "h", hidden) is None


def test_a_task_that_was_skipped_tells_nothing() -> None:
    assert event_of("release_confirm", "h", {"skipped": True, "skip_reason": "a condition"}) is None


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
        ({"TERM": "xterm", "ORIGINAL_STDOUT_CALLBACK": "relmgmt.release.progress"}, False),
    ],
)
def test_only_a_terminal_that_somebody_sits_at_is_drawn_on(environ: dict[str, str], wanted: bool) -> None:
    assert screen_wanted(Terminal(), environ) is wanted
    assert not screen_wanted(io.StringIO(), environ)


def test_a_drawing_that_breaks_is_known_at_the_next_event(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> t.NoReturn:
        raise KeyError("a mistake of ours")

    monkeypatch.setenv("TERM", "xterm")
    run = Run(Planned(plan(of_20())), 0.0)
    with (tmp_path / "terminal").open("w") as terminal:
        monkeypatch.setattr("sys.stdout", terminal)
        shown = Screen(lambda: 0.0)
        shown.show(run)
        monkeypatch.setattr(sys.modules[Screen.__module__], "grid_of", fail)
        shown.stop(leave=True)  # draws once more
        with pytest.raises(RuntimeError, match="a mistake of ours"):
            shown.show(run)
    assert "20 hosts at 3 sites" in (tmp_path / "terminal").read_text()


def test_500_hosts_are_told_of_in_no_time() -> None:
    recorded = list(well(of_500()))
    told, begun = Lines(), time.process_time()
    for at, event in recorded:
        told.on(event, at)
    assert (time.process_time() - begun) / len(recorded) < 0.001  # measured: see docs/watching.md
