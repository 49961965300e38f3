# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host for the engine's tests, and somebody on it."""

from __future__ import annotations

import io
import os
import pathlib
import typing as t

import pytest

from .engine import Host
from .person import Person


@pytest.fixture
def host(tmp_path: pathlib.Path) -> t.Iterator[Host]:
    """A root of our own that nobody else may write; what runs on it is ended."""
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    os.chmod(str(root), 0o755)
    host = Host(root)
    yield host
    host.stop()


@pytest.fixture
def person(host: Host, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Person:
    """Somebody on the host, who sits at no terminal unless a test says so."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.delenv("SUDO_USER", raising=False)
    return Person(host, capsys)
