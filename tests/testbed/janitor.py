# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who makes a bed's namespaces and, however the bed ends, leaves the machine as it was.

It lives as long as the bed. Its standard input is held by whoever asked for the bed: when that closes before the word
``keep`` came, the bed goes too. The bed also goes with the janitor, and then the next call to ``sweep`` does its work.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import typing as t

from . import kernel
from .system import STATE, alone, children, command, groups, wait_for

__all__ = ["beds", "lives", "sweep", "tend"]

_HOLDER = pathlib.Path(__file__).with_name("holder.py")
_NAMESPACES = ("--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--propagation=private")


def beds() -> list[str]:
    """Names of all beds that are up, or that left something behind."""
    found = STATE.iterdir() if STATE.is_dir() else ()
    return sorted(path.name for path in found if path.is_dir())


def lives(bed: str) -> bool:
    """Whether the bed's janitor is there."""
    try:
        with open(STATE / bed / "janitor") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def sweep(bed: str) -> None:
    """End what runs of the bed and remove what it left."""
    group = groups(bed)
    if group.is_dir():
        (group / "cgroup.kill").write_text("1")
        wait_for(
            f"The end of the processes of bed {bed}", lambda: "populated 0" in (group / "cgroup.events").read_text()
        )
        for path, _directories, _files in os.walk(group, topdown=False):
            os.rmdir(path)
        with contextlib.suppress(OSError):  # Another bed is in it.
            group.parent.rmdir()
    command("ip", "link", "delete", f"bed-{bed}", check=False)
    _hang_up(STATE / bed / "cp")
    kernel.lower(bed)
    with alone():
        shutil.rmtree(STATE / bed, ignore_errors=True)


def _hang_up(sockets: pathlib.Path) -> None:
    """End the ssh connections that Ansible left open to the bed's hosts."""
    for socket in sockets.glob("*") if sockets.is_dir() else ():
        command("ssh", "-o", f"ControlPath={socket}", "-O", "exit", "bed", check=False)


def tend(bed: str) -> None:
    """Be the bed's janitor; returns when the bed is gone."""
    directory = STATE / bed
    with open(directory / "janitor", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(str(os.getpid()))
        lock.flush()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        try:
            kernel.raise_for(bed)
            _hold(directory)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            sweep(bed)


def _hold(directory: pathlib.Path) -> None:
    """Make the namespaces, say which process holds them, and wait for their end or for being told to end them."""
    disk = directory / "disk"
    disk.mkdir()
    words = ["setpriv", "--pdeathsig=KILL", "unshare", *_NAMESPACES, sys.executable, "-I", str(_HOLDER), str(disk)]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as unshare:
        try:
            if t.cast("t.IO[bytes]", unshare.stdout).readline() == b"ready\n":
                (directory / ".holder").write_text(str(children(unshare.pid)[0]))
                (directory / ".holder").rename(directory / "holder")
                _wait(unshare.pid)
        finally:
            unshare.kill()


def _wait(process: int) -> None:
    ended = os.pidfd_open(process)
    watched: list[int] = [ended, sys.stdin.fileno()]
    while watched:
        ready, _write, _other = select.select(watched, [], [])
        if ended in ready:
            return
        if b"keep" not in os.read(sys.stdin.fileno(), 16):
            return
        watched = [ended]
