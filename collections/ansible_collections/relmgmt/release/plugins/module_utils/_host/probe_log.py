# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe ``log``: what the service has said since it was started (private).

In a file, that is what was written behind the mark that the engine took then, rotated once or not; in the journal, what
the unit's current invocation said. Of more than 4 MiB the newest are read.
"""

from __future__ import annotations

import os
import re
import typing as t

from .._model.errors import InputError
from .._model.probe import Mark, Probe
from .asking import NotAsked
from .lines import MAX_READ, found, opened
from .process import Runner
from .systemctl import systemctl

__all__ = ["ask", "check"]

_ROTATED = ".1"
_FOUND, _NOT_FOUND = 0, 1


def check(probe: Probe) -> None:
    if not probe.pattern.strip("*") or bool(probe.path) == bool(probe.unit):
        raise InputError(
            "probe-malformed", f"probe {probe.name}: a log probe needs a pattern, and a path or a unit to look in"
        )


def ask(probe: Probe, *, runner: Runner, clock: t.Callable[[], float]) -> tuple[bool, str]:
    where = probe.path or f"the journal of {probe.unit}"
    there = found(probe.pattern, _said(probe)) if probe.path else _in_journal(probe, runner)
    said = f"{where}: {probe.pattern!r} {'stands' if there else 'does not stand'} there"
    return there != probe.never, said


def _said(probe: Probe) -> bytes:
    """What was written behind the mark: in the file, in front of it what was left of one that was rotated away."""
    mark = probe.mark or Mark(0, 0, 0)
    file = opened(probe.path)
    if file is None:
        return b""
    with os.fdopen(file[0], "rb") as stream:
        status = file[1]
        same = (status.st_dev, status.st_ino) == (mark.device, mark.inode)
        before = b"" if same or not mark.inode else _rest(probe.path + _ROTATED, mark)
        begin = mark.size if same and status.st_size >= mark.size else 0
        stream.seek(max(begin, status.st_size - MAX_READ))
        return before + stream.read(MAX_READ)


def _rest(path: str, mark: Mark) -> bytes:
    """What stands behind the mark in a file that was rotated away; nothing if it is another one."""
    file = opened(path)
    if file is None:
        return b""
    with os.fdopen(file[0], "rb") as stream:
        if (file[1].st_dev, file[1].st_ino) != (mark.device, mark.inode):
            return b""
        stream.seek(max(mark.size, file[1].st_size - MAX_READ))
        return stream.read(MAX_READ)


def _in_journal(probe: Probe, runner: Runner) -> bool:
    shown = systemctl(runner, "show", "--property=InvocationID", probe.unit, timeout=probe.timeout)
    invocation = shown.output.strip().rpartition("=")[2]
    if shown.code or shown.timed_out or not invocation.isalnum():
        raise NotAsked(f"systemd knows of no start of {probe.unit}")
    done = runner.run(
        (
            *("journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=1", "--case-sensitive=yes"),
            "--grep=" + ".*".join(map(re.escape, probe.pattern.split("*"))),
            "_SYSTEMD_INVOCATION_ID=" + invocation,
        ),
        timeout=probe.timeout,
    )
    if done.timed_out or done.code not in (_FOUND, _NOT_FOUND) or (done.code and done.output.strip()):
        raise NotAsked("the journal does not answer")  # what it says instead may be what the service said
    return done.code == _FOUND
