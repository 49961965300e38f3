# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine's tests share: a tiny package with a real service, and an instance to put it on."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import pathlib
import socket
import sys
import tarfile
import time
import typing as t

from ansible_collections.relmgmt.release.plugins.module_utils._host.capsule import Capsule
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance, Tools
from ansible_collections.relmgmt.release.plugins.module_utils._host.main import Request, answer, boottime
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Runner
from ansible_collections.relmgmt.release.plugins.module_utils._host.service import open_driver
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import canonical, digest_of, hex_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest, Template

SERVER = b"""import http.server, pathlib, sys
config, state = map(pathlib.Path, sys.argv[1:])
port, status = config.read_text().split()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(status))
        self.end_headers()
        self.wfile.write(pathlib.Path(__file__).with_name("version").read_bytes())
    def log_message(self, *args):
        pass
(state / "started").open("a").write("x")
http.server.HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""
PACKAGE = "test/app"
# Seconds to become healthy: ample for what is well, on however busy a machine; short for what never will be.
AMPLE, SHORT = 60.0, 0.4


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Package:
    """One version: the bytes of its files, and its manifest."""

    def __init__(
        self, version: str, extra: t.Mapping[str, bytes] | None = None, *, templates: t.Sequence[Template] = ()
    ) -> None:
        self.files = {"server.py": SERVER, "version": version.encode(), "empty": b"", **(extra or {})}
        entries = [
            {"path": path, "mode": "0644", "size": len(data), "digest": digest_of(data)}
            for path, data in self.files.items()
        ]
        unit = {
            "name": "app",
            "kind": "files",
            "destination": "app",
            "blob": {"digest": digest_of(b""), "size": 0},
            "entries": [*entries, {"path": "data", "state": "data"}, {"path": "latest", "link": "version"}],
        }
        self.manifest = Manifest.from_dict(
            {
                "format": 1,
                "name": PACKAGE,
                "version": version,
                "versioning": "semver",
                "type": "minor",
                "owner": "tests",
                "units": [unit],
                "config": {"templates": [template.to_dict() for template in templates]},
                "state": [{"name": "data", "kind": "data", "mode": "0750"}],
                "runtime": {},
                "activation": "restart",
                "about": {},
            }
        )

    def payload(self, *, without: t.Collection[str] = (), spoil: t.Mapping[str, bytes] | None = None) -> io.BytesIO:
        """What a controller sends; ``spoil`` replaces bytes under the name of the right ones."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for path, data in self.files.items():
                if data and path not in without:
                    sent = (spoil or {}).get(path, data)
                    member = tarfile.TarInfo(hex_of(digest_of(data)))
                    member.size = len(sent)
                    archive.addfile(member, io.BytesIO(sent))
        return io.BytesIO(buffer.getvalue())


def deadline(status: int) -> float:
    return AMPLE if status == 200 else SHORT


def profile(
    instance: pathlib.Path,
    port: int,
    *,
    status: int = 200,
    secret: str = "",
    traffic: t.Mapping[str, t.Any] | None = None,
    reboot: t.Mapping[str, t.Any] | None = None,
    migrations: t.Sequence[t.Mapping[str, t.Any]] = (),
) -> dict[str, t.Any]:
    """A rendered profile: the port and the status that the server answers with, probe, traffic, boot, migrations."""
    contents = f"{port} {status}\n".encode()
    files = [("port.conf", contents)] + ([("secret", secret.encode())] if secret else [])
    server = str(instance / "current" / "release" / "app" / "server.py")
    command = [
        sys.executable,
        server,
        str(instance / "current" / "profile" / "port.conf"),
        str(instance / "state" / "data"),
    ]
    return {
        "digest": digest_of(
            canonical([contents.decode(), len(secret), dict(traffic or {}), dict(reboot or {}), list(migrations)])
        ),
        "files": [{"path": path, "mode": "0640", "contents": base64.b64encode(data).decode()} for path, data in files],
        "runtime": {
            "service": {"driver": "command", "command": command, "stop_timeout": 5},
            "probes": [{"name": "web", "kind": "http", "url": f"http://127.0.0.1:{port}/"}],
            "health": {"min_healthy_time": 0.05, "healthy_deadline": deadline(status), "interval": 0.05},
            **({"traffic": dict(traffic)} if traffic else {}),
            **({"reboot": dict(reboot)} if reboot else {}),
            **({"migrations": list(migrations)} if migrations else {}),
        },
        "versions": {},
    }


def packed(files: t.Mapping[str, bytes], **runtime: t.Any) -> dict[str, t.Any]:
    """A profile of these rendered files, run in this way."""
    encoded = {path: base64.b64encode(data).decode() for path, data in files.items()}
    health = {"min_healthy_time": 0.05, "healthy_deadline": AMPLE, "interval": 0.05}
    return {
        "digest": digest_of(canonical([encoded, runtime])),
        "files": [{"path": path, "mode": "0640", "contents": data} for path, data in encoded.items()],
        "runtime": {"health": health, **runtime},
        "versions": {},
    }


class Host:
    """An instance on this machine, asked as a controller asks it."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.port = free_port()
        self.instance = Instance(root, PACKAGE, "main")
        self.tools = Tools(boottime, time.sleep, Runner())
        self.engine = b"engine"

    def ask(
        self, verb: str, *, check: bool = False, payload: t.BinaryIO | None = None, **params: t.Any
    ) -> dict[str, t.Any]:
        params = {"root": str(self.root), "package": PACKAGE, "instance": "main", **params}
        return answer(verb, Request(json.loads(json.dumps(params)), check, payload, self.engine, self.tools))

    def stage(self, package: Package, *, check: bool = False, send: bool = True, **about: t.Any) -> dict[str, t.Any]:
        return self.ask(
            "stage",
            check=check,
            payload=package.payload() if send else None,
            manifest=package.manifest.to_dict(),
            profile=profile(self.instance.path, self.port, **about),
        )

    def deploy(self, package: Package, **about: t.Any) -> int:
        """Stage, activate, confirm; the number of the deployment."""
        number = int(self.stage(package, **about)["deployment"])
        assert self.ask("activate", deployment=number)["outcome"] == "provisional"
        assert self.ask("confirm", deployment=number)["outcome"] == "confirmed"
        return number

    def sicken(self, deployment: int, status: int) -> None:
        """Let the deployment's service answer with the status from its next start on."""
        directory = self.instance.disk.path("deployments", str(deployment), "profile")
        (directory / "port.conf").write_text(f"{self.port} {status}\n")
        rendered = json.loads((directory / "profile.json").read_text())
        rendered["runtime"]["health"]["healthy_deadline"] = deadline(status)
        (directory / "profile.json").write_text(json.dumps(rendered))
        self.seal(deployment)

    def seal(self, deployment: int) -> None:
        """What a test changed in it is not damaged: it is so."""
        Capsule(self.instance, deployment).seal()

    def stop(self) -> None:
        """End whatever runs."""
        for number in self.instance.deployments():
            with contextlib.suppress(RelmgmtError):  # damaged by the test
                self.ask_driver(number)

    def instance_service_stop(self) -> None:
        """End the service behind the engine's back."""
        self.ask_driver(self.instance.deployments()[0])

    def ask_driver(self, number: int) -> None:
        service = self.instance.runtime(number).service
        if service is not None:
            directory = self.instance.disk.path("deployments", str(number), "profile")
            open_driver(
                service,
                instance=self.instance.path,
                profile=directory,
                runner=self.tools.runner,
                clock=self.tools.clock,
            ).stop()
