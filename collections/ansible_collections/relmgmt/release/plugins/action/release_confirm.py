# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._model import outcome
from ..plugin_utils._host_link import HostAction, Request


class ActionModule(HostAction):
    """Make a provisional deployment final."""

    GOOD = (outcome.CONFIRMED,)
    ANEW = True

    def request(self, params: dict[str, t.Any]) -> Request:
        wanted = {name: params[name] for name in ("deployment", "probe", "keep", "keep_days")}
        return Request("confirm", {**self.address(params), **wanted})
