# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands of the controller, each measured by ``meter.py``."""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from .error import BenchError
from .sample import Cost

__all__ = ["REPOSITORY", "Command", "ansible", "measure"]

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
_METER = pathlib.Path(__file__).with_name("meter.py")
_SHOWN = 3000  # characters of the output of a command that failed


@dataclasses.dataclass(frozen=True)
class Command:
    """A command line with what its environment has beside the usual."""

    line: tuple[str, ...]
    environment: collections.abc.Mapping[str, str] = dataclasses.field(default_factory=dict)


def ansible(
    program: str, *arguments: str | pathlib.Path, work: pathlib.Path, **settings: str | pathlib.Path
) -> Command:
    """A program of Ansible, set up by the repository's ``ansible.cfg`` for all contestants alike."""
    environment = {
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
        "ANSIBLE_HOME": str(work / "ansible"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(work / "ssh"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        **{name: str(value) for name, value in settings.items()},
    }
    binary = pathlib.Path(sys.executable).with_name(program)
    return Command((str(binary), *map(str, arguments)), environment)


def measure(command: Command) -> tuple[Cost, str]:
    """Run it; what it cost and what it printed.

    Raises:
        BenchError: it failed; its last words are in the message.
    """
    inherited = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR", "XDG_RUNTIME_DIR") if name in os.environ}
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.NamedTemporaryFile(prefix="relmgmt-bench-", suffix=".json") as result:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(_METER), result.name, *command.line],
            env={**inherited, "PATH": path, **command.environment},
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"{' '.join(command.line)[:300]} ended with {done.returncode}:\n{done.stdout[-_SHOWN:]}")
        return Cost(**json.loads(pathlib.Path(result.name).read_text())), done.stdout
