# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes over the wire when a release is staged: the files that the host does not have (private)."""

from __future__ import annotations

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
from ..module_utils._model.errors import IntegrityError
from ..module_utils._model.manifest import Manifest

__all__ = ["Held", "pack", "prepare", "surplus"]

LEVEL = 1  # of gzip: the link is seldom slower than the controller's processor
Held = set[str]


def surplus(held: t.Iterable[t.Mapping[str, t.Any]], packages: pathlib.Path) -> Held:
    """Digests that the host has, going by the deployments that ``host_info`` listed and the manifests in the cache.

    A manifest that is not there, or damaged, only costs the sending of files that the host has.
    """
    found: Held = set()
    for deployment in held:
        path = packages / hex_of(deployment["release"]) / "manifest.json"
        data = path.read_bytes() if path.is_file() else b""
        if digest_of(data) == deployment["release"]:
            units = Manifest.from_dict(json.loads(data)).units
            found |= {entry.digest for unit in units for entry in unit.entries if entry.is_file}
    return found


def pack(manifest: Manifest, source: pathlib.Path, *, wanted: set[str] | None, held: Held) -> bytes:
    """A compressed tar of files named by digest: those ``wanted``, or all of the manifest but the ``held`` ones.

    Raises:
        IntegrityError: a file in the cache is not as the manifest says (``cache-damaged``).
    """
    done = set() if wanted else set(held)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=LEVEL, format=tarfile.USTAR_FORMAT) as archive:
        for unit in manifest.units:
            for entry in unit.entries:
                if not entry.is_file or not entry.size or entry.digest in done:
                    continue
                if wanted is not None and entry.digest not in wanted:
                    continue
                done.add(entry.digest)
                data = _contents(source / "units" / unit.name / entry.path, entry.digest)
                member = tarfile.TarInfo(hex_of(entry.digest))
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def prepare(manifest: Manifest, source: pathlib.Path, held: t.Sequence[t.Mapping[str, t.Any]]) -> pathlib.Path:
    """The file that hosts with these deployments are sent, packed once for all; it lies beside the cache's packages."""
    releases = sorted({deployment["release"] for deployment in held})
    name = hex_of(digest_of(canonical([manifest.digest, releases])))
    path = source.parents[1] / "transfers" / f"{name}.tar.gz"
    if not _whole(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        data = pack(manifest, source, wanted=None, held=surplus(held, source.parent))
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(handle)
        os.replace(temporary, path)
    return path


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
