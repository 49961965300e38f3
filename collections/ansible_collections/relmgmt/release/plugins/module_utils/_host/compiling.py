# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiling the engine, once for all its starts on this host; how that is used says ``compiled`` (private)."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import marshal
import os
import pathlib
import sys
import zipfile

from .compiled import file_name, heading, usable
from .disk import Disk

__all__ = ["compiled", "keep"]

_UNCHECKED = (1).to_bytes(4, "little") + bytes(8)  # no source is looked for, and so none is compared
_MAIN = "__main__.py"
_SOURCES = "relmgmt-host.pyz"  # where the code says that it comes from


def keep(engine: bytes, directory: pathlib.Path) -> None:
    """Leave the engine's bytecode for this interpreter in the engine's directory, durably; nothing where it is.

    A convenience: whatever stands in the way of it leaves things as they are. The room that is set aside for the way
    back is not touched. The caller holds the instance's lock.
    """
    handle = usable(engine, str(directory))
    if handle is not None:
        os.close(handle)
        return
    if sys.implementation.cache_tag is None:
        return
    with contextlib.suppress(OSError, SyntaxError, ValueError, zipfile.BadZipFile):
        Disk(directory).write(compiled(engine), file_name())


def compiled(engine: bytes) -> bytes:
    """The engine's modules as bytecode of this interpreter, in the form of the file.

    Raises:
        BadZipFile, SyntaxError, ValueError: it is no engine for this interpreter.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(engine)) as sources, zipfile.ZipFile(archive, "w") as modules:
        for name in sources.namelist():
            if name != _MAIN:
                code = compile(sources.read(name), f"{_SOURCES}/{name}", "exec", dont_inherit=True)
                module = importlib.util.MAGIC_NUMBER + _UNCHECKED + marshal.dumps(code)
                modules.writestr(zipfile.ZipInfo(name + "c"), module)
    return heading(engine, archive.getvalue()) + archive.getvalue()
