# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts a bed has, at which sites and addresses. Pure: the same request gives the same layout."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing as t

from .errors import BedError

__all__ = ["SITES", "Layout", "Place"]

SITES = ("berlin", "madrid", "singapore")
MAX_HOSTS = 240  # of one site: a network with a prefix of 24 bits, and room for its router
_NAME = re.compile(r"[a-z][a-z0-9-]{0,8}[a-z0-9]|[a-z]")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a host stands. ``port`` is the end of its cable at the bridge of its site."""

    name: str
    site: str
    address: str
    gateway: str
    port: str
    bridge: str


@dataclasses.dataclass(frozen=True)
class Layout:
    """A bed's name, its network (the first 16 bits, as ``10.77``) and its hosts in order.

    The network of the site numbered n is ``<network>.<n>.0/24``; ``<network>.0.0/30`` joins bed and controller.
    """

    name: str
    network: str
    places: tuple[Place, ...]

    @classmethod
    def of(cls, hosts: int | t.Mapping[str, str], *, name: str, network: str) -> Layout:
        """Hosts ``h1`` … ``hN`` spread over the three sites, or those of a mapping from host to site.

        Raises:
            BedError: ``name-malformed``, ``network-malformed``, ``hosts-malformed``.
        """
        if not _NAME.fullmatch(name):
            raise BedError(
                "name-malformed", f"{name!r} is not a bed's name: up to 10 small letters, digits and dashes."
            )
        try:
            ipaddress.IPv4Network(f"{network}.0.0/16")
        except ValueError:
            raise BedError(
                "network-malformed", f"{network!r} is not the first half of an address, as 10.77 is."
            ) from None
        named = _numbered(hosts) if isinstance(hosts, int) else dict(hosts)
        sites = list(dict.fromkeys(named.values()))
        crowded = [site for site in sites if list(named.values()).count(site) > MAX_HOSTS]
        bad = [host for host in named if not _HOST.fullmatch(host)]
        if not named or bad or crowded or len(sites) > 250:
            what = f"{bad[0]!r} is not a host's name" if bad else f"{len(named)} hosts at {len(sites)} sites"
            raise BedError("hosts-malformed", f"{what}: a bed has 1 to {MAX_HOSTS} hosts a site.")
        return cls(name, network, tuple(_places(named, sites, network)))

    @property
    def sites(self) -> dict[str, tuple[str, str]]:
        """Bridge and gateway of each site."""
        return {place.site: (place.bridge, place.gateway) for place in self.places}

    @property
    def controller(self) -> str:
        """The controller's address in the bed's network."""
        return f"{self.network}.0.1"

    @property
    def router(self) -> str:
        """The bed's address on the cable to the controller."""
        return f"{self.network}.0.2"

    @property
    def uplink(self) -> str:
        """The controller's end of that cable."""
        return f"bed-{self.name}"

    def to_dict(self) -> dict[str, t.Any]:
        return {"name": self.name, "network": self.network, "hosts": {p.name: p.site for p in self.places}}

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> Layout:
        return cls.of(data["hosts"], name=data["name"], network=data["network"])


def _numbered(count: int) -> dict[str, str]:
    """``h1`` and so on: a third of them at each site, neighbours together."""
    return {f"h{index + 1}": SITES[index * len(SITES) // count] for index in range(count)}


def _places(named: t.Mapping[str, str], sites: t.Sequence[str], network: str) -> t.Iterator[Place]:
    used = dict.fromkeys(sites, 0)
    for index, (host, site) in enumerate(named.items(), start=1):
        number = sites.index(site) + 1
        used[site] += 1
        yield Place(
            name=host,
            site=site,
            address=f"{network}.{number}.{used[site] + 10}",
            gateway=f"{network}.{number}.1",
            port=f"port{index}",
            bridge=f"site{number}",
        )
