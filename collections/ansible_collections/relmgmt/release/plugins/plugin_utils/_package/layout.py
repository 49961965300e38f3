# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A package on disk: an OCI image layout with media types of our own (private).

index.json → OCI manifest → our manifest (its config) and the blobs of the units (its layers). Nothing in it depends on
where, when or by whom it was written.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import tempfile
import typing as t

from ...module_utils._model.digest import canonical, digest_of, digest_stream, hex_of
from ...module_utils._model.errors import BackendError, InputError, IntegrityError, RelmgmtError
from ...module_utils._model.manifest import Manifest
from .limits import LIMITS, Limits

__all__ = ["Layout"]

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
PACKAGE_TYPE = "application/vnd.relmgmt.package.v1"
MANIFEST_TYPE = "application/vnd.relmgmt.manifest.v1+json"
UNIT_TYPE = "application/vnd.relmgmt.unit.v1.tar+zstd"
_MARKER = canonical({"imageLayoutVersion": "1.0.0"})
_FETCH_ANEW = "Build or fetch the package anew."

Json = dict[str, t.Any]


class Layout:
    """The layout in a directory. Reading trusts nothing but digests."""

    def __init__(self, path: pathlib.Path, *, limits: Limits = LIMITS) -> None:
        self.path = path
        self._limits = limits

    def exists(self) -> bool:
        """Whether the directory claims to be a layout; ``verify`` tells whether it is a sound one."""
        return (self.path / "oci-layout").is_file()

    def blob_path(self, digest: str) -> pathlib.Path:
        """Where the blob of that digest lies, if it is there."""
        return self.path / "blobs" / "sha256" / hex_of(digest)

    def manifest_bytes(self) -> bytes:
        """The bytes of our manifest, as their digest promises.

        Raises:
            IntegrityError: something on the way to them is missing, malformed or other bytes.
        """
        return self._blob(
            self._oci_manifest().get("config"), MANIFEST_TYPE, self._limits.manifest, what="manifest.json"
        )

    def manifest(self) -> Manifest:
        """Our manifest; raises as ``manifest_bytes`` does, and where it is not canonical (``manifest-malformed``)."""
        data = self.manifest_bytes()
        manifest = parse_manifest(data, str(self.path))
        if manifest.to_bytes() != data:
            raise IntegrityError("manifest-malformed", f"{self.path}: its manifest is not canonical", hint=_FETCH_ANEW)
        return manifest

    def verify(self) -> Manifest:
        """The manifest, after every blob was read and found to be what it names, and the layers to be exactly those.

        Raises:
            IntegrityError: ``blob-missing``, ``blob-digest-mismatch``, ``layout-malformed``, ``manifest-malformed``.
        """
        manifest = self.manifest()
        if self._oci_manifest() != _oci_manifest(manifest):
            raise self._malformed("its OCI manifest does not name the units of its manifest")
        for unit in manifest.blobs:
            try:
                with self.blob_path(unit.blob.digest).open("rb") as stream:
                    found = digest_stream(stream)
            except OSError as exc:
                raise self._missing(f"blob of unit {unit.name}", exc) from None
            if found != (unit.blob.digest, unit.blob.size):
                raise self._mismatch(f"blob of unit {unit.name}", unit.blob.digest)
        return manifest

    @classmethod
    def write(cls, path: pathlib.Path, manifest: Manifest, blobs: t.Mapping[str, pathlib.Path]) -> Layout:
        """Put a layout at ``path``, complete or not at all; what stood there and is a layout is replaced.

        Raises:
            InputError: something else stands there (``output-foreign``).
            BackendError: it cannot be written (``output-unwritable``).
            IntegrityError: a blob is not what the manifest names.
        """
        if path.is_symlink() or (path.exists() and not (cls(path).exists() or _empty_directory(path))):
            raise InputError(
                "output-foreign", f"{path} exists and is not a package", hint="Name another directory, or remove it."
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _sibling(path) as fresh:
                _fill(fresh, manifest, blobs)
                cls(fresh).verify()
                _swap(fresh, path)
        except OSError as exc:
            raise BackendError(
                "output-unwritable",
                f"{path} cannot be written ({exc.strerror})",
                hint="Check that its directory is writable and has room.",
            ) from None
        return cls(path)

    def _oci_manifest(self) -> Json:
        if self._read("oci-layout") != _MARKER:
            raise self._malformed("oci-layout does not say version 1.0.0")
        manifests = self._json(self._read("index.json"), "index.json").get("manifests")
        if not isinstance(manifests, list) or len(manifests) != 1:
            raise self._malformed("index.json does not name exactly one package")
        data = self._blob(manifests[0], OCI_MANIFEST_TYPE, self._limits.oci_document, what="OCI manifest")
        return self._json(data, "OCI manifest")

    def _read(self, name: str) -> bytes:
        try:
            with (self.path / name).open("rb") as stream:
                return stream.read(self._limits.oci_document)
        except OSError as exc:
            raise self._missing(name, exc) from None

    def _blob(self, descriptor: t.Any, media_type: str, limit: int, *, what: str) -> bytes:
        if not isinstance(descriptor, dict) or descriptor.get("mediaType") != media_type:
            raise self._malformed(f"{what} is not described as {media_type}")
        digest = str(descriptor.get("digest"))
        try:
            with self.blob_path(digest).open("rb") as stream:
                data = stream.read(limit + 1)
        except OSError as exc:
            raise self._missing(what, exc) from None
        if len(data) > limit or digest_of(data) != digest or len(data) != descriptor.get("size"):
            raise self._mismatch(what, digest)
        return data

    def _json(self, data: bytes, what: str) -> Json:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise self._malformed(f"{what} is not a JSON object")
        return value

    def _malformed(self, cause: str) -> IntegrityError:
        return IntegrityError(
            "layout-malformed", f"{self.path} is not the layout of a package: {cause}", hint=_FETCH_ANEW
        )

    def _missing(self, what: str, exc: OSError) -> IntegrityError:
        return IntegrityError("blob-missing", f"{self.path}: {what} cannot be read ({exc.strerror})", hint=_FETCH_ANEW)

    def _mismatch(self, what: str, digest: str) -> IntegrityError:
        return IntegrityError("blob-digest-mismatch", f"{self.path}: {what} is not {digest}", hint=_FETCH_ANEW)


def parse_manifest(data: bytes, where: str) -> Manifest:
    """A manifest from bytes whose digest is known to be right.

    Raises:
        IntegrityError: they are no manifest (``manifest-malformed``).
    """
    try:
        return Manifest.from_dict(json.loads(data))
    except RelmgmtError as exc:
        raise IntegrityError("manifest-malformed", f"{where}: {exc.message}", hint=_FETCH_ANEW) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        cause = f"{type(exc).__name__}: {exc}"
        raise IntegrityError("manifest-malformed", f"{where}: not a manifest ({cause})", hint=_FETCH_ANEW) from None


def _oci_manifest(manifest: Manifest) -> Json:
    data = manifest.to_bytes()
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST_TYPE,
        "artifactType": PACKAGE_TYPE,
        "config": {"mediaType": MANIFEST_TYPE, "digest": digest_of(data), "size": len(data)},
        "layers": [
            {
                "mediaType": UNIT_TYPE,
                "digest": unit.blob.digest,
                "size": unit.blob.size,
                "annotations": {"org.opencontainers.image.title": unit.name},
            }
            for unit in manifest.blobs
        ],
        "annotations": {
            "org.opencontainers.image.title": manifest.name,
            "org.opencontainers.image.version": manifest.version,
        },
    }


def _fill(directory: pathlib.Path, manifest: Manifest, blobs: t.Mapping[str, pathlib.Path]) -> None:
    store = directory / "blobs" / "sha256"
    store.mkdir(parents=True)
    for unit in manifest.blobs:
        shutil.copyfile(blobs[unit.blob.digest], store / hex_of(unit.blob.digest))
    document = canonical(_oci_manifest(manifest))
    descriptor = {
        "mediaType": OCI_MANIFEST_TYPE,
        "artifactType": PACKAGE_TYPE,
        "digest": digest_of(document),
        "size": len(document),
        # The name by which oras and skopeo copy it; a tag has a narrower alphabet than a version.
        "annotations": {"org.opencontainers.image.ref.name": re.sub(r"[^0-9A-Za-z_.-]", "_", manifest.version)},
    }
    (store / hex_of(manifest.digest)).write_bytes(manifest.to_bytes())
    (store / hex_of(digest_of(document))).write_bytes(document)
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [descriptor]}
    (directory / "index.json").write_bytes(canonical(index))
    (directory / "oci-layout").write_bytes(_MARKER)
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _empty_directory(path: pathlib.Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


@contextlib.contextmanager
def _sibling(path: pathlib.Path) -> t.Iterator[pathlib.Path]:
    """A fresh directory next to ``path``, gone afterwards unless it was renamed."""
    fresh = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: pathlib.Path, path: pathlib.Path) -> None:
    """Make ``fresh`` stand at ``path``; what stood there comes back if that fails."""
    if not path.exists():
        os.rename(fresh, path)
        return
    with _sibling(path) as aside:
        os.rename(path, aside / "old")
        try:
            os.rename(fresh, path)
        except OSError:
            os.rename(aside / "old", path)
            raise
