# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A few first, then the rest (private)."""

from __future__ import annotations

import math

from ....module_utils._model.errors import InputError
from .share import share_of
from .spread import numbered, pieces, ranked
from .wave import Group, Options, Sites

__all__ = ["canary"]


def canary(hosts: Sites, options: Options) -> list[Group]:
    """The canaries are those that are named, or as many as were asked for, chosen by a hash of host and package.

    A percentage is of the whole fleet, so that it means the same when only a few hosts are left to be switched.

    Raises:
        InputError: ``canary-malformed``, ``canary-empty``, ``canary-unknown``.
    """
    first = _named(hosts, options) if options.canary_hosts else ranked(hosts, options.package)[: _count(hosts, options)]
    ahead = {host: hosts[host] for host in sorted(first)}
    rest = {host: site for host, site in hosts.items() if host not in ahead}
    return [*numbered("canary", pieces(ahead, options), bakes=True), *numbered("rest", pieces(rest, options))]


def _count(hosts: Sites, options: Options) -> int:
    share, fleet = share_of(options.canary, option="canary"), len(options.fleet or hosts)
    if fleet and not share.of(fleet):
        least = math.ceil(100 / fleet)
        hint = f"The smallest percentage that is a host of {fleet} is {least}%." if share.percent else "Use 1 or more."
        raise InputError(
            "canary-empty",
            f"canary: {options.canary} of {fleet} hosts is no host, and no canary",
            hint=f"{hint} Set relmgmt_canary, or take another strategy.",
        )
    return share.of(fleet)


def _named(hosts: Sites, options: Options) -> list[str]:
    """Those of them that something happens to; each has to be a host of the rollout."""
    unknown = [host for host in options.canary_hosts if host not in hosts and host not in options.fleet]
    if unknown:
        raise InputError(
            "canary-unknown",
            f"canary_hosts: {', '.join(unknown)} is not among the hosts of the rollout",
            hint="Name hosts of relmgmt_target, as the inventory calls them (relmgmt_canary_hosts).",
        )
    return [host for host in hosts if host in options.canary_hosts]
