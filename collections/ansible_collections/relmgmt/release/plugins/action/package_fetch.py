# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetch a release package for an environment: see the module of the same name."""

from __future__ import annotations

import typing as t

from ..plugin_utils._action import ControllerAction
from ..plugin_utils._dml import Settings

__all__ = ["ActionModule"]


class ActionModule(ControllerAction):
    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        settings = Settings.from_params(params)
        with settings.client(write=not self.check_mode) as client:
            target = client.resolve(params["name"], params.get("version") or None, params["environment"])
            path, cached = client.path(target, settings.cache), client.cached(target, settings.cache)
            if not cached and self.check_mode:
                client.verify(target)
            elif not cached:
                client.fetch(target, settings.cache)
        result = {"changed": not cached, "package": target.to_dict(), "path": str(path)}
        after = {str(path): target.digest}
        return {**result, "diff": {"before": after if cached else {}, "after": after}} if self.diff_mode else result
