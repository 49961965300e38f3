# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._model import outcome
from ..module_utils._model.errors import InputError
from ..plugin_utils._host_link import HostAction, Request


class ActionModule(HostAction):
    """Let no way lead behind a deployment any more, or let ways lead everywhere again."""

    GOOD = (outcome.FROZEN, outcome.THAWED)

    def request(self, params: dict[str, t.Any]) -> Request:
        if params["state"] == "present" and params["deployment"] is None:
            raise InputError(
                "deployment-missing",
                "release_freeze needs a deployment",
                hint="Name the deployment that knows the databases as they are going to be.",
            )
        wanted = {key: params[key] for key in ("deployment", "reason", "state")}
        return Request("freeze", {**self.address(params), **wanted})
