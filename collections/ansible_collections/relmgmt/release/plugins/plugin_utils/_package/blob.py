# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packing a tree: entries with digests, and a blob that is the same bytes on every machine (private).

A blob is a tar in GNU format of the files alone, sorted by path, owner 0, time 0, compressed with zstandard in one
thread. Links are in the entries only. The compressed bytes depend on the release of libzstd; a unit's digest does not.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import typing as t

from ...module_utils._model.digest import CHUNK
from ...module_utils._model.errors import InputError
from ...module_utils._model.manifest import Blob, Entry
from .._optional import optional
from .limits import LIMITS, Limits
from .tree import Node, Tree

__all__ = ["LEVEL", "pack"]

if t.TYPE_CHECKING:
    from zstandard import ZstdCompressor
else:
    (ZstdCompressor,) = optional("zstandard", "ZstdCompressor", package="zstandard")

LEVEL = 10


class _Sink:
    """Counts and digests what passes; writes it on if there is somewhere to write."""

    def __init__(self, target: t.BinaryIO | None) -> None:
        self._target = target
        self._sha = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> int:
        self._sha.update(data)
        self._size += len(data)
        if self._target is not None:
            self._target.write(data)
        return len(data)

    def flush(self, *_arguments: object) -> None:
        """Nothing is held back."""

    @property
    def digest(self) -> str:
        return "sha256:" + self._sha.hexdigest()

    @property
    def size(self) -> int:
        return self._size


class _Reader:
    """A file of known length that is digested while it is read."""

    def __init__(self, stream: t.BinaryIO) -> None:
        self._stream = stream
        self.sha = hashlib.sha256()

    def read(self, size: int = CHUNK) -> bytes:
        data = self._stream.read(size)
        self.sha.update(data)
        return data


def pack(
    tree: Tree, target: t.BinaryIO | None, *, what: str, limits: Limits = LIMITS
) -> tuple[Blob, tuple[Entry, ...]]:
    """Write the blob of a tree to ``target`` (nowhere if there is none).

    Raises:
        InputError: the tree is too large, or a file changes while it is read (``file-changed``).
    """
    sink = _Sink(target)
    entries: list[Entry] = []
    left = limits.unit_bytes
    compressor = ZstdCompressor(level=LEVEL, threads=0, write_checksum=True, write_content_size=False)
    with (
        compressor.stream_writer(t.cast("t.BinaryIO", sink), closefd=False) as stream,
        tarfile.open(
            fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="strict"
        ) as archive,
    ):
        for path, node in tree:
            if node.is_file:
                entry = _add(archive, path, node, left, what=what)
                left -= entry.size
            else:
                entry = Entry(path, link=node.link, state=node.state)
            entries.append(entry)
    return Blob(sink.digest, sink.size), tuple(entries)


def _add(archive: tarfile.TarFile, path: str, node: Node, left: int, *, what: str) -> Entry:
    try:
        with node.open() as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            if size > left:
                raise InputError(
                    "unit-too-large",
                    f"{what}: its files are larger than allowed, the first too many is {path}",
                    hint="Exclude what does not belong there, or make several units.",
                )
            reader = _Reader(stream)
            archive.addfile(_header(path, size, node.mode), t.cast("t.BinaryIO", reader))
            if stream.read(1):
                raise OSError("it grew")
    except OSError as exc:
        raise InputError(
            "file-changed",
            f"{what}: {path} cannot be read to its end ({exc.strerror or exc})",
            hint="Build from a directory that nobody writes to.",
        ) from None
    return Entry(path, mode=node.mode, size=size, digest="sha256:" + reader.sha.hexdigest())


def _header(path: str, size: int, mode: str) -> tarfile.TarInfo:
    header = tarfile.TarInfo(path)
    header.size = size
    header.mode = int(mode, 8)
    return header
