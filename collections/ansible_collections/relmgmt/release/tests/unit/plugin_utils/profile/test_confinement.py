# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The child that sees secrets leaves nothing behind: no file, no core dump, no environment to read."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._profile import process
from ansible_collections.relmgmt.release.plugins.plugin_utils._profile.limits import Limits

SCRIPT = """
import resource
from ansible_collections.relmgmt.release.plugins.plugin_utils._profile.child import _confine
from ansible_collections.relmgmt.release.plugins.plugin_utils._profile.limits import Limits
_confine(Limits())
print(resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_FSIZE))
"""


def test_it_may_write_neither_files_nor_core_dumps() -> None:
    root = pathlib.Path(__file__).resolve().parents[7]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "(0, 0) (0, 0)\n"


def test_the_job_is_on_its_standard_input_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, t.Any] = {}

    class Child:
        returncode = 0

        def __init__(self, command: list[str], **options: t.Any) -> None:
            seen.update(options, command=command)

        def __enter__(self) -> t.Any:
            return self

        def __exit__(self, *exc: object) -> None:
            pass

        def communicate(self, data: bytes, timeout: float) -> tuple[bytes, None]:
            seen["data"] = data
            return b'{"done": true}\n', None

    monkeypatch.setenv("CANARY", "hunter2")
    monkeypatch.setattr(subprocess, "Popen", Child)
    process.run_job("render", {"hosts": [{"secrets": {"a": "hunter2"}}]}, limits=Limits())
    assert b"hunter2" in seen.pop("data")
    assert "hunter2" not in repr(seen) and "CANARY" not in seen["env"]
