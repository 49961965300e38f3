# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members of a zip (private).

A zip says everything twice: in front of each member, and in the directory at its end. Where the two differ, two readers
find different things in it; so they must agree, and between the members there is room for nothing else.
"""

from __future__ import annotations

import lzma
import os
import pathlib
import stat
import struct
import typing as t
import zipfile
import zlib

from ...module_utils._model.digest import CHUNK
from ...module_utils._model.errors import InputError
from .limits import Limits
from .member import Budget, Member, ambiguous, damaged

__all__ = ["MAGIC", "read_zip"]

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_LOCAL = struct.Struct(
    "<4s2xHH4xLLLHH"
)  # signature, flags, method, CRC, sizes packed and not, lengths of name and extra
_ENCRYPTED, _SIZES_FOLLOW, _UTF8 = 0x1, 0x8, 0x800
_FOLLOWING = (12, 16, 20, 24)  # bytes of sizes that follow a member: with a signature or not, large or not
_END = 22
_UNIX = 3
_IN_EXTRA = 0xFFFFFFFF


def read_zip(path: pathlib.Path, limits: Limits) -> t.Iterator[Member]:
    """The members.

    Raises:
        InputError: see ``archive.collect``.
    """
    budget = Budget(path, limits)
    try:
        with path.open("rb") as raw, zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            for _info in infos:
                budget.count()
            _check_layout(raw, archive, infos)
            for info in infos:
                yield _member(archive, info, budget)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, struct.error) as exc:
        raise damaged(str(exc)) from None
    except (NotImplementedError, RuntimeError) as exc:  # a method that Python does not know; encrypted
        raise InputError("archive-unsupported", str(exc), hint="Pack it as other zips are packed.") from None


def _check_layout(raw: t.BinaryIO, archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> None:
    """Everything in the file belongs to a member, the directory or its end."""
    at = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        begin = _check_header(raw, info)
        gap = info.header_offset - at
        if gap:
            raise ambiguous(f"{info.orig_filename!r} does not begin where the member before it ends")
        at = begin + info.compress_size
        if info.flag_bits & _SIZES_FOLLOW:
            at += _following(raw, at, info)
    raw.seek(-(_END + len(archive.comment)), os.SEEK_END)
    if at != archive.start_dir or raw.read(4) != MAGIC[1]:
        raise ambiguous("something hides behind its last member, or behind its end")


def _check_header(raw: t.BinaryIO, info: zipfile.ZipInfo) -> int:
    """Compare what stands in front of a member with the directory; where its bytes begin."""
    raw.seek(info.header_offset)
    signature, flags, method, crc, packed, size, name_length, extra_length = _LOCAL.unpack(raw.read(_LOCAL.size))
    name = raw.read(name_length)
    code = "utf-8" if info.flag_bits & _UTF8 else "cp437"
    known = (crc, packed, size) == (info.CRC, info.compress_size, info.file_size)
    if flags & _SIZES_FOLLOW and not (crc or packed or size) or _IN_EXTRA in (packed, size):
        known = True  # the sizes stand elsewhere; the bytes are compared with the directory's when they are read
    same = (signature, flags, method) == (MAGIC[0], info.flag_bits, info.compress_type)
    if not same or not known or name != info.orig_filename.encode(code):
        raise ambiguous(f"{info.orig_filename!r} is something else in front of the member than in the directory")
    return raw.tell() + int(extra_length)


def _following(raw: t.BinaryIO, at: int, info: zipfile.ZipInfo) -> int:
    """How many bytes of sizes follow a member."""
    raw.seek(at)
    data = raw.read(max(_FOLLOWING))
    for form in ("<4sLLL", "<4sLQQ"):
        signed = struct.Struct(form)
        for head, layout in ((b"PK\x07\x08", signed), (b"", struct.Struct(form.replace("4s", "")))):
            found = layout.unpack(data[: layout.size]) if len(data) >= layout.size else ()
            if found[-3:] == (info.CRC, info.compress_size, info.file_size) and data.startswith(head):
                return layout.size
    raise ambiguous(f"the sizes behind {info.orig_filename!r} are not those in the directory")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> Member:
    name = info.orig_filename
    if not info.flag_bits & _UTF8 and not name.isascii():
        raise InputError("path-unsafe", f"the name {name!r} is not UTF-8", hint="Pack it anew with plain names.")
    if info.filename != name:
        raise InputError("path-unsafe", f"the name {name!r} holds NUL, or has a second form", hint="Pack it anew.")
    data = _data(archive, info, budget)
    mode = info.external_attr >> 16 if info.create_system == _UNIX else 0
    if name.endswith("/"):
        if data:
            raise damaged(f"the directory {name!r} has contents")
        return Member(name, stat.S_IFDIR | stat.S_IMODE(mode))
    if stat.S_ISLNK(mode):
        try:
            return Member(name, mode, link=data.decode("utf-8"))
        except UnicodeDecodeError:
            raise InputError("link-escapes", f"the link {name!r} leads to no name", hint="Pack it anew.") from None
    return Member(name, mode if stat.S_IFMT(mode) else stat.S_IFREG | stat.S_IMODE(mode), data)


def _data(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> bytes:
    parts = []
    with archive.open(info) as stream:
        for part in iter(lambda: stream.read(CHUNK), b""):
            budget.take(len(part))
            parts.append(part)
    data = b"".join(parts)
    if len(data) != info.file_size:
        raise damaged(f"{info.orig_filename!r} has another length than it says")
    return data
