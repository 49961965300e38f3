# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard as a plain process, where no systemd looks after it: a reboot ends it (private)."""

from __future__ import annotations

import pathlib
import sys

from .instance import Instance
from .process import Runner, Started

__all__ = ["Detached"]


class Detached:
    """The guard of one instance."""

    def __init__(self, instance: Instance, engine: pathlib.Path, runner: Runner) -> None:
        self._instance, self._engine, self._runner = instance, engine, runner
        self._log = instance.path / "run" / "guard.log"
        self._started: Started | None = None

    def install(self, *deployments: int) -> None:
        """Nothing has to be there beside the engine."""
        self._instance.disk.make_directory("run")

    def start(self) -> None:
        """Start it, unless the one that was started last still runs: on a busy host it takes its time to come up."""
        if self._started is not None and self._runner.alive(self._started.pid, self._started.started):
            return
        command = (sys.executable, "-I", "-S", str(self._engine), "guard", str(self._instance.path))
        self._started = self._runner.spawn(command, env={}, user="", log=self._log)

    def remove(self) -> None:
        """Nothing of it stays."""

    def describe(self) -> str:
        """Where what it said is found, for people."""
        return f"what it said is in {self._log}"
