# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order hosts come, and how many of them together (private)."""

from __future__ import annotations

import collections.abc
import hashlib
import math

from .sites import by_site
from .wave import Group, Options, Sites

__all__ = ["chunks", "numbered", "pieces", "ranked", "spread"]


def ranked(names: collections.abc.Iterable[str], package: str) -> list[str]:
    """An order that depends on names and package, so that it is not always the same one that goes first."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{package}\0{name}".encode()).digest())


def spread(hosts: Sites, package: str) -> list[str]:
    """All hosts, so that any stretch of them holds each site in proportion to its size."""
    places = {
        host: ((2 * index + 1) / (2 * len(found)), site)
        for site, found in by_site({host: hosts[host] for host in ranked(hosts, package)}).items()
        for index, host in enumerate(found)
    }
    return sorted(hosts, key=lambda host: places[host])


def chunks(order: list[str], size: int) -> list[list[str]]:
    """So many at a time, as they come; those of a time by name."""
    return [sorted(order[start : start + size]) for start in range(0, len(order), size)]


def pieces(hosts: Sites, options: Options) -> list[list[str]]:
    """The hosts together, or, where those are more than a wave may have, in several parts of about the same size."""
    if not options.largest or len(hosts) <= options.largest:
        return [sorted(hosts)]
    count = math.ceil(len(hosts) / options.largest)
    return chunks(spread(hosts, options.package), math.ceil(len(hosts) / count))


def numbered(name: str, parts: list[list[str]], *, site: str = "", bakes: bool = False) -> list[Group]:
    """One group, or several that are counted, of which the last bakes."""
    if len(parts) == 1:
        return [Group(name, parts[0], site, bakes)]
    last = len(parts)
    return [
        Group(f"{name}-{number}", part, site, bakes and number == last) for number, part in enumerate(parts, start=1)
    ]
