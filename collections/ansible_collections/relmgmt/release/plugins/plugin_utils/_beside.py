# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process beside the run (private).

It is started afresh, not forked from the worker, carries nothing of the worker's memory and has nothing of the run
open: no terminal, no pipe, no file, no directory. What it gets goes through a pipe, where no list of processes shows
it.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

__all__ = ["detach", "start_beside"]

_COLLECTIONS = pathlib.Path(__file__).resolve().parents[5]
# Away from the worker at once: what it imports takes longer than a worker should wait.
_PROGRAM = """\
import os
if os.fork(): os._exit(0)
import json, sys
request = json.loads(sys.stdin.buffer.read())
sys.path[:] = request["path"]
from {module} import main; main(request)
"""


def start_beside(module: str, request: dict[str, t.Any]) -> None:
    """Let the module's ``main`` have the request, in a process of its own.

    Raises:
        OSError, subprocess.CalledProcessError: no process can be started.
    """
    path = [str(_COLLECTIONS), *(entry for entry in sys.path if os.path.isabs(entry))]
    subprocess.run(
        [sys.executable, "-I", "-c", _PROGRAM.format(module=module)],
        input=json.dumps({**request, "path": path}).encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
        check=True,
    )


def detach() -> None:
    """For ``main``, when it has read its request: the pipe is given up."""
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
