# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publish a release package: see the module of the same name."""

from __future__ import annotations

import typing as t

from ..plugin_utils._action import ControllerAction
from ..plugin_utils._dml import Repository, Settings
from ..plugin_utils._package import Layout

__all__ = ["ActionModule"]


class ActionModule(ControllerAction):
    def verb(self, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        settings = Settings.from_params(params)
        package = Layout(self.path(params["layout"]))
        change = Repository(settings.dml, settings.keys).publish(package, write=not self.check_mode)
        return change.to_result("package", diff=self.diff_mode)
