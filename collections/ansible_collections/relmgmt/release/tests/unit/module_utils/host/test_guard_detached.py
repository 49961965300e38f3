# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard of a host without systemd: one process, however long it takes to come up."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.guard_detached import Detached
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Runner, Started


class Slow(Runner):
    """Processes that are noted, and end when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[int] = []
        self.started = 0

    def spawn(self, argv: t.Sequence[str], **_more: t.Any) -> Started:
        self.started += 1
        self.running.append(self.started)
        return Started(self.started, "now")

    def alive(self, pid: int, started: str) -> bool:
        return pid in self.running


@pytest.fixture
def runner() -> Slow:
    return Slow()


@pytest.fixture
def guard(tmp_path: pathlib.Path, runner: Slow) -> Detached:
    return Detached(Instance(tmp_path, "web/shop", "main"), tmp_path / "relmgmt-host.pyz", runner)


def test_one_that_takes_its_time_gets_no_second_beside_it(guard: Detached, runner: Slow) -> None:
    for _attempt in range(3):
        guard.start()
    assert runner.started == 1


def test_one_that_ended_is_started_again(guard: Detached, runner: Slow) -> None:
    guard.start()
    runner.running.clear()
    guard.start()
    assert runner.started == 2
