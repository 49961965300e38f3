# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts with one small service each behind a real load balancer, and the host engine, asked over ssh.

There is no Ansible, DML or Vault: a request of the controller is one ssh, which has ended before anything is measured.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import io
import json
import pathlib
import shlex
import subprocess
import tarfile
import typing as t

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import canonical, digest_of, hex_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.module_utils._model.wire import MARK
from ansible_collections.relmgmt.release.plugins.plugin_utils._engine import BOOT, engine_bytes
from tests.testbed import Bed, Host

__all__ = ["AFTER", "AGENT", "BALANCER", "BEFORE", "UNIT", "Place", "furnish"]

BALANCER = "lb"
BEFORE, AFTER = "1.0.0", "2.0.0"
UNIT = "wayback.service"
PORT, AGENT, FIRST = 8080, 9707, 9001
_ROOT, _PACKAGE = "/srv/relmgmt", "demo/wayback"
_INSTANCE = f"{_ROOT}/{_PACKAGE}/main"
_TIMEOUT = 120.0
_SERVER = pathlib.Path(__file__).with_name("server.py")
_UNIT = f"""[Unit]
Description=The service that is taken back
[Service]
ExecStart=/usr/bin/python3 -I -S -B {_INSTANCE}/current/release/app/server.py {PORT}
[Install]
WantedBy=multi-user.target
"""
_HAPROXY = """global
    stats socket /run/haproxy/admin.sock mode 600
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    retries 0
"""
_OPTIONS = f"check inter 500ms fastinter 200ms rise 1 fall 2 agent-check agent-port {AGENT} agent-inter 500ms"
_LISTEN = """listen {name}
    bind :{port}
    option httpchk GET /
    server {name} {address}:{service} {options}
"""


class Release(t.NamedTuple):
    """One version, as a controller sends it."""

    manifest: Manifest
    payload: bytes

    @classmethod
    def of(cls, version: str) -> Release:
        files = {"server.py": _SERVER.read_bytes(), "version": version.encode()}
        entries = [
            {"path": path, "mode": "0644", "size": len(data), "digest": digest_of(data)} for path, data in files.items()
        ]
        blob = {"digest": digest_of(b""), "size": 0}
        unit = {"name": "app", "kind": "files", "destination": "app", "blob": blob, "entries": entries}
        about = {"name": _PACKAGE, "version": version, "versioning": "semver", "type": "minor", "owner": "tests"}
        rest: dict[str, t.Any] = {"config": {}, "state": [], "runtime": {}, "activation": "restart", "about": {}}
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for data in files.values():
                member = tarfile.TarInfo(hex_of(digest_of(data)))
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        return cls(Manifest.from_dict({"format": 1, **about, "units": [unit], **rest}), buffer.getvalue())


@functools.cache
def release(version: str) -> Release:
    return Release.of(version)


class Place:
    """One host, and where the load balancer passes requests on to it alone."""

    def __init__(self, bed: Bed, host: Host, outside: tuple[str, int]) -> None:
        self.host, self.outside = host, outside
        self._login = (*bed.login(), host.address, f"sudo -n python3 -I -S -c {shlex.quote(BOOT)}")

    def ask(self, verb: str, *, payload: bytes = b"", **params: t.Any) -> dict[str, t.Any]:
        """What the host engine answers a controller that is gone when this returns.

        Raises:
            RuntimeError: it refused.
        """
        address = {"root": _ROOT, "package": _PACKAGE, "instance": "main"}
        header = {"verb": verb, "params": {**address, **params}, "check": False, "payload": len(payload)}
        engine = engine_bytes()
        data = b"%d\n%s%s\n%s" % (len(engine), engine, json.dumps(header).encode(), payload)
        done = subprocess.run(self._login, input=data, capture_output=True, timeout=_TIMEOUT, check=False)
        for line in reversed(done.stdout.decode().splitlines()):
            if line.startswith(MARK):
                answer = json.loads(line[len(MARK) :])
                if "result" in answer:
                    return t.cast("dict[str, t.Any]", answer["result"])
                raise RuntimeError(f"{self.host.name}, {verb}: {answer}")
        raise RuntimeError(f"{self.host.name}, {verb}: {done.stderr.decode()}")

    def stage(self, version: str) -> int:
        """The number of the deployment."""
        manifest, payload = release(version)
        return int(self.ask("stage", payload=payload, manifest=manifest.to_dict(), profile=_profile())["deployment"])

    def activate(self, version: str, *, confirm_timeout: float = _TIMEOUT) -> int:
        number = self.stage(version)
        answer = self.ask("activate", deployment=number, confirm_timeout=confirm_timeout)
        if answer["outcome"] != "provisional":
            raise RuntimeError(f"{self.host.name}: {answer}")
        return number

    @property
    def journal(self) -> pathlib.Path:
        return self.host.path(f"{_INSTANCE}/journal")

    def events(self) -> list[dict[str, t.Any]]:
        """The journal."""
        text = self.journal.read_text()
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def seen(self) -> str:
        """The version that the load balancer's users get; empty where they get none."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(*self.outside, timeout=2)
            with contextlib.closing(connection):
                connection.request("GET", "/")
                answer = connection.getresponse()
                return answer.read().decode() if answer.status == 200 else ""
        return ""


def _profile() -> dict[str, t.Any]:
    runtime = {
        "service": {"driver": "systemd", "unit": UNIT, "unit_file": UNIT},
        "probes": [{"name": "web", "kind": "http", "url": f"http://127.0.0.1:{PORT}/"}],
        "traffic": {"driver": "agent_check", "port": AGENT, "drain_time": 1},
    }
    contents = base64.b64encode(_UNIT.encode()).decode()
    files = [{"path": UNIT, "mode": "0644", "contents": contents}]
    return {"digest": digest_of(canonical([_UNIT, runtime])), "files": files, "runtime": runtime, "versions": {}}


def furnish(bed: Bed) -> list[Place]:
    """Let the load balancer ask every other host; each has a port there for itself."""
    balancer = bed.hosts[BALANCER]
    hosts = [host for host in bed.hosts.values() if host is not balancer]
    config = [_HAPROXY]
    for port, host in enumerate(hosts, FIRST):
        config.append(_LISTEN.format(name=host.name, port=port, address=host.address, service=PORT, options=_OPTIONS))
    balancer.path("/etc/haproxy/haproxy.cfg").write_text("".join(config))
    balancer.run("systemctl", "restart", "haproxy")
    return [Place(bed, host, (balancer.address, port)) for port, host in enumerate(hosts, FIRST)]
