# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that keeps a lease while a wave takes its time: it lives as long as the run, and not longer."""

from __future__ import annotations

import collections.abc
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, ConflictError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Lease, Registry, heartbeat

PATIENCE = 90.0
MARK = "RELMGMT_TEST_HEARTBEAT"


class Time:
    """Passes while somebody sleeps. ``answers``: what the registry says to the beats, one after the other."""

    def __init__(self, *answers: Exception | None, ends: float = 1000) -> None:
        self.now, self.ends, self.beats = 0.0, ends, list[float]()
        self._answers = list(answers)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def renew(self) -> None:
        self.beats.append(self.now)
        for answer in self._answers[:1]:
            del self._answers[0]
            if answer is not None:
                raise answer

    def run(self) -> list[float]:
        heartbeat.beat(self.renew, lambda: self.now < self.ends, every=40, clock=self, sleep=self.sleep)
        return self.beats


def test_it_beats_until_the_run_ends() -> None:
    time_ = Time(ends=130)
    assert time_.run() == [40, 80, 120]
    assert time_.now == 130


def test_it_tries_again_soon_when_the_registry_does_not_answer() -> None:
    away = BackendError("registry-failed", "gone")
    assert Time(None, away, away, ends=140).run() == [40, 80, 85, 90, 130]


def test_it_ends_when_the_lease_is_lost_or_was_given_back() -> None:
    time_ = Time(None, ConflictError("lease-lost", "gone"))
    assert time_.run() == [40, 80]


@pytest.mark.parametrize("untold", [{}, {"boot": ""}, {"boot": "", "started": ""}])
def test_it_sees_the_end_of_the_run_whatever_the_system_tells_of_it(untold: dict[str, t.Any]) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = dataclasses.replace(Holder.of(child.pid), **untold)
    assert heartbeat.lives(holder)
    child.communicate(b"\n")
    assert not heartbeat.lives(holder)


# --- the process ---


class Run:
    """A process that stands for a playbook, and the heartbeats that were started for it."""

    def __init__(self, place: str, mark: str) -> None:
        self.place, self.mark = place, mark
        self.process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self.holder = Holder.of(self.process.pid)

    def lease(self, *, ttl: float) -> Lease:
        with Registry.open(self.place) as registry:
            return registry.acquire("a/b", "prod", "main", self.holder, ttl=ttl)

    def renewed(self) -> str:
        with Registry.open(self.place, write=False) as registry:
            return str(registry.holders()[0]["renewed"])

    def beats(self) -> list[pathlib.Path]:
        """The entries below /proc of its heartbeats."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"{MARK}={self.mark}".encode() in environment.split(b"\0"):
                found.append(entry)
        return found


def wait_until(condition: collections.abc.Callable[[], t.Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def run(place: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> collections.abc.Iterator[Run]:
    made = Run(place, str(tmp_path))
    monkeypatch.setenv(MARK, made.mark)
    yield made
    made.process.kill()
    made.process.communicate()
    wait_until(lambda: made.beats() == [])


def test_a_lease_is_renewed_while_its_run_lives_and_no_process_is_left_when_it_is_killed(run: Run) -> None:
    lease = run.lease(ttl=3)
    began = run.renewed()
    heartbeat.start(run.place, lease, run.holder, ttl=3)
    wait_until(lambda: run.renewed() > began)
    (beat,) = run.beats()
    assert {os.readlink(handle) for handle in (beat / "fd").iterdir()} == {"/dev/null"}
    assert os.readlink(beat / "cwd") == "/"
    assert os.getsid(int(beat.name)) != os.getsid(0)
    assert run.place.encode() not in (beat / "cmdline").read_bytes(), "a location may hold a password"
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    wait_until(lambda: run.beats() == [])


def test_a_heartbeat_ends_when_somebody_else_has_the_lease(run: Run) -> None:
    lease = run.lease(ttl=3)
    with Registry.open(run.place) as registry:
        registry.release(lease, run.holder)
    heartbeat.start(run.place, lease, run.holder, ttl=3)
    wait_until(lambda: run.beats() == [])
    with Registry.open(run.place, write=False) as registry:
        assert registry.holders() == []


def test_what_cannot_be_started_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(BackendError) as caught:
        heartbeat.start(run.place, Lease("r", "a/b", "prod", "main", 1, ""), run.holder, ttl=3)
    assert caught.value.code == "heartbeat-failed"
