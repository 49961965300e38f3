# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts by their sites (private)."""

from __future__ import annotations

import collections
import collections.abc

from ....module_utils._model.errors import InputError
from .share import budget_of
from .wave import Sites

__all__ = ["by_site", "require_sites", "site_budgets_of"]


def by_site(hosts: Sites) -> dict[str, list[str]]:
    """Site → its hosts, both in the order in which they come."""
    sites = collections.defaultdict[str, list[str]](list)
    for host, site in hosts.items():
        sites[site].append(host)
    return dict(sites)


def require_sites(hosts: Sites, *, why: str) -> None:
    """Raises InputError (``site-unset``): hosts of which nobody said where they stand."""
    nowhere = sorted(host for host, site in hosts.items() if not site)
    if nowhere:
        more = f" (and {len(nowhere) - 1} more)" if len(nowhere) > 1 else ""
        raise InputError(
            "site-unset",
            f"{why} asks for sites, and {nowhere[0]}{more} has none",
            hint="Set relmgmt_site for every host in the inventory.",
        )


def site_budgets_of(budget: str, hosts: Sites) -> dict[str, int]:
    """Site → how many of its hosts may fail; empty where nobody set such a limit.

    Raises:
        InputError: ``budget-malformed``, ``site-unset``.
    """
    if not budget:
        return {}
    require_sites(hosts, why="site_budget")
    return {site: budget_of(budget, len(found), name="site_budget") for site, found in by_site(hosts).items()}
