# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet out of the registry: the hosts that rollouts have met, and what they run (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model.errors import InputError
from .fleet import Fleet, Item
from .seen import seen

__all__ = ["recorded"]


def recorded(
    rows: collections.abc.Iterable[collections.abc.Mapping[str, t.Any]],
    *,
    environments: collections.abc.Container[str] | None = None,
    packages: collections.abc.Container[str] | None = None,
    variables: collections.abc.Mapping[str, t.Any] | None = None,
) -> Fleet:
    """What ``Registry.last_seen`` tells: of a host that was moved, the newest site and environment count.

    environments, packages: those that are to be shown; None: all.

    Raises:
        InputError: nothing is left (``inventory-empty``).
    """
    sites: dict[str, tuple[str, str]] = {}
    running: dict[str, dict[str, dict[str, str]]] = {}
    for row in seen(rows):
        if packages is not None and row.package not in packages:
            continue
        sites[row.host] = (row.site, row.environment)
        instances = running.setdefault(row.host, {}).setdefault(row.package, {})
        instances.pop(row.instance, None)
        if row.version:
            instances[row.instance] = row.version
    items = tuple(
        Item(host, site, environment, {package: held for package, held in running[host].items() if held})
        for host, (site, environment) in sorted(sites.items())
        if environments is None or environment in environments
    )
    if not items:
        raise InputError(
            "inventory-empty",
            "The registry knows no such host",
            hint="Hosts get there with their first rollout. Look at registry, environments and packages.",
        )
    return Fleet(items, variables=variables or {})
