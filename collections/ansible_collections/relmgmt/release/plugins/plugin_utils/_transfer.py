# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes over the wire when a release is staged: the files that the host does not have (private)."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import pathlib
import tarfile
import tempfile
import typing as t
import zlib

from ..module_utils._model.digest import canonical, digest_of, hex_of
from ..module_utils._model.errors import IntegrityError, RelmgmtError
from ..module_utils._model.manifest import Manifest

__all__ = ["Held", "gather", "pack", "prepare", "surplus", "weigh"]

LEVEL = 1  # of gzip: the link is seldom slower than the controller's processor
Held = set[str]


def surplus(held: t.Iterable[t.Mapping[str, t.Any]], *caches: pathlib.Path) -> Held:
    """Digests that the host has, going by the deployments that ``host_info`` listed and the manifests in the caches.

    A manifest that is not there, or damaged, only costs the sending of files that the host has.
    """
    found: Held = set()
    for deployment in held:
        for packages in caches:
            manifest = _manifest(packages / hex_of(deployment["release"]) / "manifest.json")
            if manifest and manifest.digest == deployment["release"]:
                found |= {entry.digest for unit in manifest.units for entry in unit.entries if entry.is_file}
    return found


def _manifest(path: pathlib.Path) -> Manifest | None:
    try:
        return Manifest.from_dict(json.loads(path.read_bytes()))
    except (OSError, RelmgmtError, ValueError, LookupError, TypeError, AttributeError):
        return None


def pack(manifest: Manifest, source: pathlib.Path, *, held: Held) -> bytes:
    """A compressed tar of the package's files, named by digest, without those that are ``held``.

    Raises:
        IntegrityError: a file in the cache is not as the manifest says (``cache-damaged``).
    """
    places = _places(manifest, source)
    return _archive((digest, _contents(path, digest)) for digest, path in places.items() if digest not in held)


def gather(
    manifest: Manifest, source: pathlib.Path, fallback: t.Iterable[pathlib.Path], wanted: set[str]
) -> tuple[bytes, set[str]]:
    """A compressed tar of the ``wanted`` files, from the package or else from others; and those that nobody has.

    Raises:
        IntegrityError: a file of the package itself is damaged in the cache (``cache-damaged``).
    """
    own = _places(manifest, source)
    found = {digest: _contents(own[digest], digest) for digest in sorted(wanted & set(own))}
    for directory in fallback:
        other = _manifest(directory / "manifest.json")
        places = _places(other, directory) if other else {}
        for digest in sorted(wanted & set(places) - set(found)):
            with contextlib.suppress(IntegrityError):
                found[digest] = _contents(places[digest], digest)
    return _archive(found.items()), wanted - set(found)


def _places(manifest: Manifest, source: pathlib.Path) -> dict[str, pathlib.Path]:
    """Where each file of the package lies, by digest; what is empty is never sent."""
    found: dict[str, pathlib.Path] = {}
    for unit in manifest.units:
        for entry in unit.entries:
            if entry.is_file and entry.size:
                found.setdefault(entry.digest, source / "units" / unit.name / entry.path)
    return found


def _archive(files: t.Iterable[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=LEVEL, format=tarfile.USTAR_FORMAT) as archive:
        for digest, data in files:
            member = tarfile.TarInfo(hex_of(digest))
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def prepare(manifest: Manifest, source: pathlib.Path, held: t.Sequence[t.Mapping[str, t.Any]]) -> pathlib.Path:
    """The file that hosts with these deployments are sent, packed once for all; it lies beside the cache's packages."""
    path = _prepared(manifest, source, held)
    if not _whole(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        data = pack(manifest, source, held=surplus(held, source.parent))
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(handle)
        os.replace(temporary, path)
    return path


def weigh(
    manifest: Manifest,
    source: pathlib.Path,
    held: t.Sequence[t.Mapping[str, t.Any]],
    fallback: t.Iterable[pathlib.Path],
) -> int:
    """Bytes of what hosts with these deployments would be sent; nothing is written. fallback: packages of what they
    run, which may lie in another cache: a dry run fetches into one of its own."""
    path = _prepared(manifest, source, held)
    caches = {source.parent, *(directory.parent for directory in fallback)}
    return path.stat().st_size if _whole(path) else len(pack(manifest, source, held=surplus(held, *caches)))


def _prepared(manifest: Manifest, source: pathlib.Path, held: t.Sequence[t.Mapping[str, t.Any]]) -> pathlib.Path:
    releases = sorted({deployment["release"] for deployment in held})
    name = hex_of(digest_of(canonical([manifest.digest, releases])))
    return source.parents[1] / "transfers" / f"{name}.tar.gz"


def _whole(path: pathlib.Path) -> bool:
    """Whether the file is there and was not damaged since: its compression carries a checksum."""
    try:
        with gzip.open(path) as stream:
            while stream.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error):
        return False
    return True


def _contents(path: pathlib.Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError:
        data = b""
    if digest_of(data) != digest:
        raise IntegrityError(
            "cache-damaged", f"{path} is not as the package's manifest says", hint="package_fetch mends the cache."
        )
    return data
