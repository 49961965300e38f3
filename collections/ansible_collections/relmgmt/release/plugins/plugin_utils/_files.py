# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the controller writes files (private).

A reader sees a file whole or not at all: temporary file beside it, fsync, rename, fsync of the directory.
"""

from __future__ import annotations

import collections.abc
import contextlib
import os
import pathlib
import stat
import tempfile

from ..module_utils._model.errors import BackendError

__all__ = ["sync_directory", "write_file", "write_text"]


def write_file(path: pathlib.Path, data: collections.abc.Iterable[bytes], *, mode: int, replace: bool = True) -> None:
    """Put the bytes at ``path``, atomically and durably.

    Raises:
        FileExistsError: something is there and ``replace`` is false.
        OSError: the system refused.
    """
    descriptor, name = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.writelines(data)
            os.fchmod(stream.fileno(), mode)
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            os.rename(name, path)
        else:
            os.link(name, path)
            os.unlink(name)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    sync_directory(path.parent)


def sync_directory(path: pathlib.Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: pathlib.Path, text: str) -> None:
    """Put the text at ``path`` as UTF-8; a file that is there keeps its mode.

    Raises:
        BackendError: the system refused (``file-unwritable``).
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
        write_file(path, [text.encode()], mode=mode)
    except OSError as exc:
        raise BackendError(
            "file-unwritable",
            f"{path} cannot be written ({exc.strerror})",
            hint="Name a file in a directory that is there, and that you may write to.",
        ) from None
