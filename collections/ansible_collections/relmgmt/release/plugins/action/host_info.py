# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..plugin_utils._host_link import HostAction, Request


class ActionModule(HostAction):
    """Ask a host what it is and holds."""

    GOOD = ("ok",)

    def request(self, params: dict[str, t.Any]) -> Request:
        return Request("info", self.address(params))
