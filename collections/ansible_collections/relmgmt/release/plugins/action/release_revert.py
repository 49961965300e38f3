# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._model import outcome
from ..module_utils._model.errors import InputError
from ..plugin_utils._host_link import HostAction, Request


class ActionModule(HostAction):
    """Leave a deployment for the one before it, or go back to a deployment or version that the host still holds."""

    GOOD = (outcome.REVERTED, outcome.CONFIRMED)

    def request(self, params: dict[str, t.Any]) -> Request:
        named = [params["deployment"] is not None, params["to"] is not None, bool(params["version"])]
        if sum(named) != 1:
            raise InputError(
                "revert-ambiguous",
                "release_revert needs exactly one of deployment, to and version",
                hint="Name the deployment to leave, or the deployment or version to go back to.",
            )
        wanted = {key: params[key] for key in ("deployment", "to", "version", "reason")}
        return Request("revert", {**self.address(params), **wanted})
