# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an instance takes for itself on its host, and who has that already: asked before anything is placed (private).

Ports are those that http and tcp probes ask of the package itself, on addresses of this host, and that of an
agent-check. They count for what runs, for the way back, and for what is staged.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import socket
import typing as t
import urllib.parse

from .._model import outcome
from .._model.errors import ConflictError, RelmgmtError
from .._model.probe import Probe
from .._model.runtime import Runtime
from .foreign import link_names
from .instance import Instance
from .listening import ANY, Listener, listeners, meets
from .locate import Place
from .replacing import handed_over
from .service_command import MARK

__all__ = ["Claim", "claims_of", "require_free"]

_PORTS = {"http": 80, "https": 443}


class Claim(t.NamedTuple):
    """kind: ``unit``, ``port``, ``placement`` or ``state``. thing: its name; of a port ``address:port``."""

    kind: str
    thing: str

    def meets(self, other: Claim) -> bool:
        if self.kind != "port" or other.kind != "port":
            return self == other
        (one, port), (two, same) = (claim.thing.rsplit(":", 1) for claim in (self, other))
        return port == same and meets(one, two)

    def taken(self, instance: Instance, who: str) -> ConflictError:
        return ConflictError(
            f"{self.kind}-taken",
            f"{instance.path}: the {self.kind} {self.thing} is taken by {who}",
            hint="Nothing was touched. Give one of them another one, in its configuration or its release.yml.",
        )


def require_free(
    instance: Instance,
    runtime: Runtime,
    states: t.Iterable[str],
    *,
    adopted: t.Collection[str] = (),
    replaced: Instance | None = None,
    listening: t.Callable[[t.Collection[int]], t.Sequence[Listener]] = listeners,
) -> None:
    """See that nobody else has what the release takes. adopted: units that make room; replaced: a package that does.

    Of a package that it takes turns with, it can have all but the port of an agent-check, which both answer during a
    switch.

    Raises:
        ConflictError: ``unit-taken``, ``port-taken``, ``placement-taken`` or ``state-taken``; it says by whom.
    """
    wanted = claims_of(instance, runtime, states)
    for other in Place(instance.root, None).instances():
        turns = (replaced is not None and other.path == replaced.path) or _takes_turns(instance, other)
        asked = _agent(runtime) if turns else wanted
        clash = _clash(instance, asked, other) if other.path != instance.path else None
        if clash is not None:
            raise clash
    _require_silence(instance, runtime, adopted, replaced, listening)


def claims_of(instance: Instance, runtime: Runtime, states: t.Iterable[str]) -> set[Claim]:
    """All that a deployment of the instance takes."""
    found = {Claim("unit", name) for name in link_names(runtime.service)}
    found |= {Claim("port", f"{host}:{port}") for host, port in _ports(runtime)}
    found |= {Claim("placement", "/etc/" + placement.path) for placement in runtime.placements}
    found |= _agent(runtime)
    if runtime.traffic is not None and runtime.traffic.path:
        found.add(Claim("placement", runtime.traffic.path))
    return found | {Claim("state", os.path.realpath(str(instance.disk.path("state", name)))) for name in states}


def _agent(runtime: Runtime) -> set[Claim]:
    """The port of an agent-check."""
    if runtime.traffic is None or not runtime.traffic.port:
        return set()
    return {Claim("port", f"{runtime.traffic.address or ANY[0]}:{runtime.traffic.port}")}


def _takes_turns(instance: Instance, other: Instance) -> bool:
    with contextlib.suppress(RelmgmtError, OSError):  # damaged: nobody knows
        return handed_over(instance, other)
    return False


def _clash(instance: Instance, wanted: set[Claim], other: Instance) -> ConflictError | None:
    """What the other instance has of that; None where nothing is known to be."""
    with contextlib.suppress(RelmgmtError, OSError):  # damaged: nobody knows what it takes
        for deployment in _counting(other):
            held = claims_of(other, other.runtime(deployment), other.disk.names("state"))
            for claim in sorted(wanted):
                if any(claim.meets(taken) for taken in held):
                    version = other.meta(deployment)["version"]
                    return claim.taken(instance, f"{other.package} ({other.name}), version {version}")
    return None


def _counting(instance: Instance) -> list[int]:
    """Deployments that run, that the instance may go back to, and that it may go to."""
    history = instance.history()
    staged = {number for number, status in history.status.items() if status == outcome.STAGED}
    return sorted({history.current, history.previous(history.current), *staged} & set(history.staged))


def _require_silence(
    instance: Instance,
    runtime: Runtime,
    adopted: t.Collection[str],
    replaced: Instance | None,
    listening: t.Callable[[t.Collection[int]], t.Sequence[Listener]],
) -> None:
    """See that nobody listens where the package is to: its probes would be answered by somebody else."""
    ports = _ports(runtime)
    if not ports:
        return
    try:
        own = {*adopted, *link_names(instance.runtime(instance.history().current).service)}
    except (RelmgmtError, OSError):  # damaged: nobody knows what is its own
        return
    for listener in listening({port for _host, port in ports}):
        host = next((one for one, port in sorted(ports) if port == listener.port and meets(one, listener.address)), "")
        whose = [one for one in (instance, replaced) if one is not None]
        if host and not any(
            holder.unit in own or any(_is_ours(holder.pid, one) for one in whose) for holder in listener.holders
        ):
            raise Claim("port", f"{host}:{listener.port}").taken(instance, str(listener))


def _is_ours(pid: int, instance: Instance) -> bool:
    """Whether the process carries the instance's mark."""
    mark = f"{MARK}={os.path.realpath(str(instance.path))}".encode("utf-8", "surrogateescape")
    with contextlib.suppress(OSError):
        return mark in pathlib.Path("/proc", str(pid), "environ").read_bytes().split(b"\0")
    return False


def _ports(runtime: Runtime) -> set[tuple[str, int]]:
    """Address and port of what the package itself is asked on."""
    found = {_asked(probe) for probe in runtime.probes if probe.own and probe.kind in ("http", "tcp")}
    return {(host, port) for host, port in found if _is_here(host)}


def _asked(probe: Probe) -> tuple[str, int]:
    if probe.kind == "tcp":
        return _number(probe.host), probe.port
    parts = urllib.parse.urlsplit(probe.url)
    return _number(parts.hostname or ""), parts.port or _PORTS.get(parts.scheme, 0)


def _number(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host


def _is_here(host: str) -> bool:
    """Whether it is an address of this host; a name, which would have to be looked up, is not asked for."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError as exc:
        return exc.errno not in (None, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True
