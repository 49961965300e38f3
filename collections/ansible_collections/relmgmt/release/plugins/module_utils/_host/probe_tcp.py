# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probe that opens a TCP connection, and how every probe opens one (private)."""

from __future__ import annotations

import socket
import threading
import typing as t

from .._model.errors import InputError
from .._model.probe import Probe
from .asking import NotAsked
from .process import Runner

__all__ = ["Deadline", "ask", "check", "connect"]

Address = t.Tuple[socket.AddressFamily, t.Any]


class Deadline:
    """A moment that holds for many steps together, where a socket's own time limit is for one step."""

    def __init__(self, seconds: float, clock: t.Callable[[], float]) -> None:
        self._end, self._clock = clock() + seconds, clock

    def left(self) -> float:
        """Seconds until then. Raises socket.timeout when there are none."""
        left = self._end - self._clock()
        if left <= 0:
            raise socket.timeout("timed out")
        return left


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A connection to the first of the host's addresses that accepts one.

    Raises:
        NotAsked: nobody knows the host's name.
        OSError: none does, or the host has none, or the deadline passed.
    """
    failure = OSError("the host has no address")
    for family, address in _resolve(host, port, deadline):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(deadline.left())
            sock.connect(address)
            return sock
        except OSError as exc:
            sock.close()
            failure = exc
    raise failure


def _resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
    """The host's addresses. The resolver takes no time limit, so it is left behind in a thread when it hangs."""
    found: list[Address] = []
    failed: list[OSError] = []

    def look_up() -> None:
        try:
            for family, _type, _protocol, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append((family, address))
        except OSError as exc:
            failed.append(exc)
        except UnicodeError:
            failed.append(OSError(f"{host!r} cannot be a host name"))

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(deadline.left())
    if thread.is_alive():
        raise NotAsked(f"{host}: looking up the name takes too long")
    if failed:
        raise NotAsked(f"{host}: {failed[0].strerror or failed[0]}")
    return found


def check(probe: Probe) -> None:
    if not probe.host or not 0 < probe.port < 65536:
        raise InputError("probe-malformed", f"probe {probe.name}: a tcp probe needs a host and a port of 1 to 65535")


def ask(probe: Probe, *, runner: Runner, clock: t.Callable[[], float]) -> tuple[bool, str]:
    where = f"{probe.host} port {probe.port}"
    try:
        connect(probe.host, probe.port, Deadline(probe.timeout, clock)).close()
    except socket.timeout:
        return False, f"{where}: no connection within {probe.timeout:g} s"
    except OSError as exc:
        return False, f"{where}: {exc.strerror or exc}"
    return True, f"{where}: connected"
