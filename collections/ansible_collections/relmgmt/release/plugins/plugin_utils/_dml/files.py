# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories, locks and verified copies of DML and cache, and bytes compared with what was promised (private)."""

from __future__ import annotations

import collections.abc
import contextlib
import fcntl
import hashlib
import os
import pathlib
import stat
import time
import typing as t

from ...module_utils._model.digest import CHUNK, digest_stream
from ...module_utils._model.errors import ConflictError, IntegrityError
from .._files import write_file
from .limits import LIMITS, Limits

__all__ = ["checked", "chunks", "copy_verified", "exclusive", "holds", "make_directory"]


def chunks(stream: t.BinaryIO) -> collections.abc.Iterator[bytes]:
    """What is left in the stream."""
    while chunk := stream.read(CHUNK):
        yield chunk


def make_directory(path: pathlib.Path, *, mode: int) -> None:
    """Make the directory and what is missing above it; leave what is there as it is."""
    if not path.is_dir():
        make_directory(path.parent, mode=mode)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=mode)
            path.chmod(mode)


def copy_verified(
    data: collections.abc.Iterable[bytes], path: pathlib.Path, *, digest: str, size: int, what: str, mode: int = 0o644
) -> None:
    """Put the bytes at ``path`` if they are those that were promised; never take more than promised.

    Raises:
        IntegrityError: they are not (``blob-tampered``); nothing is left behind.
        OSError: the system refused.
    """
    write_file(path, checked(data, digest=digest, size=size, what=what), mode=mode)


def checked(
    data: collections.abc.Iterable[bytes], *, digest: str, size: int, what: str
) -> collections.abc.Iterator[bytes]:
    """The bytes as they come; at the end it is known whether they are those that were promised.

    Raises:
        IntegrityError: they are not (``blob-tampered``).
    """
    sha, length = hashlib.sha256(), 0
    for chunk in data:
        sha.update(chunk)
        length += len(chunk)
        if length > size:
            break
        yield chunk
    if length != size or f"sha256:{sha.hexdigest()}" != digest:
        found = f"more than {size}" if length > size else f"{length} with digest sha256:{sha.hexdigest()}"
        raise IntegrityError(
            "blob-tampered",
            f"{what}: {size} bytes with digest {digest} were promised, but found {found}",
            hint="The file was changed or damaged after it was published; publishing the same package again mends it.",
        )


def holds(path: str | pathlib.Path, *, digest: str, size: int, mode: int | None = None) -> bool:
    """Whether the file is there with this size and digest, and with this mode if one is given."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        fits = found.st_size == size and mode in (None, stat.S_IMODE(found.st_mode))
        return fits and digest_stream(stream) == (digest, size)


@contextlib.contextmanager
def exclusive(path: pathlib.Path, *, what: str, limits: Limits = LIMITS) -> collections.abc.Iterator[None]:
    """Hold the lock file; the system lets go of it when the process ends, however it ends.

    Raises:
        ConflictError: somebody else keeps it for longer than ``limits.lock_wait`` (``dml-busy``).
        OSError: the lock file cannot be opened.
    """
    deadline = time.monotonic() + limits.lock_wait
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        while not _locked(descriptor):
            if time.monotonic() >= deadline:
                raise ConflictError(
                    "dml-busy",
                    f"{what}: another process has held {path} for more than {limits.lock_wait:g} s",
                    hint="Wait until it is done, or find it with: fuser -v " + str(path),
                )
            time.sleep(limits.lock_poll)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
