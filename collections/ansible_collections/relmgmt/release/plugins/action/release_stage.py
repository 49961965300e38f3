# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import typing as t

from ..module_utils._model import outcome
from ..module_utils._model.errors import InputError
from ..module_utils._model.manifest import Manifest
from ..plugin_utils._host_link import HostAction, Request
from ..plugin_utils._transfer import gather, pack, surplus


class ActionModule(HostAction):
    """Bring a release and its profile to a host, beside what runs."""

    GOOD = (outcome.STAGED, outcome.PROVISIONAL, outcome.CONFIRMED)

    def request(self, params: dict[str, t.Any]) -> Request:
        source = pathlib.Path(params["source"]).expanduser()
        document = _read(source / "manifest.json", "source")
        manifest = Manifest.from_dict(document)
        profile = _read(pathlib.Path(params["profile"]).expanduser(), "profile")

        fallback = [pathlib.Path(path).expanduser() for path in params["fallback"]]
        request = {**self.address(params), "manifest": document, "profile": profile, "adopt": params["adopt"]}
        if params["companions"]:
            request["companions"] = _read(pathlib.Path(params["companions"]).expanduser(), "companions")

        def payload(wanted: set[str] | None) -> bytes:
            if wanted is not None:
                data, lost = gather(manifest, source, fallback, wanted)
                request["lost"] = sorted({*request.get("lost", ()), *lost})
                return b"" if self._task.check_mode else data
            if params["transfer"]:
                return pathlib.Path(params["transfer"]).read_bytes()
            return pack(manifest, source, held=surplus(params["held"], source.parent))

        return Request("stage", request, payload)


def _read(path: pathlib.Path, option: str) -> dict[str, t.Any]:
    try:
        return t.cast("dict[str, t.Any]", json.loads(path.read_bytes()))
    except (OSError, ValueError):
        raise InputError(
            "stage-source-missing",
            f"{option}: {path} is not there or not readable as JSON",
            hint="package_fetch gives the source, rollout_plan the profile.",
        ) from None
