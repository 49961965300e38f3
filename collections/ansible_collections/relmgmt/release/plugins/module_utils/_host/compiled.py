# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine's bytecode, which a stage left beside the engine, so that a start need not compile its sources (private).

It is one file, ``bin/<digest>/<interpreter>.zip``: a line that says of which engine it is, for which interpreter, and
which bytes follow; then a zip of the modules, neither compressed nor with sources. It is loaded only where nobody but
root and this user can have written it, and where it is whole. Anything else counts as no bytecode.

This module itself is compiled at each start: it is small, and imports what every verb needs anyway.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pathlib
import stat
import sys

from .exposed import exposed

__all__ = ["file_name", "heading", "prefer", "usable"]

_KIND = "relmgmt-bytecode-1"
_LARGEST = 16 << 20


def file_name() -> str:
    """What the file is called for the interpreter that runs."""
    return f"{sys.implementation.cache_tag}.zip"


def heading(engine: bytes, archive: bytes) -> bytes:
    """The first line: the same for the same engine, interpreter and zip alone."""
    digests = (hashlib.sha256(data).hexdigest() for data in (engine, archive))
    interpreter = (str(sys.implementation.cache_tag), importlib.util.MAGIC_NUMBER.hex())
    return " ".join((_KIND, *interpreter, *digests)).encode("ascii") + b"\n"


def prefer(engine: bytes, instance: str) -> bool:
    """Import what is not yet imported of the engine from the instance's bytecode of it; False where there is none.

    What that lacks comes from the engine as before.
    """
    handle = usable(engine, os.path.join(instance, "bin", hashlib.sha256(engine).hexdigest()))
    if handle is None:
        return False
    # Read again by its handle, and so from the very file that was looked at, which nobody rewrites.
    for package in (__package__.rpartition(".")[0], __package__):
        sys.modules[package].__path__.insert(0, "/proc/self/fd/{}/{}".format(handle, package.replace(".", "/")))
    return True


def usable(engine: bytes, directory: str) -> int | None:
    """A handle of the engine's bytecode for this interpreter; None where there is none that can be trusted."""
    path = os.path.join(directory, file_name())
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        if _is_ours(os.fstat(handle), pathlib.Path(directory)) and _is_whole(engine, handle):
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


def _is_ours(status: os.stat_result, directory: pathlib.Path) -> bool:
    """Whether nobody but root and this user can have put these bytes there."""
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid in (0, os.geteuid())
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        and status.st_nlink == 1
        and status.st_size <= _LARGEST
        and directory.is_absolute()
        and exposed(directory, directory) is None
    )


def _is_whole(engine: bytes, handle: int) -> bool:
    with os.fdopen(os.dup(handle), "rb") as stream:
        line = stream.readline(1024)
        return line == heading(engine, stream.read(_LARGEST))
