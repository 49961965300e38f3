# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages that were fetched, on the controller's disk: complete and verified, or not there (private).

``<cache>/packages/<hex digits of the package's digest>/`` holds ``oci/`` (the package as it was published),
``manifest.json``, ``units/`` and ``config/`` (the same unpacked). What was damaged there is thrown away and fetched
again.
"""

from __future__ import annotations

import collections.abc
import os
import pathlib
import shutil

from ...module_utils._model.digest import hex_of
from ...module_utils._model.errors import RelmgmtError
from ...module_utils._model.manifest import Entry, Manifest, Unit
from .._files import sync_directory
from .._package import Layout, unpack
from .errors import system_errors
from .files import exclusive, holds, make_directory
from .limits import LIMITS, Limits

__all__ = ["PackageCache"]

Download = collections.abc.Callable[[str, int, pathlib.Path], None]


class PackageCache:
    """The packages below one directory."""

    def __init__(self, root: pathlib.Path, *, limits: Limits = LIMITS) -> None:
        self._packages = root / "packages"
        self._limits = limits

    def path(self, digest: str) -> pathlib.Path:
        """Where the package is, or would be."""
        return self._packages / hex_of(digest)

    def intact(self, digest: str) -> bool:
        """Whether the package is there, with every byte that its digest promises, and nothing else."""
        path = self.path(digest)
        try:
            manifest = Layout(path / "oci").verify()
            data = manifest.to_bytes()
            return (
                manifest.digest == digest
                and holds(path / "manifest.json", digest=digest, size=len(data))
                and all(_unit_intact(path / "units" / unit.name, unit) for unit in manifest.units)
                and (manifest.config.unit is None or _unit_intact(path / "config", manifest.config.unit))
                and {entry.name for entry in os.scandir(path)} <= {"oci", "manifest.json", "units", "config"}
                and _names(path / "units") == {unit.name for unit in manifest.units}
            )
        except (RelmgmtError, OSError, ValueError, KeyError, TypeError):
            return False

    def fill(self, manifest: Manifest, download: Download) -> pathlib.Path:
        """The package's directory, fetched if it is not there or was damaged.

        Raises:
            RelmgmtError: what ``download`` and the package's own checks raise; nothing is left behind then.
            ConflictError: another process is filling the cache and does not end (``dml-busy``).
            BackendError: the system refused (``dml-io``).
        """
        path = self.path(manifest.digest)
        with system_errors(f"cache {self._packages.parent}"):
            make_directory(self._packages, mode=0o700)
            with exclusive(self._packages / ".lock", what="cache", limits=self._limits):
                if self.intact(manifest.digest):
                    return path
                partial = self._packages / f".partial-{path.name}"
                for leftover in (partial, path):
                    _remove(leftover)
                try:
                    os.rename(_assemble(partial, manifest, download), path)
                finally:
                    _remove(partial)
                sync_directory(self._packages)
        return path


def _assemble(partial: pathlib.Path, manifest: Manifest, download: Download) -> pathlib.Path:
    blobs, layout, package = partial / "blobs", partial / "oci", partial / "package"
    make_directory(blobs, mode=0o700)
    paths = {}
    for unit in manifest.blobs:
        paths[unit.blob.digest] = blobs / hex_of(unit.blob.digest)
        download(unit.blob.digest, unit.blob.size, paths[unit.blob.digest])
    unpack(Layout.write(layout, manifest, paths), package)
    os.rename(layout, package / "oci")
    return package


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _names(path: pathlib.Path) -> set[str]:
    return {entry.name for entry in os.scandir(path)} if path.is_dir() else set()


def _unit_intact(root: pathlib.Path, unit: Unit) -> bool:
    """Whether the tree holds the unit's files and nothing else; links are made on hosts alone."""
    wanted = {entry.path: entry for entry in unit.entries if entry.is_file}
    found = 0
    pending = [(str(root), "")] if root.is_dir() else []
    while pending:
        directory, prefix = pending.pop()
        with os.scandir(directory) as items:
            for item in items:
                name = prefix + item.name
                if item.is_dir(follow_symlinks=False):
                    pending.append((item.path, name + "/"))
                elif name in wanted and _entry_intact(item.path, wanted[name]):
                    found += 1
                else:
                    return False
    return found == len(wanted)


def _entry_intact(path: str, entry: Entry) -> bool:
    return holds(path, digest=entry.digest, size=entry.size, mode=int(entry.mode, 8))
