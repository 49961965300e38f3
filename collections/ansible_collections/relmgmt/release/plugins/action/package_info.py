# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the versions of a release package: see the module of the same name."""

from __future__ import annotations

import typing as t

from ..plugin_utils._action import ControllerAction
from ..plugin_utils._dml import Settings

__all__ = ["ActionModule"]


class ActionModule(ControllerAction):
    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        with Settings.from_params(params).client(write=not self.check_mode) as client:
            versions = [found.to_dict() for found in client.versions(params["name"])]
        return {"changed": False, "package": {"name": params["name"], "versions": versions}}
