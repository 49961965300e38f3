# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operator's 20 hosts at three sites as real hosts, with a real load balancer before them."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import typing as t

import yaml

from examples.demo import PACKAGE, REPOSITORY, Demo, sites
from tests.testbed import Bed, Host

__all__ = ["BALANCER", "PORT", "USER", "Fleet", "furnish", "places", "write_inventory"]

BALANCER = "lb"
USER = "radicale"
PORT = 5232
GUIDE = REPOSITORY / "collections/ansible_collections/relmgmt/release/docs/release-yml.md"
UNIT = re.compile(r"^```ini\n# (/etc/systemd/system/\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BACKEND = re.compile(r"^```\nbackend calendar\n    server \S+ \S+ (.*?)\n```$", re.MULTILINE)
HAPROXY = """\
global
    stats socket /run/haproxy/admin.sock mode 600
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    # A request that fails is seen by whoever made it.
    retries 0
frontend calendar
    bind :80
    http-response set-header X-Served-By %s
    default_backend calendar
backend calendar
    balance roundrobin
    option httpchk GET /.web/
"""


@dataclasses.dataclass(frozen=True)
class Fleet(Demo):
    """The demo's operator, at real hosts."""

    bed: Bed

    def release(self, host: str) -> str:
        link = f"/srv/relmgmt/{PACKAGE}/main/current/release"
        return pathlib.PurePath(self.bed.hosts[host].run("readlink", "-f", link).stdout.strip()).name

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "HOME": str(self.work), "XDG_RUNTIME_DIR": str(self.work)}

    @property
    def balancer(self) -> Host:
        return self.bed.hosts[BALANCER]

    def traffic(self) -> dict[str, str]:
        """What the load balancer thinks of each host."""
        ask = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock'); "
        ask += "s.sendall(b'show stat json\\n'); sys.stdout.write(s.makefile().read())"
        rows = json.loads(self.balancer.run("python3", "-c", ask).stdout)
        tables = [{cell["field"]["name"]: cell["value"]["value"] for cell in row} for row in rows]
        return {str(row["svname"]): str(row["status"]) for row in tables if row["svname"] in self.addresses}


def places() -> dict[str, str]:
    """All hosts of the bed, each with its site."""
    return {BALANCER: "edge", **sites()}


def write_inventory(work: pathlib.Path, bed: Bed) -> dict[str, tuple[str, int]]:
    """Write what the bed adds to the operator's inventory; where each Radicale listens."""
    config = {"host": "0.0.0.0", "service_driver": "systemd", "service_user": USER, "drain_seconds": 2}
    hosts = {
        name: {
            **bed.connection,
            "ansible_host": host.address,
            "radicale_port": PORT,
            "relmgmt_config__90_bed": {PACKAGE: config},
        }
        for name, host in bed.hosts.items()
        if name != BALANCER
    }
    waiver = {"relmgmt_rehearsal": "waived", "relmgmt_rehearsal_reason": "the demo shows the rehearsal"}
    (work / "here.yml").write_text(yaml.safe_dump({"all": {"vars": waiver, "hosts": hosts}}))
    return {name: (bed.hosts[name].address, PORT) for name in hosts}


def furnish(bed: Bed) -> None:
    """Do what is the operator's: the service's user, the traffic agent of the guide, the load balancer."""
    guide = GUIDE.read_text()
    units: dict[str, str] = dict(UNIT.findall(guide))
    for name, host in bed.hosts.items():
        if name == BALANCER:
            continue
        host.run("useradd", "--system", USER)
        for path, text in units.items():
            host.path(path).write_text(text)
        (socket,) = (pathlib.Path(path).name for path in units if path.endswith(".socket"))
        host.run("systemctl", "enable", "--now", socket)
    options = t.cast("re.Match[str]", BACKEND.search(guide)).group(1)
    servers = [
        f"    server {name} {host.address}:{PORT} {options}\n" for name, host in bed.hosts.items() if name != BALANCER
    ]
    bed.hosts[BALANCER].path("/etc/haproxy/haproxy.cfg").write_text(HAPROXY + "".join(servers))
    bed.hosts[BALANCER].run("systemctl", "start", "haproxy")
