# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Site after site (private)."""

from __future__ import annotations

import collections.abc

from ....module_utils._model.errors import InputError
from .share import share_of
from .sites import by_site, require_sites
from .spread import chunks, numbered, ranked
from .wave import Group, Options, Sites

__all__ = ["phased"]


def phased(hosts: Sites, options: Options) -> list[Group]:
    """Sites in the order that is named, or in one by a hash of site and package; batches inside of each.

    Raises:
        InputError: ``batch-malformed``, ``site-unset``, ``site-unknown``, ``site-repeated``, ``site-missing``.
    """
    share = share_of(options.batch, option="batch", least=1)
    fleet = {**options.fleet, **hosts}
    require_sites(fleet, why="phased")
    order = _checked(options.site_order, set(fleet.values())) if options.site_order else ()
    found = by_site(hosts)
    groups: list[Group] = []
    for site in order or ranked(set(fleet.values()), options.package):
        order_of_hosts = ranked(found.get(site, ()), options.package)
        size = max(1, share.of(len(order_of_hosts)))
        parts = chunks(order_of_hosts, min(size, options.largest or size))
        groups += numbered(site if len(parts) == 1 else f"{site} batch", parts, site=site, bakes=True)
    return groups


def _checked(order: tuple[str, ...], sites: collections.abc.Set[str]) -> tuple[str, ...]:
    """Every site once, and no other."""
    problems = (
        ("site-unknown", [site for site in order if site not in sites], "no host of the rollout stands there"),
        ("site-repeated", [site for site in dict.fromkeys(order) if order.count(site) > 1], "named more than once"),
        ("site-missing", sorted(sites - set(order)), "hosts of the rollout stand there, and the order lacks it"),
    )
    for code, wrong, why in problems:
        if wrong:
            raise InputError(
                code,
                f"site_order: {', '.join(wrong)}: {why}",
                hint=f"The sites of the rollout are {', '.join(sorted(sites))} (relmgmt_site_order).",
            )
    return order
