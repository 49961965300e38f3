# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller: runs the collection's playbooks as a person would, and can be killed like one's machine."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import typing as t

from tests.testbed.system import children

from .application import Command

__all__ = ["LIMIT", "TRACER", "Controller", "ControllerError", "Run"]

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TRACER = pathlib.Path(__file__).with_name("tracer")
LIMIT = 600.0  # seconds for a playbook that takes a few


class ControllerError(Exception):
    """A playbook that the sweep needs did not end as it has to."""


class Run:
    """A playbook that runs, with all its processes."""

    def __init__(self, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
        self._process, self.log = process, log

    @property
    def code(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.poll()

    def wait(self, limit: float = LIMIT) -> int | None:
        """The exit code; None if it had to be killed because it did not come to an end."""
        try:
            return self._process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self) -> None:
        """SIGKILL to it and to everything that it started: workers lead process groups of their own."""
        pids = [self._process.pid]
        for pid in pids:
            pids += children(pid)
        for pid in pids:
            _end(pid)
        self._process.wait()


class Controller:
    """A directory with a DML, and below ``own`` what a rollout writes: cache, registry and run directory."""

    def __init__(self, work: pathlib.Path, own: pathlib.Path, inventories: t.Sequence[pathlib.Path]) -> None:
        self.work, self.own, self.inventories = work, own, inventories

    @property
    def trace(self) -> pathlib.Path:
        """Where the tracer looks for what it is to do."""
        return self.own / "trace"

    def verb(self, name: str, *arguments: str) -> str:
        """Run one verb on the controller and return what it printed."""
        return self._finish(["ansible", "localhost", "-m", f"relmgmt.release.{name}", "-a", " ".join(arguments)])

    def play(self, command: Command) -> str:
        """Run a playbook to a good end and return what it printed.

        Raises:
            ControllerError: it failed.
        """
        return self._finish(self._words(command))

    def start(self, command: Command, log: pathlib.Path) -> Run:
        """Begin a playbook, watched by the tracer."""
        self.trace.mkdir(parents=True, exist_ok=True)
        watched = {
            "RELMGMT_FAULTS": str(self.trace),
            "PYTHONPATH": str(TRACER),
            "ANSIBLE_CALLBACK_PLUGINS": str(TRACER / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "tasks",
        }
        with open(log, "wb") as stream:
            process = subprocess.Popen(
                self._words(command),
                cwd=self.own,
                env={**self._environment(), **watched},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        return Run(process, log)

    def _words(self, command: Command) -> list[str]:
        inventories = [word for path in self.inventories for word in ("-i", str(path))]
        return ["ansible-playbook", *inventories, command.playbook, "-e", json.dumps(command.variables)]

    def _finish(self, command: list[str]) -> str:
        self.own.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            command, cwd=self.own, env=self._environment(), capture_output=True, text=True, timeout=LIMIT, check=False
        )
        if done.returncode:
            raise ControllerError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        for name in ("home", "run"):
            (self.own / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "RELMGMT_"))}
        return {
            **own,
            "PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.own / "home"),
            "XDG_RUNTIME_DIR": str(self.own / "run"),
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "RELMGMT_DML": str(self.work / "dml"),
            "RELMGMT_KEYS": str(self.work / "keys"),
            "RELMGMT_TRUSTED_ROOT": str(self.work / "trusted-root.json"),
            "RELMGMT_CACHE": str(self.own / "cache"),
            "RELMGMT_REGISTRY": str(self.own / "registry" / "registry.db"),
        }


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
