# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far the logs that probes look into had been written when the service was started (private).

Without that, what the release before has said would speak for the one that is judged, or against it.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from .._model.errors import RelmgmtError
from .._model.probe import Mark, Probe
from .._model.record import replace
from .._model.runtime import Runtime
from .disk import Disk

__all__ = ["marked", "take_marks"]

_RECORD = ("run", "logs.json")


def take_marks(disk: Disk, probes: t.Sequence[Probe]) -> None:
    """Remember where the logs of the probes end. Nothing runs. Raises OSError."""
    paths = _logs(probes)
    if paths:
        disk.make_directory(_RECORD[0])
        data = json.dumps({path: _end_of(path) for path in paths}, sort_keys=True)
        disk.write(data.encode("utf-8"), *_RECORD, mode=0o600)


def marked(disk: Disk, runtime: Runtime) -> Runtime:
    """The runtime, its probes of logs with their marks."""
    if not _logs(runtime.probes):
        return runtime
    marks = {}
    with contextlib.suppress(RelmgmtError, TypeError):
        marks = {path: Mark(*values) for path, values in (disk.read_json(*_RECORD) or {}).items()}
    probes = tuple(replace(probe, mark=marks.get(probe.path)) for probe in runtime.probes)
    return replace(runtime, probes=probes)


def _logs(probes: t.Sequence[Probe]) -> list[str]:
    return [probe.path for probe in probes if probe.kind == "log" and probe.path]


def _end_of(path: str) -> Mark:
    try:
        status = os.stat(path)
    except OSError:
        return Mark(0, 0, 0)
    return Mark(status.st_dev, status.st_ino, status.st_size)
