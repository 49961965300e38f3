# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine as a file on the host, and the commands by which people reach it (private).

``<instance>/bin/relmgmt-host`` leads to the engine that was installed last; it lies in a directory named by its
digest, which nothing rewrites. ``<root>/bin/relmgmt-host`` leads to a copy of its own, so that it outlives
every instance, and never to an engine that knows less than the one before it: what the newest engine has written, an
older one may not understand.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import math
import os
import pathlib
import re

from .disk import Disk
from .instance import Instance

__all__ = ["ARCHIVE", "FORMAT", "NAME", "install", "is_command"]

FORMAT = 3  # of what lies below a root; raised when an engine with a lower one cannot read what this one writes
NAME = "relmgmt-host"
ARCHIVE = NAME + ".pyz"
_TARGET = re.compile(r"([0-9]+)-[0-9a-f]{64}/" + re.escape(ARCHIVE) + r"\Z")


def install(instance: Instance, engine: bytes) -> pathlib.Path:
    """Keep the engine beside what it knows how to run, and let the commands for people lead to it; its path.

    Writes nothing where all of that is so. The caller holds the instance's lock.
    """
    digest = hashlib.sha256(engine).hexdigest()
    path = _place(instance.disk, engine, digest)
    instance.disk.point(f"{digest}/{ARCHIVE}", "bin", NAME)
    with contextlib.suppress(OSError):  # a convenience: nothing is staged or taken back any worse without it
        _offer(Disk(instance.root), engine, f"{FORMAT}-{digest}")
    return path


def is_command(root: pathlib.Path) -> bool:
    """Whether the root has the command for people."""
    return 0 <= _known(Disk(root)) < math.inf


def _place(disk: Disk, engine: bytes, name: str) -> pathlib.Path:
    if disk.read("bin", name, ARCHIVE) != engine:
        disk.make_directory("bin", name)
        disk.write(engine, "bin", name, ARCHIVE, mode=0o755)
        disk.sync_directory(disk.path("bin"))
    return disk.path("bin", name, ARCHIVE)


def _offer(root: Disk, engine: bytes, name: str) -> None:
    """Let the root's command lead to the engine. Whoever finds another instance's stage at it leaves it to that one.

    Raises:
        OSError: it is busy, or cannot be written.
    """
    handle = os.open(str(root.make_directory("bin")), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _known(root) <= FORMAT:
            _place(root, engine, name)
            root.point(f"{name}/{ARCHIVE}", "bin", NAME)
    finally:
        os.close(handle)


def _known(root: Disk) -> float:
    """The format that the root's engine knows; -1 where there is none, infinite where the name is somebody else's."""
    target = root.target("bin", NAME)
    ours = _TARGET.match(target)
    if ours is None:
        return math.inf if root.exists("bin", NAME) else -1
    return int(ours.group(1)) if root.exists("bin", *target.split("/")) else -1
