# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._model import outcome
from ..plugin_utils._host_link import HostAction, Request


class ActionModule(HostAction):
    """Take a database to a version of its schema."""

    GOOD = (outcome.MIGRATED,)

    def request(self, params: dict[str, t.Any]) -> Request:
        wanted = {key: params[key] for key in ("deployment", "database", "to")}
        direction = "" if params["direction"] == "any" else params["direction"]
        return Request("migrate", {**self.address(params), **wanted, "direction": direction})
