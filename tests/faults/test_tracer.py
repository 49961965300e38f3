# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tracer in an interpreter of its own, around a small engine that looks like that of a host."""

from __future__ import annotations

import itertools
import json
import pathlib
import subprocess
import sys

import pytest

from tests.testbed import wait_for

TRACER = pathlib.Path(__file__).with_name("tracer")
LIMIT = 60.0
ENGINE = {
    "main.py": """
        from . import stage
        def answer(verb, request):
            return stage.run(request)
    """,
    "stage.py": """
        from . import disk
        def run(directory):
            disk.read(directory)
            disk.write(directory, "one", event="staged")
            (directory / "loose").touch()
            disk.write(directory, "two", event="")
            list(disk.lines(directory))
            try:
                disk.fail()
            except ValueError:
                pass
    """,
    "disk.py": """
        def read(directory):
            return sorted(directory.iterdir())
        def write(directory, name, event):
            append(directory / name)
        def append(path):
            path.write_text("x")
        def lines(directory):
            yield (directory / "yielded").write_text("x")
        def fail():
            raise ValueError
    """,
}
# Both ways to watch are tried on every Python that has the newer one.
DRIVER = """
import pathlib, sys
if sys.argv[1] == "profile" and hasattr(sys, "monitoring"):
    del sys.monitoring
sys.path[:0] = sys.argv[2:4]
import relmgmt_tracer as tracer
directory = pathlib.Path(sys.argv[4])
tracer.Tracer(tracer.HOST, tracer.Hold(directory)).attach()
from relmgmt_host._host import main
(directory / "made").mkdir()
main.answer("stage", directory / "made")
"""


@pytest.fixture
def engine(tmp_path: pathlib.Path) -> pathlib.Path:
    package = tmp_path / "engine" / "relmgmt_host" / "_host"
    package.mkdir(parents=True)
    for name, text in ENGINE.items():
        (package / name).write_text("\n".join(line[8:] for line in text.splitlines()))
    return tmp_path / "engine"


@pytest.fixture(params=["monitoring", "profile"])
def command(request: pytest.FixtureRequest, engine: pathlib.Path, tmp_path: pathlib.Path) -> list[str]:
    (tmp_path / "trace").mkdir()
    return [sys.executable, "-c", DRIVER, request.param, str(TRACER), str(engine), str(tmp_path / "trace")]


def test_every_effect_belongs_to_a_step(command: list[str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "trace" / "record").touch()
    subprocess.run(command, check=True, timeout=LIMIT)
    (verb,) = [json.loads(line) for line in (tmp_path / "trace" / "trace").read_text().splitlines()]
    steps: dict[str, str] = verb["steps"]
    order = [f"{steps[str(number)]} {side}" for side, number, _time in verb["events"]]
    assert verb["verb"] == "stage"
    assert [entry for entry, _same in itertools.groupby(order) if "lines" not in entry] == [
        "stage.run before",
        "disk.write:staged before",
        "disk.write:staged effect",
        "disk.write:staged after",
        "stage.run effect",
        "disk.write before",
        "disk.write effect",
        "disk.write after",
        "stage.run after",
    ]
    assert order.count("disk.lines effect") == 1
    times = [time for _side, _number, time in verb["events"]]
    assert times == sorted(times)


def test_it_stops_at_the_boundary_once_and_goes_on_when_released(command: list[str], tmp_path: pathlib.Path) -> None:
    place = tmp_path / "trace"
    (place / "armed").write_text("stage/never/before\nstage/disk.write/before")
    with subprocess.Popen(command) as process:
        wait_for("the boundary", (place / "reached.1").exists)
        assert sorted(path.name for path in (place / "made").iterdir()) == ["loose", "one"]
        (place / "release.1").touch()
        assert process.wait(LIMIT) == 0
    assert (place / "made" / "two").exists()
    assert not (place / "reached.0").exists()


def test_it_stops_at_each_boundary_that_is_armed(command: list[str], tmp_path: pathlib.Path) -> None:
    place = tmp_path / "trace"
    (place / "armed").write_text("stage/disk.append#2/after\nstage/disk.write/before")
    (place / "release.0").touch()
    (place / "release.1").touch()
    subprocess.run(command, check=True, timeout=LIMIT)
    assert (place / "reached.0").exists() and (place / "reached.1").exists()


def test_it_stops_after_a_step(command: list[str], tmp_path: pathlib.Path) -> None:
    place = tmp_path / "trace"
    (place / "armed").write_text("stage/disk.append#2/after")
    (place / "release.0").touch()
    subprocess.run(command, check=True, timeout=LIMIT)
    assert (place / "reached.0").exists()


def test_the_second_call_of_a_verb_is_another_one(command: list[str], tmp_path: pathlib.Path) -> None:
    place = tmp_path / "trace"
    (place / "armed").write_text("stage#2/disk.read/before")
    (place / "release.0").touch()
    subprocess.run(command, check=True, timeout=LIMIT)
    assert not (place / "reached.0").exists()
    for path in (*(place / "made").iterdir(), place / "made"):
        path.rmdir() if path.is_dir() else path.unlink()
    subprocess.run(command, check=True, timeout=LIMIT)
    assert (place / "reached.0").exists()
