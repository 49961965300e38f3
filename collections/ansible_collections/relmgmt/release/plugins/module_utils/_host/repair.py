# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repair of what a deployment has lost, but for its units' files: decided before anything is written (private).

A damaged file is had from its copy, a damaged copy from the file, either from what came with the request. A deployment
without a capsule, of an engine that knew none or with one that was damaged, is sealed anew if nothing belies it.
"""

from __future__ import annotations

import os
import typing as t

from .capsule import Capsule, Document, manifest_of, sealed
from .disk import Disk
from .tree import clear, is_folder

__all__ = ["Repair"]

Brought = t.Mapping[str, bytes]


class _File(t.NamedTuple):
    path: str
    data: bytes
    mode: int
    group: int


class Repair:
    """deployment: whose; paths: what is damaged, the units' files included; lost: what of it cannot be had again on
    this host."""

    def __init__(self, capsule: Capsule, disk: Disk, brought: Brought) -> None:
        self.deployment = capsule.deployment
        self.paths = capsule.damages()
        self.lost: list[str] = []
        self._capsule = capsule
        self._disk = disk
        self._files: list[_File] = []
        self._links: dict[str, str] = {}
        self._directories: dict[str, t.Mapping[str, t.Any]] = {}
        self._strays: list[str] = []
        self._seal = False
        document = capsule.document()
        if self.paths and document is None:
            self._decide_unsealed(brought)
        elif self.paths and document is not None:
            self._decide(document, brought)

    def _decide(self, document: Document, brought: Brought) -> None:
        originals = {self._capsule.copy_of(path): path for path in document["files"]}
        for path in self.paths:
            if path in document["links"]:
                self._links[path] = document["links"][path]
            elif path in document["directories"]:
                self._directories[path] = document["directories"][path]
            elif path in document["files"] or path in originals:
                self._decide_file(path, originals.get(path, path), document, brought)
            elif path == self._capsule.path:
                self._files.append(_File(path, sealed(document), 0o600, -1))
            elif path == document["interpreter"]:
                self._seal = True
            elif not path.startswith("units/"):
                self._strays.append(path)

    def _decide_file(self, path: str, original: str, document: Document, brought: Brought) -> None:
        kept = document["files"][original]
        data, mode = self._capsule.whole(original, kept["sha256"]), int(kept["mode"], 8)
        data = brought.get(kept["sha256"]) if data is None else data
        if data is not None:
            copy = path != original
            self._files.append(_File(path, data, mode & 0o700 if copy else mode, -1 if copy else kept["group"]))
        elif original == document["engine"]:
            self._seal = True  # the engine that is here now takes its part
        else:
            self.lost.append(path)

    def _decide_unsealed(self, brought: Brought) -> None:
        self._seal = True
        event, unproven = self._capsule.event, self._capsule.unproven()
        path = manifest_of(event) if event else ""
        if event and path in unproven and event["release"] in brought:
            self._files.append(_File(path, brought[event["release"]], 0o644, -1))
            unproven.discard(path)
        self.lost = sorted(unproven)

    def apply(self, engine: str) -> None:
        """Do it, but for the units' trees. engine: path below the instance of the one to seal with, if that is needed.

        Raises:
            OSError: no space left, or the disk refuses.
        """
        for path in sorted(self._directories):
            self._make(path, self._directories[path])
        for path in self._strays:
            clear(self._disk, path.split("/"))
        for file in self._files:
            self._write(file)
        if self._seal:
            self._capsule.seal(engine=engine)
            self._links = (self._capsule.document() or {})["links"]
        for path, target in self._links.items():
            if not self._disk.target(path):
                clear(self._disk, path.split("/"))
            self._disk.point(target, *path.split("/"))

    def _make(self, path: str, kept: t.Mapping[str, t.Any]) -> None:
        place = self._disk.path(path)
        if not is_folder(place):
            clear(self._disk, path.split("/"))
            self._disk.make_directory(*path.split("/"))
            self._disk.sync_directory(place.parent)
        if os.geteuid() == 0:
            os.chown(str(place), 0, kept["group"])
        place.chmod(int(kept["mode"], 8))

    def _write(self, file: _File) -> None:
        *above, _name = file.path.split("/")
        self._disk.make_directory(*above)
        if is_folder(self._disk.path(file.path)):
            clear(self._disk, file.path.split("/"))
        self._disk.write(file.data, *file.path.split("/"), mode=file.mode, gid=file.group)
