# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keeper of what a run has leased from stores of secrets: a process beside the run (private).

A wave may take longer than a lease lives, so somebody renews it while the playbook runs; and gives it back when that
has ended, however it ended. What it needs, a token above all, lies in the run directory alone, for its owner.
``rollout_close`` gives back by itself, so that it can tell what went wrong; the keeper then finds the file gone.
"""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import typing as t

from ..module_utils._model.errors import BackendError, RelmgmtError
from ._beside import detach, start_beside
from ._registry import Holder, heartbeat
from ._secrets import Kept, give_back, renew

__all__ = ["end", "given_back", "keep", "main", "start"]

FILE = "leases.json"


def start(directory: pathlib.Path, kept: collections.abc.Sequence[Kept], holder: Holder) -> None:
    """Let it be renewed for as long as the holder lives and ``end`` was not called.

    Raises:
        BackendError: no process can be started (``keeper-failed``); the caller gives back.
    """
    file = directory / FILE
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump([each.to_dict() for each in kept], stream)
    try:
        start_beside(__name__, {"file": str(file), "holder": dataclasses.asdict(holder)})
    except (OSError, subprocess.CalledProcessError) as exc:
        file.unlink()
        raise BackendError(
            "keeper-failed",
            f"The process that keeps what was leased for the run cannot be started: {type(exc).__name__}",
            hint=f"See whether {sys.executable or 'Python'} can be run by this user.",
        ) from exc


def end(directory: pathlib.Path) -> list[str]:
    """Give back what the run has leased, if anything; what is wrong where that failed, for people."""
    file = directory / FILE
    kept = _read(file)
    with contextlib.suppress(OSError):
        file.unlink()
    return given_back(kept)


def given_back(kept: collections.abc.Iterable[Kept]) -> list[str]:
    """Revoke it; what is wrong where that failed, for people."""
    said = []
    for each in kept:
        with contextlib.closing(each.line()) as line:
            said.append(give_back(each, line))
    return [text for text in said if text]


def main(request: dict[str, t.Any]) -> None:
    """The process itself."""
    detach()
    file, holder = pathlib.Path(request["file"]), Holder(**request["holder"])
    keep(file, lambda: heartbeat.lives(holder))


def keep(file: pathlib.Path, lives: collections.abc.Callable[[], bool], **times: t.Any) -> None:
    """Renew until the run has ended or has given back, then see that it is given back.

    Args:
        times: ``clock`` and ``sleep`` of ``heartbeat.beat``.
    """
    kept = _read(file)
    if not kept:
        return

    def renew_all() -> None:
        failed: list[RelmgmtError] = []
        for each in kept:
            # A new line each time: one that has waited for long enough gives up for good.
            with contextlib.closing(each.line()) as line:
                try:
                    renew(each, line)
                except RelmgmtError as exc:
                    failed.append(exc)
        if failed:
            raise failed[0]

    heartbeat.beat(renew_all, lambda: file.exists() and lives(), every=min(each.every for each in kept), **times)
    if file.exists():
        end(file.parent)


def _read(file: pathlib.Path) -> list[Kept]:
    try:
        return [Kept.from_dict(each) for each in json.loads(file.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, KeyError):
        return []
