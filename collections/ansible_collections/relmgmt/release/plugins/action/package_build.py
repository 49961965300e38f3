# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build a release package: see the module of the same name."""

from __future__ import annotations

import typing as t

from ..module_utils._model.manifest import Manifest
from ..plugin_utils._action import ControllerAction
from ..plugin_utils._package import Built, build

__all__ = ["ActionModule"]


class ActionModule(ControllerAction):
    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        output = self.path(params["output"])
        wheelhouse = params.get("wheelhouse")
        built = build(
            self.path(params["release_file"]),
            output,
            wheelhouse=self.path(wheelhouse) if wheelhouse else None,
            write=not self.check_mode,
        )
        result = {"changed": built.changed, "package": _package(built), "path": str(output)}
        return {**result, "diff": _diff(built)} if self.diff_mode else result


def _package(built: Built) -> dict[str, t.Any]:
    manifest = built.manifest
    units = [
        {
            "name": unit.name,
            "kind": unit.kind,
            "digest": unit.digest,
            "files": len(unit.entries),
            "size": unit.size,
            "blob": unit.blob.digest,
            "blob_size": unit.blob.size,
        }
        for unit in manifest.blobs
    ]
    return {
        "name": manifest.name,
        "version": manifest.version,
        "type": manifest.type,
        "digest": built.digest,
        "units": units,
    }


def _diff(built: Built) -> dict[str, t.Any]:
    """What differs from the package that stood there: names and digests, never contents."""
    before, after = _named(built.before), _named(built.manifest)
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return {
        "before": {name: before[name] for name in sorted(differing & before.keys())},
        "after": {name: after[name] for name in sorted(differing & after.keys())},
    }


def _named(manifest: Manifest | None) -> dict[str, str]:
    if manifest is None:
        return {}
    names = {"package": f"{manifest.name} {manifest.version} {manifest.digest}"}
    for unit in manifest.blobs:
        for entry in unit.entries:
            target = entry.link or (f"state {entry.state}" if entry.state else f"{entry.digest} {entry.mode}")
            names[f"{unit.name}/{entry.path}"] = target
    return names
