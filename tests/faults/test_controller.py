# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook that is killed takes everything with it that it started."""

from __future__ import annotations

import pathlib
import subprocess

from tests.faults.controller import Run
from tests.testbed import wait_for


def alive(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_killed_run_leaves_no_process_not_even_one_in_a_session_of_its_own(tmp_path: pathlib.Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"setsid sleep 600 & echo $! >{pid_file}.new; mv {pid_file}.new {pid_file}; wait"
    run = Run(subprocess.Popen(["sh", "-c", script], start_new_session=True), tmp_path / "log")
    wait_for("the child", pid_file.exists)
    child = int(pid_file.read_text())
    assert alive(child) and run.code is None
    run.kill()
    assert run.code == -9
    wait_for("the end of the child", lambda: not alive(child))


def test_a_run_that_does_not_end_is_killed(tmp_path: pathlib.Path) -> None:
    run = Run(subprocess.Popen(["sleep", "600"], start_new_session=True), tmp_path / "log")
    assert run.wait(0.1) is None
    assert run.code == -9
