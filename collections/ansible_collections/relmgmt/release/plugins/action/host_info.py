# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import typing as t

from ..module_utils._model.manifest import Manifest
from ..plugin_utils._host_link import HostAction, Request


class ActionModule(HostAction):
    """Ask a host what it is and holds."""

    GOOD = ("ok",)

    def request(self, params: dict[str, t.Any]) -> Request:
        verify = {"verify": True} if params["verify"] else {}
        return Request("info", {**self.address(params), **_adopts(params["source"]), **verify})


def _adopts(source: str) -> dict[str, t.Any]:
    """What the package takes the place of; nothing where it is not here."""
    path = pathlib.Path(source).expanduser() / "manifest.json"
    if not source or not path.is_file():
        return {}
    return {"adopts": Manifest.from_dict(json.loads(path.read_bytes())).runtime.get("adopts", {})}
