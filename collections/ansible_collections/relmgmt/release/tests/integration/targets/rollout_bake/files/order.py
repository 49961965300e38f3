# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask something of the rollout. Arguments: registry, kind of the order."""

from __future__ import annotations

import sys

from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Order, Registry

with Registry.open(sys.argv[1]) as registry:
    registry.give_order("r1", Order(sys.argv[2], "ann", "ticket 7"))
