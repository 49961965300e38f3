# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpacking a package: the files that the manifest lists, with the bytes it lists, and nothing else (private)."""

from __future__ import annotations

import hashlib
import os
import pathlib
import tarfile
import typing as t

from ...module_utils._model.digest import CHUNK
from ...module_utils._model.errors import BackendError, InputError, IntegrityError
from ...module_utils._model.manifest import Entry, Unit
from .._optional import optional
from .layout import Layout
from .limits import LIMITS, Limits

__all__ = ["unpack"]

if t.TYPE_CHECKING:
    from zstandard import ZstdDecompressor, ZstdError
else:
    ZstdDecompressor, ZstdError = optional("zstandard", "ZstdDecompressor", "ZstdError", package="zstandard")

_HEADERS = 4 * 512  # what a file may cost in a tar besides its bytes: header, long name, padding


def unpack(layout: Layout, destination: pathlib.Path, *, limits: Limits = LIMITS) -> None:
    """Fill ``destination`` with ``manifest.json``, ``units/<name>/…`` and ``config/…``.

    The destination is made if it is not there, else it must be empty. Only files are written: links are in the
    manifest, for hosts to make.

    Raises:
        IntegrityError: the layout or a blob is not what the manifest says; what was written so far is of no use.
        InputError: ``destination`` is not empty (``output-foreign``).
        BackendError: it cannot be written (``output-unwritable``).
    """
    manifest = layout.verify()
    try:
        destination.mkdir(parents=True, exist_ok=True)
        if any(destination.iterdir()):
            raise InputError("output-foreign", f"{destination} is not empty", hint="Name an empty directory.")
        for unit in manifest.units:
            _unpack_unit(layout, unit, destination / "units" / unit.name, limits)
        if manifest.config.unit:
            _unpack_unit(layout, manifest.config.unit, destination / "config", limits)
        (destination / "manifest.json").write_bytes(layout.manifest_bytes())
    except OSError as exc:
        raise BackendError(
            "output-unwritable",
            f"{destination} cannot be written ({exc.strerror})",
            hint="Check that it is writable and has room.",
        ) from None


def _unpack_unit(layout: Layout, unit: Unit, root: pathlib.Path, limits: Limits) -> None:
    expected = {entry.path: entry for entry in unit.entries if entry.is_file}
    if len(unit.entries) > limits.unit_entries or unit.size > limits.unit_bytes:
        raise _refused(unit, "it is larger than allowed")
    root.mkdir(parents=True)
    allowed = sum(entry.size + _HEADERS + 2 * len(entry.path) for entry in expected.values()) + tarfile.RECORDSIZE
    decompressor = ZstdDecompressor(max_window_size=limits.window)
    with layout.blob_path(unit.blob.digest).open("rb") as blob:
        stream = _Bounded(decompressor.stream_reader(blob), allowed, unit)
        try:
            with tarfile.open(
                fileobj=t.cast("t.BinaryIO", stream), mode="r|", encoding="utf-8", errors="strict"
            ) as archive:
                for member in archive:
                    _unpack_file(archive, member, expected, root, unit)
            stream.drain()
        except (tarfile.TarError, ZstdError, EOFError, UnicodeDecodeError) as exc:
            raise _refused(unit, f"it is damaged ({exc})") from None
    if expected:
        raise _refused(unit, f"{min(expected)} is missing")


class _Bounded:
    """A stream that refuses to give more than the manifest accounts for: a small blob cannot become a large one."""

    def __init__(self, stream: t.Any, allowed: int, unit: Unit) -> None:
        self._stream = stream
        self._left = allowed
        self._unit = unit

    def read(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _refused(self._unit, "unpacked it is larger than its manifest says")
        return data

    def drain(self) -> None:
        """Read to the end, so that a damaged or hidden tail is found."""
        while self.read(CHUNK):
            pass


def _unpack_file(
    archive: tarfile.TarFile, member: tarfile.TarInfo, expected: dict[str, Entry], root: pathlib.Path, unit: Unit
) -> None:
    entry = expected.pop(member.name, None)
    if entry is None:
        raise _refused(unit, f"{member.name!r} is not in the manifest, or twice in the blob")
    source = archive.extractfile(member) if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) else None
    if source is None or member.size != entry.size:
        raise _refused(unit, f"{entry.path} is not a plain file of {entry.size} bytes")
    path = root / entry.path  # the manifest has checked that it stays below
    path.parent.mkdir(parents=True, exist_ok=True)
    sha = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        for chunk in iter(lambda: source.read(CHUNK), b""):
            sha.update(chunk)
            target.write(chunk)
        os.fchmod(target.fileno(), int(entry.mode, 8))
    if "sha256:" + sha.hexdigest() != entry.digest:
        raise _refused(unit, f"{entry.path} has other bytes than the manifest says")


def _refused(unit: Unit, cause: str) -> IntegrityError:
    return IntegrityError(
        "unit-contents-mismatch",
        f"unit {unit.name}: its blob {unit.blob.digest} is refused: {cause}",
        hint="Fetch the package anew; if it stays so, ask who published it.",
    )
