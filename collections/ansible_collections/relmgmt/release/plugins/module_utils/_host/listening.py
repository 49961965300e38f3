# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who listens on which TCP port of this host, as the kernel has it (private)."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pathlib
import re
import struct
import typing as t

__all__ = ["Holder", "Listener", "listeners", "meets"]

_PROC = pathlib.Path("/proc")
_LISTENING = "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]\Z")
_UNIT = re.compile(r"/([^/\n]+\.service)(?=/|$)", re.MULTILINE)
ANY = ("0.0.0.0", "::")


class Holder(t.NamedTuple):
    """A process. unit: of systemd, that it belongs to; empty where there is none."""

    pid: int
    name: str
    unit: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.name})" + (f" of {self.unit}" if self.unit else "")


class Listener(t.NamedTuple):
    """A socket. uid: of who opened it; holders: none where they are not for us to see."""

    address: str
    port: int
    uid: int
    holders: tuple[Holder, ...]

    def __str__(self) -> str:
        return " and ".join(map(str, self.holders)) or f"a process of user {self.uid}"


def listeners(ports: t.Collection[int] | None = None, *, proc: pathlib.Path = _PROC) -> list[Listener]:
    """All of them, or those on the ports."""
    sockets = [item for name in ("tcp", "tcp6") for item in _sockets(proc / "net" / name)]
    found = [item for item in sockets if ports is None or item[1] in ports]
    holders = _holders({inode for _address, _port, _uid, inode in found}, proc) if found else {}
    listening = (Listener(address, port, uid, tuple(holders.get(inode, ()))) for address, port, uid, inode in found)
    return sorted(listening, key=lambda item: (item.port, item.address))


def meets(one: str, other: str) -> bool:
    """Whether sockets on the two addresses, and the same port, are in each other's way."""
    return one == other or one in ANY or other in ANY


def _sockets(table: pathlib.Path) -> t.Iterator[tuple[str, int, int, str]]:
    """Address, port, owner, inode."""
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:  # a kernel without IPv6
        return
    for fields in map(str.split, lines):
        if len(fields) > 9 and fields[3] == _LISTENING:
            address, _colon, port = fields[1].partition(":")
            yield _address(address), int(port, 16), int(fields[7]), fields[9]


def _address(text: str) -> str:
    """The kernel writes 32-bit words in the order of the machine's bytes."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)))


def _holders(inodes: t.Collection[str], proc: pathlib.Path) -> dict[str, list[Holder]]:
    found: dict[str, list[Holder]] = {}
    for pid in sorted(int(name) for name in os.listdir(str(proc)) if name.isdigit()):
        for inode in _open_sockets(proc / str(pid)) & set(inodes):
            with contextlib.suppress(OSError):  # it has ended
                found.setdefault(inode, []).append(_holder(pid, proc))
    return found


def _open_sockets(process: pathlib.Path) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):  # it has ended, or is not for us to see
        for name in os.listdir(str(process / "fd")):
            with contextlib.suppress(OSError):
                match = _SOCKET.match(os.readlink(str(process / "fd" / name)))
                if match:
                    found.add(match.group(1))
    return found


def _holder(pid: int, proc: pathlib.Path) -> Holder:
    name = (proc / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    unit = _UNIT.search((proc / str(pid) / "cgroup").read_text(encoding="utf-8", errors="replace"))
    return Holder(pid, name, unit.group(1) if unit else "")
