# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody who follows the guide "your first rollout" in a directory of their own."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import typing as t
import urllib.request

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 180.0  # seconds to wait for something that takes a few
COLLECTION = REPOSITORY / "collections/ansible_collections/relmgmt/release"
GUIDE = (COLLECTION / "docs/your-first-rollout.md").read_text()
BLOCK = re.compile(r"(?:^`([\w./-]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclasses.dataclass
class Reader:
    """Somebody who follows the guide in a directory of their own."""

    work: pathlib.Path
    environment: dict[str, str]

    def run(self, command: str, *, code: int = 0) -> str:
        done = subprocess.run(
            command, shell=True, cwd=self.work, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
        assert "[WARNING]" not in done.stderr and "[DEPRECATION" not in done.stderr, done.stderr
        return done.stdout + done.stderr

    def ask(self, command: str) -> str:
        """What curl would print, also where there is no curl."""
        with urllib.request.urlopen(command.split()[-1], timeout=10) as response:
            return str(response.read().decode())

    def edit(self, name: str, before: str, after: str) -> None:
        path = self.work / name
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))


@pytest.fixture
def reader(tmp_path: pathlib.Path) -> t.Iterator[Reader]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "RELMGMT_"))},
        "PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    }
    work = tmp_path / "first-rollout"
    for directory in (work, tmp_path / "home"):
        directory.mkdir(mode=0o755)
    yield Reader(work, environment)
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(work / "hosts").encode() in path.read_bytes():
                os.kill(int(path.parent.name), signal.SIGKILL)
        except OSError:
            continue
    for path in [work, *work.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _number in range(count)]
    found = [int(server.getsockname()[1]) for server in sockets]
    for server in sockets:
        server.close()
    return found


def write_files(reader: Reader) -> list[str]:
    """Write the guide's files, with free ports; returns its commands, with those ports and in this place."""
    commands: list[str] = []
    for name, language, text in BLOCK.findall(GUIDE):
        if name:
            (reader.work / name).parent.mkdir(exist_ok=True)
            (reader.work / name).write_text(text)
        elif language == "sh":
            commands += text.splitlines()
    for port, free in zip(("8081", "8082", "8083"), map(str, ports(3)), strict=True):
        reader.edit("hosts.yml", port, free)
        commands = [line.replace(port, free) for line in commands]
    for line in commands:
        if line.startswith("export RELMGMT_"):
            reader.environment.update(
                {key: value.replace("$PWD", str(reader.work)) for key, value in re.findall(r"(\w+)=(\S+)", line)}
            )
    return commands


def wait_for(condition: t.Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Until the condition holds, which it has to while the process runs."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        with contextlib.suppress(subprocess.TimeoutExpired):
            pytest.fail(f"it ended with {process.wait(0.05)} too early")
