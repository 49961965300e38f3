# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make and keep a definitive media library: see the module of the same name."""

from __future__ import annotations

import typing as t

from ..plugin_utils._action import ControllerAction
from ..plugin_utils._dml import Repository, Settings

__all__ = ["ActionModule"]


class ActionModule(ControllerAction):
    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        settings = Settings.from_params(params)
        trusted_root = settings.trusted_root if settings.has("trusted_root") else None
        expiry = {name: days for name, days in (params.get("expiry") or {}).items() if days is not None}
        change = Repository(settings.dml, settings.keys).create(
            params["teams"], params["environments"], expiry=expiry, trusted_root=trusted_root, write=not self.check_mode
        )
        places = {"path": str(settings.dml), "trusted_root": str(trusted_root or "")}
        return change.to_result("repository", diff=self.diff_mode, **places)
