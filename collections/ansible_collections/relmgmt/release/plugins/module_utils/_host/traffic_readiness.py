# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that exists while the host is in traffic, for whoever a load balancer asks (private).

Root writes and removes it at a place that a package names. So it lies where nobody else can put a link or a file of
theirs, it is nowhere among the engine's own files, and what was there before and is no readiness file stays untouched.
"""

from __future__ import annotations

import os
import pathlib
import stat

from .._model.errors import BackendError, ConflictError, InputError
from .._model.runtime import Traffic
from .disk import Disk
from .exposed import exposed
from .process import Runner

__all__ = ["NAME", "READY", "ReadinessFile"]

NAME = "traffic"  # of the instance's own file
READY = b"ready\n"
_MODE = 0o644


class ReadinessFile:
    """See ``traffic.TrafficDriver``."""

    def __init__(self, traffic: Traffic, *, instance: pathlib.Path, runner: Runner) -> None:
        own = instance / NAME
        self._path = pathlib.Path(traffic.path) if traffic.path else own
        self._own = self._path == own
        self._disk = Disk(self._path.parent)
        if not self._own and _below(self._path, instance.parents[2]):
            raise InputError(
                "traffic-path-taken",
                f"traffic.path: {self._path} lies among the files of the root {instance.parents[2]}",
                hint=f"Leave it out, which means {own}, or name a file outside of the root.",
            )

    def check(self) -> None:
        if not self._own:
            self._check_directory()
        if self.inside() and not self._is_ours():
            raise ConflictError(
                "traffic-file-foreign",
                f"traffic.path: {self._path} is there and is no readiness file",
                hint="Name another file, or take away what is there.",
            )

    def inside(self) -> bool:
        return self._disk.exists(self._path.name)

    def enter(self) -> None:
        self.check()
        if self.inside():
            self._disk.sync(self._path.name)
            self._disk.sync_directory(self._path.parent)
        else:
            self._disk.write(READY, self._path.name, mode=_MODE)

    def leave(self) -> None:
        if self.inside():
            self.check()
        if self._path.parent.is_dir():
            self._disk.remove(self._path.name)  # durable also where it is gone already

    def close(self) -> None:
        """Whoever looks at the file sends nothing."""

    def _check_directory(self) -> None:
        directory = self._path.parent
        if not directory.is_dir():
            raise BackendError(
                "traffic-directory-missing",
                f"traffic.path: {directory} is not a directory",
                hint="Create it before the rollout; it belongs to root and nobody else may write it.",
            )
        others = exposed(directory, directory)
        if others:
            raise InputError(
                "traffic-path-exposed",
                f"traffic.path: {others[0]}, in the path of {self._path}, can be written by others ({others[1]})",
                hint="Name a file below directories that only root or this user may write.",
            )

    def _is_ours(self) -> bool:
        status = os.lstat(str(self._path))
        regular = stat.S_ISREG(status.st_mode) and status.st_size == len(READY)
        return regular and self._disk.read(self._path.name) == READY


def _below(path: pathlib.Path, root: pathlib.Path) -> bool:
    """Whether the path leads below the root, by its name or by links on the way."""
    real = pathlib.Path(os.path.realpath(str(path.parent)), path.name)
    return root in path.parents or pathlib.Path(os.path.realpath(str(root))) in real.parents
