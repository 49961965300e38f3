# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members of a tar, plain or compressed (private).

The stream is read once, from front to end, and never further than its budget: padding, headers and what hides behind
the end mark cost as well.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import pathlib
import stat
import tarfile
import typing as t
import zlib

from ...module_utils._model.digest import CHUNK
from ...module_utils._model.errors import InputError
from .._optional import optional
from .limits import Limits
from .member import Budget, Member, damaged

__all__ = ["MAGIC", "read_tar"]

if t.TYPE_CHECKING:
    from zstandard import ZstdDecompressor, ZstdError
else:
    ZstdDecompressor, ZstdError = optional("zstandard", "ZstdDecompressor", "ZstdError", package="zstandard")

_Open = t.Callable[[t.BinaryIO, Limits], t.Any]
MAGIC: dict[bytes, _Open] = {
    b"\x1f\x8b": lambda stream, _limits: gzip.GzipFile(fileobj=stream),
    b"BZh": lambda stream, _limits: bz2.BZ2File(stream),
    b"\xfd7zXZ\x00": lambda stream, _limits: lzma.LZMAFile(stream),  # noqa: SIM115  # who opens it closes what lies below
    b"\x28\xb5\x2f\xfd": lambda stream, limits: ZstdDecompressor(max_window_size=limits.window).stream_reader(
        stream, read_across_frames=True
    ),
}
_TYPES = {
    tarfile.REGTYPE: stat.S_IFREG,
    tarfile.AREGTYPE: stat.S_IFREG,
    tarfile.LNKTYPE: stat.S_IFREG,
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.DIRTYPE: stat.S_IFDIR,
}
_ATTRIBUTES = ("SCHILY.xattr.", "LIBARCHIVE.xattr.", "SCHILY.acl.", "RHT.")
_END = bytes(tarfile.BLOCKSIZE)


class _Stream:
    """What comes out of the decompressor, within the budget; remembers how it ends."""

    def __init__(self, stream: t.Any, budget: Budget) -> None:
        self._stream, self._budget = stream, budget
        self._tail = b""

    def read(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        self._budget.take(len(data))
        self._tail = (self._tail + data)[-len(_END) :]
        return data

    def finish(self) -> None:
        """Read the rest; a tar without its end mark was cut short, or something hides behind it."""
        while self.read(CHUNK):
            pass
        if self._tail != _END:
            raise damaged("it does not end where a tar ends")


def read_tar(path: pathlib.Path, limits: Limits) -> t.Iterator[Member]:
    """The members, hard links as the files that they are links to.

    Raises:
        InputError: see ``archive.collect``.
    """
    budget = Budget(path, limits)
    with path.open("rb") as raw:
        start = raw.read(max(map(len, MAGIC)))
        raw.seek(0)
        opened = [MAGIC[magic] for magic in MAGIC if start.startswith(magic)]
        stream = _Stream(opened[0](raw, limits) if opened else raw, budget)
        try:
            with tarfile.open(
                fileobj=t.cast("t.BinaryIO", stream), mode="r|", encoding="utf-8", errors="strict"
            ) as archive:
                yield from _members(archive, budget)
            stream.finish()
        except UnicodeDecodeError:
            raise InputError(
                "path-unsafe", "a name in it is not UTF-8", hint="Pack it anew with plain names."
            ) from None
        except (tarfile.TarError, ZstdError, lzma.LZMAError, zlib.error, EOFError, OSError) as exc:
            raise damaged(str(exc)) from None


def _members(archive: tarfile.TarFile, budget: Budget) -> t.Iterator[Member]:
    contents: dict[str, bytes] = {}
    for info in archive:
        budget.count()
        kind = 0 if info.issparse() else _TYPES.get(info.type, 0)
        mode = kind | stat.S_IMODE(info.mode)
        attributes = tuple(name for name in info.pax_headers if name.startswith(_ATTRIBUTES))
        if info.type == tarfile.LNKTYPE:
            if info.linkname not in contents:
                raise InputError(
                    "link-escapes",
                    f"{info.name!r} is a hard link to {info.linkname!r}, which is no file in front of it",
                    hint="Ask whoever made it to pack the file itself.",
                )
            data = contents[info.linkname]
            budget.take(len(data))
        else:
            source = archive.extractfile(info) if kind == stat.S_IFREG else None
            data = source.read() if source is not None else b""
            if len(data) != (info.size if kind == stat.S_IFREG else 0):
                raise damaged(f"{info.name!r} is cut short")
        if kind == stat.S_IFREG:
            contents[info.name] = data
        yield Member(info.name, mode, data, info.linkname if kind == stat.S_IFLNK else "", attributes)
