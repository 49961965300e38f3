# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command and write down what it cost: ``meter.py RESULT COMMAND...``. Its exit code is the command's.

A process of its own, and a small one: the peak memory of a process counts from that of the process that started it.
It adopts what the command leaves behind, such as ssh's shared connections, ends it after the clock was
stopped, and counts it in.
"""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import resource
import signal
import sys
import time

__all__: list[str] = []

_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def adopt() -> None:
    """Become the parent of descendants whose own parents end."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def wait(pid: int) -> int:
    """Exit code of the child; others that end before it are reaped too."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def end_the_rest() -> None:
    """End what still runs below this process, and what then becomes its child."""
    here = os.getpid()
    while True:
        for child in pathlib.Path(f"/proc/{here}/task/{here}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)
        try:
            os.wait()
        except ChildProcessError:
            return


def main(result: str, *command: str) -> int:
    adopt()
    began = time.monotonic()
    try:
        code = wait(os.posix_spawnp(command[0], command, os.environ))
        seconds = time.monotonic() - began
    finally:
        end_the_rest()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss}
    pathlib.Path(result).write_text(json.dumps(cost))
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
