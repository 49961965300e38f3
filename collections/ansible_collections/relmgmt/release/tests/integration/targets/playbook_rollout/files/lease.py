# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take the lease on demo/web in prod for a process that lives as long as the machine, or give it back."""

from __future__ import annotations

import sys

from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Registry

with Registry.open(sys.argv[2]) as registry:
    holder = Holder.of(1)
    lease = registry.acquire("demo/web", "prod", "main", holder, ttl=60)
    if sys.argv[1] == "release":
        registry.release(lease, holder)
