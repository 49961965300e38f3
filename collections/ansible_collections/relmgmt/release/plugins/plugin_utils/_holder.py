# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who holds a lease, and whether that process still lives (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import os
import pathlib
import platform

__all__ = ["Alive", "Holder", "is_alive", "is_near"]

_PROC = pathlib.Path("/proc")


@dataclasses.dataclass(frozen=True)
class Holder:
    """A process: host, boot of the host and pid namespace (a container has pids of its own), pid, start time in ticks.

    ``boot`` or ``started`` is empty where the system does not tell; then nobody can say that the process is gone.
    """

    host: str
    boot: str
    pid: int
    started: str

    @classmethod
    def of(cls, pid: int | None = None) -> Holder:
        """A process of this machine, by default the calling one."""
        pid = os.getpid() if pid is None else pid
        return cls(platform.node(), _boot(), pid, _started(pid))

    @classmethod
    def run(cls) -> Holder:
        """The playbook's process: a verb works in a child of it."""
        return cls.of(os.getppid())

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


Alive = collections.abc.Callable[[Holder], bool]


def is_near(holder: Holder) -> bool:
    """Whether it can be seen from here if the process lives: it is one of this host, boot and pid namespace."""
    return bool(holder.boot and holder.started) and (holder.host, holder.boot) == (platform.node(), _boot())


def is_alive(holder: Holder) -> bool:
    """False only if it is certain that the process is gone."""
    return not is_near(holder) or _started(holder.pid) == holder.started


def _boot() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink(_PROC / 'self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Field 22 of /proc/PID/stat, behind a command name that may hold anything. Empty: no such process, or a zombie."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]
