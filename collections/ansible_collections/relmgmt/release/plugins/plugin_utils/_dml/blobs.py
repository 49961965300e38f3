# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bytes of packages: from a package into a DML, and from bytes that were promised to a manifest (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import io
import json
import pathlib
import typing as t

from ...module_utils._model.digest import digest_of
from ...module_utils._model.errors import IntegrityError, RelmgmtError
from ...module_utils._model.manifest import Manifest
from .errors import system_errors
from .files import chunks, copy_verified, holds
from .layout import DmlLayout
from .limits import LIMITS, Limits

if t.TYPE_CHECKING:
    from .._package import Layout

__all__ = ["Bytes", "damaged", "package_blobs", "parse_manifest", "put", "stored_manifest"]


@dataclasses.dataclass(frozen=True)
class Bytes:
    """Bytes of a known size that can be opened."""

    size: int
    open: collections.abc.Callable[[], t.BinaryIO]


def package_blobs(package: Layout, manifest: Manifest) -> dict[str, Bytes]:
    """All that a package consists of, by digest: its manifest and the blobs of its units."""
    data = manifest.to_bytes()
    found = {manifest.digest: Bytes(len(data), lambda: io.BytesIO(data))}
    for unit in manifest.blobs:
        found[unit.blob.digest] = Bytes(unit.blob.size, _opener(package.blob_path(unit.blob.digest)))
    return found


def _opener(path: pathlib.Path) -> collections.abc.Callable[[], t.BinaryIO]:
    return lambda: path.open("rb")


def damaged(layout: DmlLayout, digest: str, size: int) -> bool:
    """Whether the DML lacks the blob, or holds other bytes in its place."""
    return not holds(layout.blob(digest), digest=digest, size=size)


def put(layout: DmlLayout, digest: str, data: Bytes) -> None:
    """Store the bytes under their digest.

    Raises:
        IntegrityError: they are not the ones that the digest names (``blob-tampered``).
        OSError: the system refused.
    """
    with data.open() as stream:
        copy_verified(chunks(stream), layout.blob(digest), digest=digest, size=data.size, what=f"blob {digest}")


def stored_manifest(
    layout: DmlLayout, digest: str, size: int, *, name: str, version: str, limits: Limits = LIMITS
) -> Manifest:
    """The manifest of a published version, after all its bytes in the DML have been verified.

    Raises:
        IntegrityError: something is missing or was changed (``blob-missing``, ``blob-tampered``, ``package-mismatch``).
    """
    with system_errors(f"DML {layout.root}"):
        _require(layout, digest, size, what=f"manifest of {name} {version}")
        with layout.blob(digest).open("rb") as stream:
            manifest = parse_manifest(stream.read(limits.manifest), digest, size, name=name, version=version)
        for unit in manifest.blobs:
            _require(layout, unit.blob.digest, unit.blob.size, what=f"unit {unit.name} of {name} {version}")
    return manifest


def _require(layout: DmlLayout, digest: str, size: int, *, what: str) -> None:
    path = layout.blob(digest)
    if not path.exists():
        raise IntegrityError("blob-missing", f"{what}: {path} is missing", hint="Publish the same package again.")
    if not holds(path, digest=digest, size=size):
        raise IntegrityError(
            "blob-tampered",
            f"{what}: {path} does not hold the bytes that were published",
            hint="Publish the same package again, which mends it; find out who changed it.",
        )


def parse_manifest(data: bytes, digest: str, size: int, *, name: str, version: str) -> Manifest:
    """The manifest in the bytes, if they are the promised ones and it is the one that was asked for.

    Raises:
        IntegrityError: they are not (``blob-tampered``), or it is not (``package-mismatch``).
    """
    what = f"manifest of {name} {version}"
    if len(data) != size or digest_of(data) != digest:
        raise IntegrityError(
            "blob-tampered",
            f"{what}: its bytes are not the {size} of {digest}",
            hint="Publish the same package again, which mends it; find out who changed it.",
        )
    try:
        manifest = Manifest.from_dict(json.loads(data))
    except (RelmgmtError, KeyError, TypeError, ValueError, RecursionError) as exc:
        raise IntegrityError(
            "package-mismatch", f"{what}: {digest} is signed but cannot be read: {exc}", hint="Publish a new version."
        ) from exc
    if (manifest.name, manifest.version, manifest.digest) != (name, version, digest):
        raise IntegrityError(
            "package-mismatch",
            f"{what}: {digest} is signed but is {manifest.name} {manifest.version}",
            hint="The team's role names a wrong package: ask its owner, and publish a new version.",
        )
    return manifest
