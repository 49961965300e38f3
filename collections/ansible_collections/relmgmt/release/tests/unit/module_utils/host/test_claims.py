# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two packages that want one thing of a host, and ports that somebody listens on: refused before anything is placed."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.claims import require_free
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance
from ansible_collections.relmgmt.release.plugins.module_utils._host.listening import Holder, Listener
from ansible_collections.relmgmt.release.plugins.module_utils._host.service_command import MARK
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import ConflictError
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Runtime

from .engine import Host, Package, free_port

UNIT = {"service": {"driver": "systemd", "unit": "web.service"}}
PORT = {"probes": [{"name": "web", "kind": "http", "url": "http://localhost:8080/"}]}
FILE = {"traffic": {"driver": "readiness_file", "path": "/var/lib/site/ready"}}
AGENT = {"traffic": {"driver": "agent_check", "port": 8080}}


class Site:
    """A root with another package on it. ``state`` is a directory of that."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.other, self.mine = Instance(root, "web/shop", "main"), Instance(root, "web/blog", "main")
        self.mine.path.mkdir(parents=True)
        self.other.path.mkdir(parents=True)

    def deploy(self, number: int, data: t.Mapping[str, t.Any], *events: str) -> None:
        """A deployment of the other package, of which the journal says that."""
        disk = self.other.disk
        disk.make_directory("deployments", str(number), "profile")
        disk.write(_json({"runtime": dict(data)}), "deployments", str(number), "profile", "profile.json")
        disk.write(_json({"version": f"1.{number}"}), "deployments", str(number), "meta.json")
        self.other.journal.write("staged", deployment=number, version=f"1.{number}", release="r", profile="p")
        for event in events:
            told = (
                {"from": number - 1, "to": number, "verb": "activate"} if event == "switch" else {"deployment": number}
            )
            self.other.journal.write(event, **told)

    def require(self, data: t.Mapping[str, t.Any], *states: str, **how: t.Any) -> None:
        require_free(self.mine, Runtime.from_dict(data), states, **{"listening": lambda _ports: [], **how})

    def refused(self, data: t.Mapping[str, t.Any], *states: str, **how: t.Any) -> ConflictError:
        with pytest.raises(ConflictError) as caught:
            self.require(data, *states, **how)
        return caught.value


def _json(value: t.Any) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize(
    ("theirs", "ours", "code", "thing"),
    [
        (UNIT, UNIT, "unit-taken", "web.service"),
        (PORT, PORT, "port-taken", "127.0.0.1:8080"),
        (AGENT, PORT, "port-taken", "127.0.0.1:8080"),
        (PORT, AGENT, "port-taken", "0.0.0.0:8080"),
        (FILE, FILE, "placement-taken", "/var/lib/site/ready"),
    ],
)
@pytest.mark.parametrize("events", [(), ("switch", "provisional"), ("switch", "confirmed")])
def test_what_another_package_has_is_refused_with_its_name(
    site: Site, theirs: dict[str, t.Any], ours: dict[str, t.Any], code: str, thing: str, events: tuple[str, ...]
) -> None:
    site.deploy(1, theirs, *events)
    error = site.refused(ours)
    assert error.code == code
    assert thing in error.message and "web/shop (main), version 1.1" in error.message


def test_two_instances_of_one_package_cannot_share_a_unit(site: Site) -> None:
    site.deploy(1, UNIT, "switch", "confirmed")
    site.mine = Instance(site.root, "web/shop", "second")
    assert site.refused(UNIT).code == "unit-taken"


def test_what_another_package_may_go_back_to_counts(site: Site) -> None:
    site.deploy(1, PORT, "switch", "confirmed")
    site.deploy(2, UNIT, "switch", "confirmed")
    assert site.refused(PORT).code == "port-taken"
    site.deploy(3, UNIT, "switch", "confirmed")
    site.require(PORT)


def test_other_ports_and_addresses_are_free(site: Site) -> None:
    site.deploy(1, PORT, "switch", "confirmed")
    site.require({"probes": [{"name": "web", "kind": "http", "url": "http://localhost:8081/"}]})
    site.require({"probes": [{"name": "web", "kind": "tcp", "host": "192.0.2.1", "port": 8080}]})


def test_a_state_directory_that_leads_to_that_of_another_package_is_refused(site: Site) -> None:
    shared = site.root / "data"
    shared.mkdir()
    for instance in (site.other, site.mine):
        instance.disk.make_directory("state")
        os.symlink(str(shared), str(instance.disk.path("state", "files")))
    site.deploy(1, {}, "switch", "confirmed")
    assert site.refused({}, "files").code == "state-taken"
    site.require({}, "others")


def test_a_package_that_is_damaged_stops_nobody_else(site: Site) -> None:
    site.deploy(1, UNIT, "switch", "confirmed")
    (site.other.path / "journal").write_text("nonsense\n")
    site.require(UNIT)


def listening(holder: Holder, address: str = "0.0.0.0") -> t.Callable[[t.Collection[int]], list[Listener]]:
    return lambda ports: [Listener(address, port, 0, (holder,)) for port in sorted(ports)]


def test_a_port_that_somebody_listens_on_is_refused_with_who_does(site: Site) -> None:
    error = site.refused(PORT, listening=listening(Holder(1 << 30, "nginx", "nginx.service")))
    assert error.code == "port-taken"
    assert "127.0.0.1:8080" in error.message and "(nginx) of nginx.service" in error.message


def test_a_port_of_what_is_adopted_is_free(site: Site) -> None:
    listens = listening(Holder(1 << 30, "nginx", "nginx.service"))
    site.require(PORT, listening=listens, adopted=["nginx.service"])


def test_a_port_of_somebody_else_that_a_probe_asks_is_not_taken(site: Site) -> None:
    listens = listening(Holder(1 << 30, "postgres", "postgresql.service"))
    site.require({"probes": [{"name": "database", "kind": "tcp", "port": 5432, "own": False}]}, listening=listens)


def test_a_listener_on_another_address_is_not_in_the_way(site: Site) -> None:
    site.require(PORT, listening=listening(Holder(1 << 30, "nginx", ""), "192.0.2.1"))


@contextlib.contextmanager
def server(port: int, **environment: str) -> t.Iterator[int]:
    """A process that listens."""
    listen = f"s = socket.create_server(('127.0.0.1', {port}))"
    code = f"import socket, time; {listen}; print('up', flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, **environment})
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def test_a_real_listener_is_found_and_the_instances_own_is_not_foreign(site: Site) -> None:
    port = free_port()
    data = {"probes": [{"name": "web", "kind": "tcp", "port": port}]}
    with server(port) as pid, pytest.raises(ConflictError) as refused:
        require_free(site.mine, Runtime.from_dict(data), ())
    assert f"process {pid} " in refused.value.message
    with server(port, **{MARK: os.path.realpath(site.mine.path)}):
        require_free(site.mine, Runtime.from_dict(data), ())


@pytest.mark.parametrize("check", [True, False])
def test_staging_refuses_a_port_that_is_taken_and_leaves_nothing(tmp_path: pathlib.Path, check: bool) -> None:
    host = Host(tmp_path)
    with socket.create_server(("127.0.0.1", host.port)), pytest.raises(ConflictError) as refused:
        host.stage(Package("1.0.0"), check=check)
    assert refused.value.code == "port-taken"
    assert not host.instance.disk.names("deployments")


def test_a_release_that_runs_may_be_staged_again_on_its_own_port(tmp_path: pathlib.Path) -> None:
    host = Host(tmp_path)
    try:
        host.deploy(Package("1.0.0"))
        assert host.stage(Package("2.0.0"))["outcome"] == "staged"
    finally:
        host.stop()
