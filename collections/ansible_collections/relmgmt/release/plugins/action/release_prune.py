# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._model import outcome
from ..plugin_utils._host_link import HostAction, Request


class ActionModule(HostAction):
    """Remove what the deployments to keep do not need."""

    GOOD = (
        outcome.ABSENT,
        outcome.ADOPTED,
        outcome.REPLACED,
        outcome.STAGED,
        outcome.PROVISIONAL,
        outcome.CONFIRMED,
        outcome.REVERTED,
        outcome.UNKNOWN,
    )

    def request(self, params: dict[str, t.Any]) -> Request:
        return Request("prune", {**self.address(params), **{name: params[name] for name in ("keep", "keep_days")}})
