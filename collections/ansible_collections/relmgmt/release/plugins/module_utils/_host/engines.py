# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Engines of an instance that nobody needs any more (private).

Needed are the newest, those that a capsule or a unit names, and those that a process runs: it goes on reading them.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import typing as t

from .capsule import Capsule
from .engine_file import NAME
from .guard_systemd import units_of
from .instance import Instance
from .systemctl import UNITS

__all__ = ["unneeded"]


def unneeded(
    instance: Instance,
    kept: t.Iterable[int],
    *,
    units: pathlib.Path = UNITS,
    proc: pathlib.Path = pathlib.Path("/proc"),
) -> list[str]:
    """Names below ``bin``. kept: the deployments that stay. The caller holds the lock."""
    disk = instance.disk
    found = [name for name in disk.names("bin") if name != NAME]
    if not found:
        return []
    words = [disk.target("bin", NAME), *_in_units(instance, units), *_in_use(proc)]
    words += [str((Capsule(instance, number).document() or {}).get("engine", "")) for number in kept]
    return [name for name in found if not any(name in word for word in words)]


def _in_units(instance: Instance, units: pathlib.Path) -> t.Iterator[str]:
    for name in units_of(instance.path):
        with contextlib.suppress(FileNotFoundError):
            yield (units / name).read_text(encoding="utf-8", errors="replace")


def _in_use(proc: pathlib.Path) -> t.Iterator[str]:
    """The command lines of all processes."""
    for name in os.listdir(str(proc)):
        if name.isdigit():
            with contextlib.suppress(OSError):  # it has ended
                yield (proc / name / "cmdline").read_bytes().decode("utf-8", "replace")
