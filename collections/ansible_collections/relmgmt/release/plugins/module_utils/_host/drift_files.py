# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a deployment: which are not as they were sealed, and how (private).

Paths are told as somebody on the host finds them: below ``current`` where the deployment that runs holds them.
"""

from __future__ import annotations

import functools
import typing as t

from .._model.digest import hex_of
from .._model.manifest import Unit
from .capsule import Capsule, Document
from .finding import CAPSULE, EXTRA, MISSING, Finding, of_entry, of_folder, of_kept, of_link
from .instance import Instance, profile_name, release_name
from .objects import Objects
from .plain import owner_of, status_at
from .tree import folders_of

__all__ = ["Files"]


class Files:
    """Those of the deployment that runs. objects: shared with whoever else reads trees, so that each is read once."""

    def __init__(self, instance: Instance, deployment: int, objects: Objects) -> None:
        self._disk, self._objects = instance.disk, objects
        self._capsule = Capsule(instance, deployment, objects)
        self._owner = owner_of(instance.disk.root)

    @functools.cached_property
    def damages(self) -> list[str]:
        """See ``Capsule.damages``: this is what reads everything."""
        return self._capsule.damages()

    def findings(self) -> list[Finding]:
        """How each of the damaged paths is; what only the way back needs comes last."""
        if not self.damages:
            return []
        document = self._capsule.document() or {}
        found = [finding for path in self.damages for finding in self._of(path, document)]
        return sorted(found, key=lambda finding: finding.what == CAPSULE)

    def _of(self, path: str, document: Document) -> t.Sequence[Finding]:
        shown, place = self._shown(path), self._disk.path(path)
        if path.startswith("units/"):
            return self._of_unit(path)
        if path in document.get("links", ()):
            return of_link(shown, place, document["links"][path])
        if path.startswith((self._capsule.copy_of("")[:-1], "bin/", "/")) or path == self._capsule.path:
            return [Finding(path, CAPSULE, "it is whole")]
        if path in document.get("directories", ()):
            kept = document["directories"][path]
            return of_folder(shown, place, self._owner, mode=int(kept["mode"], 8), group=kept["group"])
        if path in document.get("files", ()):
            return of_kept(shown, place, document["files"][path], self._owner)
        return [Finding(shown, EXTRA)] if document else [Finding(shown, CAPSULE, "it is known to be whole")]

    def _of_unit(self, path: str) -> t.Sequence[Finding]:
        name, _slash, inside = path[len("units/") :].partition("/")
        unit = self._units.get(name)
        if unit is None:
            return [Finding(path, EXTRA)]
        shown, place = self._shown(path), self._disk.path(path)
        entry = next((entry for entry in unit.entries if entry.path == inside), None)
        if entry is not None:
            return of_entry(shown, place, entry, self._owner)
        if inside in folders_of(unit):
            return of_folder(shown, place, self._owner)
        return [Finding(shown, EXTRA)] if status_at(place) else [Finding(shown, MISSING)]

    @functools.cached_property
    def _units(self) -> dict[str, Unit]:
        """By the names of their trees."""
        manifest = self._capsule.manifest()
        return {hex_of(unit.digest): unit for unit in manifest.units} if manifest else {}

    def _shown(self, path: str) -> str:
        """The path as somebody finds it below ``current``."""
        for real, name in self._names.items():
            if path == real or path.startswith(real + "/"):
                return name + path[len(real) :]
        return path

    @functools.cached_property
    def _names(self) -> dict[str, str]:
        event = self._capsule.event
        if event is None:
            return {}
        release = release_name(event["version"], event["release"])
        return {
            **{f"units/{name}": f"current/release/{unit.destination}" for name, unit in self._units.items()},
            f"releases/{release}": "current/release",
            f"profiles/{profile_name(event['profile'])}": "current/profile",
        }
