# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who listens on this host, as the kernel tells it."""

from __future__ import annotations

import os
import pathlib
import socket

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.listening import Listener, listeners, meets

TABLE = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def row(address: str, port: int, *, state: str = "0A", uid: int = 33, inode: int = 77) -> str:
    return (
        f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 {uid} 0 {inode} 1 0\n"
    )


def proc(tmp_path: pathlib.Path, *rows: str, cgroup: str = "0::/system.slice/legacy.service/worker\n") -> pathlib.Path:
    """A /proc with one process, 42, that holds the socket 77."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net/tcp").write_text(TABLE + "".join(rows))
    (tmp_path / "42/fd").mkdir(parents=True)
    (tmp_path / "42/fd/3").symlink_to("socket:[77]")
    (tmp_path / "42/comm").write_text("legacyd\n")
    (tmp_path / "42/cgroup").write_text(cgroup)
    return tmp_path


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_socket_that_listens_is_found_with_its_process(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as server:
        try:
            server.bind((address, 0))
        except OSError:
            pytest.skip(f"this machine has no {address}")
        server.listen()
        port = server.getsockname()[1]
        (found,) = listeners({port})
    assert (found.address, found.port, found.uid) == (address, port, os.geteuid())
    assert os.getpid() in [holder.pid for holder in found.holders]


def test_a_connection_is_no_listener(tmp_path: pathlib.Path) -> None:
    assert listeners(proc=proc(tmp_path, row("0100007F", 8080, state="01"))) == []


def test_the_unit_is_told_whichever_cgroup_of_it_the_process_is_in(tmp_path: pathlib.Path) -> None:
    (found,) = listeners(proc=proc(tmp_path, row("00000000", 8080)))
    assert (found.address, found.port) == ("0.0.0.0", 8080)
    assert str(found) == "process 42 (legacyd) of legacy.service"


@pytest.mark.parametrize("cgroup", ["0::/\n", "0::/user.slice/session-1.scope\n", "1:name=systemd:/init.scope\n0::/\n"])
def test_a_process_without_a_unit_is_told_by_its_name(tmp_path: pathlib.Path, cgroup: str) -> None:
    (found,) = listeners(proc=proc(tmp_path, row("00000000", 8080), cgroup=cgroup))
    assert str(found) == "process 42 (legacyd)"


def test_a_process_that_is_not_for_us_to_see_is_told_by_its_user(tmp_path: pathlib.Path) -> None:
    (found,) = listeners(proc=proc(tmp_path, row("00000000", 8080, inode=78)))
    assert found == Listener("0.0.0.0", 8080, 33, ())
    assert str(found) == "a process of user 33"


def test_only_the_ports_that_are_asked_for_are_told(tmp_path: pathlib.Path) -> None:
    here = proc(tmp_path, row("00000000", 8080), row("00000000", 8081))
    assert [found.port for found in listeners({8081}, proc=here)] == [8081]
    assert listeners(set(), proc=here) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "0.0.0.0", True),
        ("::", "127.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
    ],
)
def test_addresses_are_in_each_others_way_if_they_are_the_same_or_one_is_all_of_them(
    one: str, other: str, same: bool
) -> None:
    assert [meets(*pair) for pair in ((one, other), (other, one))] == [same, same]
