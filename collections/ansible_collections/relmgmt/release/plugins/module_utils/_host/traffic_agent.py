# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A port on which HAProxy's agent-check is answered (private).

``up ready`` in traffic, ``drain`` while requests end, ``maint`` out of it: to a server that only drains, HAProxy goes
on sending sessions that stick to it.

Nothing of ours waits there. systemd does, and has each question answered by what stands in a file of the instance. The
units are files of their own, as the guard's are, and go with the last deployment.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import pathlib
import socket

from .._model.errors import BackendError, ConflictError, InputError
from .._model.runtime import Traffic
from .arming import SYSTEMD, kind_of_guard
from .disk import Disk
from .guard_systemd import escaped, name_of, word
from .process import Runner
from .systemctl import UNITS, systemctl

__all__ = ["DRAIN", "MAINT", "READY", "AgentCheck", "forget"]

READY, DRAIN, MAINT = b"up ready\n", b"drain\n", b"maint\n"
_MODE = 0o644
_SOCKET = """[Unit]
Description=relmgmt: whether a load balancer may send requests to {what}

[Socket]
ListenStream={listen}
Accept=yes

[Install]
WantedBy=sockets.target
"""
_ANSWER = """[Unit]
Description=relmgmt: an answer for a load balancer about {what}
RequiresMountsFor={mounts}
CollectMode=inactive-or-failed

[Service]
ExecStart=/bin/cat
StandardInput=file:{file}
StandardOutput=socket
StandardError=journal
DynamicUser=yes
"""


class AgentCheck:
    """See ``traffic.TrafficDriver``."""

    def __init__(
        self, traffic: Traffic, *, instance: pathlib.Path, runner: Runner, units: pathlib.Path = UNITS
    ) -> None:
        if not traffic.port:
            raise InputError(
                "traffic-port-missing", "traffic.port: driver agent_check needs the port that it answers on"
            )
        self._address, self._port = _address(traffic.address), traffic.port
        self._instance, self._runner = instance, runner
        self._disk, self._units = Disk(instance), Disk(units)
        self._file = f"agent-{self._port}"
        self._name = f"{name_of(instance)}-{self._file}"

    def check(self) -> None:
        if kind_of_guard() != SYSTEMD:
            raise InputError(
                "traffic-needs-systemd",
                f"traffic.driver: agent_check needs systemd and root, and {self._instance} has not both",
                hint="Use readiness_file there, and let an agent of your own look at the file.",
            )
        if not self._units.exists(self._name + ".socket"):
            self._check_port()

    def inside(self) -> bool:
        return self._disk.read(self._file) == READY

    def enter(self) -> None:
        self._install()
        self._disk.write(READY, self._file, mode=_MODE)
        self._systemctl("start", self._name + ".socket")

    def leave(self) -> None:
        if self._disk.path().is_dir():
            if self.inside():
                self._disk.write(DRAIN, self._file, mode=_MODE)
            elif self._disk.read(self._file) != DRAIN:
                self._disk.write(MAINT, self._file, mode=_MODE)
            self._install()

    def close(self) -> None:
        if self._disk.path().is_dir() and not self.inside():
            self._disk.write(MAINT, self._file, mode=_MODE)

    def _install(self) -> None:
        """Have systemd listen; nothing where it does. Raises BackendError."""
        texts = {f"{self._name}.socket": _SOCKET, f"{self._name}@.service": _ANSWER}
        about = {
            "what": escaped("/".join(self._instance.parts[-3:])),
            "listen": f"{self._address}:{self._port}" if self._address else str(self._port),
            "mounts": word(str(self._instance)),
            "file": escaped(str(self._disk.path(self._file))),
        }
        written = False
        for name, text in texts.items():
            data = text.format(**about).encode("utf-8")
            if self._units.read(name) != data:
                self._units.write(data, name)
                written = True
        if written:
            self._systemctl("daemon-reload")
            self._systemctl("stop", self._name + ".socket")  # another address may be meant now
            self._systemctl("enable", "--now", self._name + ".socket")
            self._units.flush()  # the link that systemctl made

    def _systemctl(self, *args: str) -> None:
        done = systemctl(self._runner, *args)
        if done.code or done.timed_out:
            raise BackendError("systemctl-failed", f"systemctl {' '.join(args)} failed: {done.output.strip()}")

    def _check_port(self) -> None:
        address = self._address.strip("[]")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with contextlib.closing(socket.socket(family)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, self._port))
            except OSError as exc:
                if exc.errno == errno.EADDRINUSE:
                    raise ConflictError(
                        "traffic-port-taken",
                        f"traffic.port: somebody else listens on port {self._port} of this host",
                        hint="Name another port.",
                    ) from None


def forget(instance: pathlib.Path, runner: Runner, *, units: pathlib.Path = UNITS) -> None:
    """Take away what was installed for the instance, whatever it declared. Raises OSError."""
    disk, start = Disk(units), name_of(instance) + "-agent-"
    names = [name for name in disk.names() if name.startswith(start) and name.endswith((".socket", "@.service"))]
    for name in names:
        if name.endswith(".socket"):
            systemctl(runner, "disable", "--now", name)
        disk.remove(name)
    if names:
        systemctl(runner, "daemon-reload")


def _address(text: str) -> str:
    """As a unit file has it; empty: all that the host has. Raises InputError."""
    try:
        address = ipaddress.ip_address(text) if text else None
    except ValueError:
        raise InputError(
            "traffic-address-malformed", f"traffic.address: {text!r} is not an address", hint="Write a number, no name."
        ) from None
    return "" if address is None else f"[{address}]" if address.version == 6 else str(address)
