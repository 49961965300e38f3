# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bed's networks: one a site, a router between them that is the bed itself, and a cable to the controller."""

from __future__ import annotations

import ipaddress
import json
import typing as t

from .errors import BedError
from .janitor import beds, lives
from .layout import Layout, Place
from .system import STATE, command, inside

__all__ = ["free", "wire"]

_CHOICES = tuple(f"10.{number}" for number in range(77, 100))


def free(wanted: str | None) -> str:
    """The wanted network, or the first that no route of this machine touches and no bed that is being made claims.

    To be asked ``alone``, until the answer stands in the bed's ``bed.json``.

    Raises:
        BedError: ``network-in-use``.
    """
    routes = json.loads(command("ip", "-json", "-4", "route", "show", "table", "all").stdout)
    used = [_net(route["dst"]) for route in routes if route["dst"] != "default" and route.get("table") != "local"]
    claims = [about for bed in beds() if lives(bed) and (about := STATE / bed / "bed.json").exists()]
    used += [_net(f"{json.loads(about.read_text())['network']}.0.0/16") for about in claims]
    for choice in (wanted,) if wanted else _CHOICES:
        if not any(_net(f"{choice}.0.0/16").overlaps(other) for other in used):
            return choice
    raise BedError(
        "network-in-use",
        f"This machine already has a route into {wanted or _CHOICES[0]}.0.0/16.",
        hint="Name another network with --network.",
    )


def _net(text: str) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(text, strict=False)


def wire(layout: Layout, holder: int, disk: str) -> None:
    """Lay all cables. They are gone when the bed's namespaces are."""
    inside(holder, "sh", "-e", text="\n".join(_script(layout, disk)))
    uplink = layout.uplink
    command("ip", "link", "add", uplink, "type", "veth", "peer", "name", "uplink", "netns", str(holder))
    command("ip", "-batch", "-", text=f"addr add {layout.controller}/30 dev {uplink}\nlink set {uplink} up\n")
    command(
        "nsenter",
        f"--target={holder}",
        "--net",
        "ip",
        "-batch",
        "-",
        text=f"addr add {layout.router}/30 dev uplink\nlink set uplink up\nlink set lo up\n",
    )
    command("ip", "route", "add", f"{layout.network}.0.0/16", "via", layout.router)


def _script(layout: Layout, disk: str) -> t.Iterator[str]:
    yield "ip -batch - <<END"
    for bridge, gateway in layout.sites.values():
        yield f"link add {bridge} type bridge stp_state 0 forward_delay 0"
        yield f"addr add {gateway}/24 dev {bridge}"
        yield f"link set {bridge} up"
    yield "END"
    for place in layout.places:
        yield f"unshare --net={disk}/{place.name}/net true"
    yield "ip -batch - <<END"
    for place in layout.places:
        yield f"link add {place.port} type veth peer name eth0 netns {disk}/{place.name}/net"
        yield f"link set {place.port} master {place.bridge} up"
    yield "END"
    for place in layout.places:
        yield from _host(place, f"{disk}/{place.name}/net")


def _host(place: Place, namespace: str) -> t.Iterator[str]:
    yield f"nsenter --net={namespace} ip -batch - <<END"
    yield "link set lo up"
    yield f"addr add {place.address}/24 dev eth0"
    yield "link set eth0 up"
    yield f"route add default via {place.gateway}"
    yield "END"
