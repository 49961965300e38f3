# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to logs, files and systemd: a true answer, little read, and nothing shown of what was read."""

from __future__ import annotations

import os
import pathlib
import time
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.disk import Disk
from ansible_collections.relmgmt.release.plugins.module_utils._host.lines import MAX_READ
from ansible_collections.relmgmt.release.plugins.module_utils._host.log_marks import marked, take_marks
from ansible_collections.relmgmt.release.plugins.module_utils._host.probe import Result, ask
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Completed, Runner
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.module_utils._model.probe import Probe
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Runtime

MONSTER = b"a" * 100_000


class Said(Runner):
    """Answers commands by their first word, as systemd 252 was seen to."""

    def __init__(self, **answers: Completed) -> None:
        super().__init__()
        self.answers = answers
        self.asked: list[tuple[str, ...]] = []

    def run(self, argv: t.Sequence[str], *, timeout: float, **_how: t.Any) -> Completed:
        self.asked.append(tuple(argv))
        return self.answers[argv[0]]


def asked(runner: Runner | None = None, **data: t.Any) -> Result:
    probe = Probe.from_dict({"name": "it", **data})
    return ask(probe, runner=runner or Runner(), clock=time.monotonic)


class Log:
    """A log that was marked when the service was started."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.path = directory / "app.log"
        self.disk = Disk(directory)

    def start(self) -> None:
        take_marks(self.disk, self._runtime().probes)

    def says(self, line: str) -> None:
        with self.path.open("a") as log:
            log.write(line + "\n")

    def ask(self, pattern: str = "ready", **data: t.Any) -> Result:
        probe = marked(self.disk, self._runtime(pattern=pattern, **data)).probes[0]
        return ask(probe, runner=Runner(), clock=time.monotonic)

    def _runtime(self, **data: t.Any) -> Runtime:
        return Runtime.from_dict({"probes": [{"kind": "log", "path": str(self.path), "pattern": "ready", **data}]})


@pytest.fixture
def log(tmp_path: pathlib.Path) -> Log:
    return Log(tmp_path)


def test_log_is_healthy_when_the_pattern_appears(log: Log) -> None:
    log.start()
    assert not log.ask().healthy
    log.says("now ready to serve")
    assert log.ask().healthy
    assert not log.ask(never=True).healthy


def test_what_the_release_before_said_speaks_for_nobody(log: Log) -> None:
    log.says("ready")
    log.says("ERROR")
    log.start()
    assert not log.ask().healthy
    assert log.ask("ERROR", never=True).healthy


def test_log_that_was_rotated_since_is_read_on(log: Log) -> None:
    log.says("old")
    log.start()
    log.says("ready")
    log.path.rename(log.path.with_name("app.log.1"))
    log.says("on")
    assert log.ask().healthy
    assert not log.ask("old").healthy


def test_other_log_that_was_rotated_long_ago_is_not_read(log: Log) -> None:
    log.path.with_name("app.log.1").write_text("ready\n")
    log.says("x")
    log.start()
    log.path.unlink()
    log.says("y")
    assert not log.ask().healthy


def test_log_that_was_cut_is_read_from_its_beginning(log: Log) -> None:
    log.says("a long line of the release before")
    log.start()
    log.path.write_text("ready\n")
    assert log.ask().healthy


def test_of_a_large_log_the_newest_is_read(log: Log) -> None:
    log.start()
    log.says("early")
    with log.path.open("ab") as stream:
        stream.truncate(MAX_READ + 100)
    log.says("ready")
    assert log.ask().healthy
    assert not log.ask("early").healthy


def test_log_that_is_not_there_holds_nothing(log: Log) -> None:
    log.start()
    assert not log.ask().healthy
    assert log.ask(never=True).healthy


def test_pattern_stands_within_one_line_in_its_order(log: Log) -> None:
    log.start()
    log.says("bind port 80")
    log.says("listening")
    assert log.ask("bind*80").healthy
    assert log.ask("*port *").healthy
    assert not log.ask("80*bind").healthy
    assert not log.ask("80*0").healthy
    assert not log.ask("bind*listening").healthy


def test_pattern_of_many_stars_takes_no_time_on_a_line_made_for_it(log: Log) -> None:
    log.start()
    log.path.write_bytes(MONSTER)
    began = time.process_time()
    assert not log.ask("a*" * 500 + "b").healthy
    assert time.process_time() - began < 5


def test_log_that_is_a_pipe_is_not_waited_for(log: Log) -> None:
    os.mkfifo(str(log.path))
    assert not log.ask().asked


def test_reason_shows_nothing_of_the_log(log: Log) -> None:
    log.start()
    log.says("password=hunter2 ready")
    assert "hunter2" not in log.ask().reason + log.ask(never=True).reason


JOURNAL = {"kind": "log", "unit": "app.service", "pattern": "bound to *:80 (v4)"}
STARTED = Completed(0, "InvocationID=0123456789abcdef0123456789abcdef\n")


def test_journal_is_asked_about_this_start_alone_with_the_pattern_as_text() -> None:
    runner = Said(systemctl=STARTED, journalctl=Completed(0, "password=hunter2\n"))
    result = asked(runner, **JOURNAL)
    assert result.healthy and "hunter2" not in result.reason
    assert runner.asked[-1][-2:] == (
        r"--grep=bound\ to\ .*:80\ \(v4\)",
        "_SYSTEMD_INVOCATION_ID=0123456789abcdef0123456789abcdef",
    )
    assert not asked(runner, **JOURNAL, never=True).healthy


def test_journal_without_the_pattern_is_red() -> None:
    result = asked(Said(systemctl=STARTED, journalctl=Completed(1, "")), **JOURNAL)
    assert (result.healthy, result.asked) == (False, True)


@pytest.mark.parametrize(
    ("systemctl", "journalctl"),
    [
        (Completed(127, "systemctl cannot be run"), Completed(0, "")),
        (Completed(0, "InvocationID=\n"), Completed(0, "")),
        (STARTED, Completed(127, "journalctl cannot be run")),
        (STARTED, Completed(1, "Compiled without pattern matching support")),
        (STARTED, Completed(-9, "", timed_out=True)),
    ],
)
def test_journal_that_does_not_answer_is_not_held_against_the_release(
    systemctl: Completed, journalctl: Completed
) -> None:
    assert not asked(Said(systemctl=systemctl, journalctl=journalctl), **JOURNAL).asked


def shown(state: str, sub: str, restarts: int = 0, load: str = "loaded") -> Said:
    text = f"LoadState={load}\nActiveState={state}\nSubState={sub}\nNRestarts={restarts}\n"
    return Said(systemctl=Completed(0, text))


UNIT = {"kind": "systemd", "unit": "app.service"}


def test_unit_is_healthy_in_the_state_that_is_wanted() -> None:
    assert asked(shown("active", "running"), **UNIT).healthy
    assert asked(shown("active", "running"), **UNIT, substate="running", restarts=0).healthy
    assert asked(shown("inactive", "dead"), **UNIT, state="inactive").healthy


@pytest.mark.parametrize(
    ("runner", "wanted", "reason"),
    [
        (shown("failed", "failed"), {}, "app.service is failed (failed), wanted active"),
        (shown("active", "exited"), {"substate": "running"}, "app.service is active (exited), wanted active (running)"),
        (shown("active", "running", 2), {"restarts": 1}, "app.service is active (running), but was restarted 2 times"),
        (shown("inactive", "dead", load="not-found"), {}, "app.service is not there, wanted active"),
    ],
)
def test_unit_is_red_and_says_why(runner: Said, wanted: dict[str, t.Any], reason: str) -> None:
    result = asked(runner, **UNIT, **wanted)
    assert (result.healthy, result.asked, result.reason) == (False, True, reason)


def test_host_without_systemd_is_not_held_against_the_release() -> None:
    assert not asked(Said(systemctl=Completed(127, "")), **UNIT).asked


@pytest.mark.parametrize(
    ("wanted", "healthy"),
    [
        ({}, True),
        ({"exists": False}, False),
        ({"min_size": 6, "max_size": 6}, True),
        ({"min_size": 7}, False),
        ({"max_size": 5}, False),
        ({"max_age": 3600}, True),
        ({"max_age": 0}, False),
        ({"digest": digest_of(b"hello\n")}, True),
        ({"digest": digest_of(b"other")}, False),
        ({"pattern": "h*o"}, True),
        ({"pattern": "hunter2"}, False),
    ],
)
def test_file_is_judged_by(wanted: dict[str, t.Any], healthy: bool, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"hello\n")
    os.utime(str(path), (time.time() - 60,) * 2)
    result = asked(kind="file", path=str(path), **wanted)
    assert (result.healthy, result.asked) == (healthy, True)
    assert "hello" not in result.reason


def test_file_that_is_not_there_is_red_unless_that_is_wanted(tmp_path: pathlib.Path) -> None:
    assert not asked(kind="file", path=str(tmp_path / "it"), min_size=0).healthy
    assert asked(kind="file", path=str(tmp_path / "it"), exists=False).healthy


def test_directory_is_there_but_has_no_size_and_no_contents(tmp_path: pathlib.Path) -> None:
    assert asked(kind="file", path=str(tmp_path)).healthy
    assert not asked(kind="file", path=str(tmp_path), min_size=0).healthy
    assert not asked(kind="file", path=str(tmp_path), pattern="x").asked


def test_file_that_is_a_pipe_is_not_waited_for(tmp_path: pathlib.Path) -> None:
    os.mkfifo(str(tmp_path / "it"))
    assert not asked(kind="file", path=str(tmp_path / "it"), pattern="x").asked


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "log", "path": "/x"},
        {"kind": "log", "path": "/x", "pattern": "**"},
        {"kind": "log", "pattern": "x"},
        {"kind": "log", "path": "/x", "unit": "x.service", "pattern": "x"},
        {"kind": "log", "path": "x", "pattern": "x"},
        {"kind": "log", "path": "/x/../y", "pattern": "x"},
        {"kind": "systemd", "unit": "x"},
        {"kind": "systemd", "unit": "--all.service"},
        {"kind": "systemd", "unit": "x.service", "restarts": "often"},
        {"kind": "file"},
        {"kind": "file", "path": "/x", "digest": "sha256:1"},
        {"kind": "file", "path": "/x", "exists": False, "max_size": 1},
    ],
)
def test_question_that_can_never_be_asked_is_refused(data: dict[str, t.Any]) -> None:
    with pytest.raises(InputError):
        asked(**data)
