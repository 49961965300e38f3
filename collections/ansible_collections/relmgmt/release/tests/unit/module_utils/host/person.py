# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody on the host who types commands, and what goes on around them."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import pathlib
import time
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import cli
from ansible_collections.relmgmt.release.plugins.module_utils._host.lock import locked

from .engine import Host, Package


class Said(t.NamedTuple):
    """What the command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> t.Any:
        return json.loads(self.out)


class Person:
    """Somebody on the host."""

    def __init__(self, host: Host, capsys: pytest.CaptureFixture[str]) -> None:
        self.host, self._capsys = host, capsys
        self.own = host.instance.path / "bin" / "relmgmt-host"

    def types(self, *words: str, tool: pathlib.Path | None = None) -> Said:
        code = cli.command([str(tool or self.own), *words], tools=self.host.tools)
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)


class Terminal(io.StringIO):
    """Standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


def activate(host: Host, package: Package, **about: t.Any) -> int:
    """Stage and activate; it is provisional, and the number of the deployment."""
    number = int(host.stage(package, **about)["deployment"])
    assert host.ask("activate", deployment=number)["outcome"] == "provisional"
    return number


@contextlib.contextmanager
def guarding(host: Host) -> t.Iterator[None]:
    """A guard watches."""
    with open(str(host.instance.path / "guard"), "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def working(host: Host) -> t.Iterator[None]:
    """Another verb has the lock."""
    with locked(host.instance.disk, clock=time.monotonic, wait=time.sleep):
        yield
