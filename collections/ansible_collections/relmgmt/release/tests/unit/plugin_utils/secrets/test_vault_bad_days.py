# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store in trouble: a real one where it can be made to show it, else a simulator."""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import socket
import threading
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Providers, Vault, resolve

from .conftest import Store, read_one
from .test_vault_engines import refused
from .test_vault_logins import given_token

SECRET = "vault:kv/app#password"
GOOD: tuple[int, t.Any, dict[str, str]] = (
    200,
    {"data": {"data": {"password": "hunter2"}, "metadata": {"version": 7}}},
    {},
)
MOUNTS = {"kv": "kv2"}


class Simulator(http.server.ThreadingHTTPServer):
    """A simulator of a Vault: gives the answers that it is told to, in turn, and the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, t.Any, dict[str, str]]] = []
        self.seen: list[tuple[str, str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        owner = t.cast(Simulator, self.server)
        owner.seen.append((self.path, self.headers.get("X-Vault-Token") or ""))
        status, body, headers = owner.answers.pop(0) if len(owner.answers) > 1 else owner.answers[0]
        if not status:  # break off
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # who has read enough goes away
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def simulator() -> t.Iterator[Simulator]:
    with Simulator() as made:
        yield made
        made.shutdown()


def settings(address: str, **more: t.Any) -> dict[str, t.Any]:
    return {"address": address, "auth": {"token": "hunter2-token"}, "mounts": MOUNTS, **more}


@pytest.mark.parametrize(
    "bad",
    [
        (503, {"errors": ["Vault is sealed"]}, {}),
        (500, {"errors": ["internal error"]}, {}),
        (502, b"<html>", {}),
        (412, {"errors": []}, {}),
        (429, {"errors": ["slow down"]}, {}),
        (0, b"", {}),
    ],
)
def test_what_passes_is_waited_for(store: Store, simulator: Simulator, bad: tuple[int, t.Any, dict[str, str]]) -> None:
    store.settings = settings(simulator.address)
    simulator.answers = [bad, bad, GOOD]
    assert store.read(SECRET)[0].version == "7"
    assert store.slept == [0.25, 0.5]  # twice as long each time, by as much more or less as jitter says


def test_as_long_as_the_server_asks_for_is_waited(store: Store, simulator: Simulator) -> None:
    store.settings = settings(simulator.address)
    simulator.answers = [(429, {}, {"Retry-After": "7"}), (503, {}, {"Retry-After": "nonsense"}), GOOD]
    assert store.read(SECRET)[0].value == "hunter2"
    assert store.slept == [7.0, 0.5]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((503, {"errors": ["Vault is sealed"]}, {}), "secret-store-sealed"),
        ((500, {"errors": ["error: hunter2-token"]}, {}), "secret-store-failed"),
        ((429, {}, {"Retry-After": "3600"}), "secret-store-busy"),
        ((0, b"", {}), "secret-store-unreachable"),
        ((200, b"<html>", {}), "secret-store-garbled"),
        ((200, b"x" * (3 << 20), {}), "secret-store-too-large"),
        ((307, {}, {"Location": "http://evil.example/v1/kv/data/app"}), "secret-store-redirects"),
        ((302, {}, {"Location": "//evil.example/"}), "secret-store-redirects"),
        ((307, {}, {}), "secret-store-redirects"),
        ((400, {"errors": ["no: hunter2-token"]}, {}), "secret-store-refused"),
    ],
)
def test_what_does_not_pass_is_told_once_for_all_secrets(
    store: Store, simulator: Simulator, answer: tuple[int, t.Any, dict[str, str]], code: str
) -> None:
    store.settings = settings(simulator.address, deadline=20)
    simulator.answers = [answer]
    references = [f"vault:kv/app/{number}#password" for number in range(20)]
    with Providers(store.access()) as providers:
        providers._made["vault"] = store.open()
        error = refused(lambda: resolve(references, providers=providers))
    assert error.code == code
    assert sum(store.slept) <= 20
    if store.slept:  # who was waited for in vain is not asked again for each of the others
        assert len(simulator.seen) < len(references)
    if code != "secret-store-refused":
        assert len(error.message.splitlines()) == 1
        assert simulator.address in error.message


def test_a_standby_that_is_known_is_followed_with_the_token(store: Store, simulator: Simulator) -> None:
    with Simulator() as active:
        active.answers = [GOOD]
        simulator.answers = [(307, {}, {"Location": f"{active.address}/v1/kv/data/app"})]
        store.settings = settings(simulator.address)
        assert refused(lambda: store.read(SECRET)).code == "secret-store-redirects"
        assert active.seen == []
        store.settings = settings(simulator.address, redirects=[active.address])
        assert store.read(SECRET)[0].value == "hunter2"
        assert active.seen == [("/v1/kv/data/app", "hunter2-token")]
        active.shutdown()


def test_redirects_in_a_circle_end(store: Store, simulator: Simulator) -> None:
    simulator.answers = [(307, {}, {"Location": "/v1/kv/data/app"})]
    store.settings = settings(simulator.address)
    assert refused(lambda: store.read(SECRET)).code == "secret-store-redirects"
    assert len(simulator.seen) == 3


def test_nobody_there(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    store.settings = settings(f"http://127.0.0.1:{port}", deadline=5)
    error = refused(lambda: store.read(SECRET))
    assert (error.code, "the connection is refused" in error.message) == ("secret-store-unreachable", True)
    assert 2 < sum(store.slept) <= 5


def test_a_real_server_that_is_sealed(store: Store) -> None:
    store.put("app", password="hunter2")
    reference = f"vault:{store.kv}/app#password"
    store.server.seal()
    try:
        assert refused(lambda: store.read(reference)).code == "secret-store-sealed"
    finally:
        store.server.unseal()
    assert store.read(reference)[0].value == "hunter2"


def test_a_real_server_that_limits_requests(store: Store) -> None:
    for number in range(2):
        store.put(f"app/{number}", password="hunter2")
    store.settings["auth"] = {"token": given_token(store)}
    store.settings["mounts"] = {store.kv: "kv2"}
    store.server.do("POST", f"sys/quotas/rate-limit/{store.name}", {"path": store.kv, "rate": 1, "interval": "1h"})
    try:
        provider = store.open()
        read_one(provider, f"vault:{store.kv}/app/0#password")
        error = refused(lambda: read_one(provider, f"vault:{store.kv}/app/1#password"))
        assert error.code == "secret-store-busy"
    finally:
        store.server.do("DELETE", f"sys/quotas/rate-limit/{store.name}")


def test_a_certificate_is_looked_at(store: Store, tmp_path: pathlib.Path) -> None:
    store.put("app", password="hunter2")
    reference, tls = f"vault:{store.kv}/app#password", store.server.tls_address
    trusted = {"address": tls, "ca_cert": str(store.server.ca)}
    for wrong, told in (
        ({"address": tls}, "self-signed certificate"),
        ({**trusted, "address": tls.replace("127.0.0.1", "localhost")}, "Hostname mismatch"),
    ):
        own = store.settings | wrong
        error = refused(lambda own=own: store.read(reference, stores={"vault": own}))  # type: ignore[misc]
        assert (error.code, told in error.message, store.slept) == ("secret-store-untrusted", True, [])
    lost = store.settings | trusted | {"ca_cert": str(tmp_path / "gone.pem")}
    assert refused(lambda: store.read(reference, stores={"vault": lost})).code == "secret-store-unreachable"
    store.settings |= trusted
    assert store.read(reference)[0].value == "hunter2"


def test_what_the_environment_says_of_other_programs_does_not_count(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    store.put("app", password="hunter2")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login x password hunter2")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert store.read(f"vault:{store.kv}/app#password")[0].value == "hunter2"


def test_without_hvac_it_is_said_what_to_install(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "hvac"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hvac", None)
    with Providers(store.access()) as providers:
        error = refused(lambda: resolve([SECRET, "vault:kv/b#c"], providers=providers))
    assert (error.code, len(error.message.splitlines())) == ("dependency-missing", 1)
    assert "pip install hvac" in error.hint


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ({}, "secret-store-address-missing", "RELMGMT_VAULT_ADDR"),
        ({"adress": "hunter2"}, "secret-store-setting-unknown", "Did you mean address?"),
        ({"auth": {"role": "x", "rol_id": "hunter2"}}, "secret-store-setting-unknown", "Did you mean auth.role_id?"),
        ({"address": 7}, "secret-store-setting-malformed", "vault: address is not a text"),
        ({"skip_verify": "hunter2"}, "secret-store-setting-malformed", "skip_verify is not true or false"),
        ({"timeout": -1}, "secret-store-setting-malformed", "timeout is not a number of seconds"),
        ({"timeout": [1]}, "secret-store-setting-malformed", "timeout is not a number of seconds"),
        ({"auth": "hunter2"}, "secret-store-setting-malformed", "auth is not a mapping"),
        ({"address": "https://me:hunter2@vault"}, "secret-store-setting-malformed", "the address is not https"),
        ({"address": "ftp://vault"}, "secret-store-setting-malformed", "the address is not https"),
        ({"address": "http://vault.example"}, "secret-store-unencrypted", "allow_http"),
        ({"address": "https://v", "redirects": ["http://w:8200"]}, "secret-store-unencrypted", "allow_http"),
        ({"address": "https://v", "auth": {"method": "approl"}}, "secret-login-unknown", "Did you mean approle?"),
        ({"address": "https://v"}, "secret-login-incomplete", "a login by token needs auth.token"),
        ({"address": "https://v", "auth": {"method": "jwt"}}, "secret-login-incomplete", "needs auth.jwt"),
        ({"address": "https://v", "auth": {"method": "cert"}}, "secret-login-incomplete", "needs client_cert"),
    ],
)
def test_settings_that_cannot_be_used_are_told_without_their_values(
    store: Store, given: dict[str, t.Any], code: str, told: str
) -> None:
    error = refused(lambda: store.read(SECRET, stores={"vault": given}))
    assert (error.code, told in str(error)) == (code, True), error


def test_a_second_store_has_settings_of_its_own(store: Store) -> None:
    environ = {"VAULT_ADDR": "https://one", "VAULT_TOKEN": "hunter2", "RELMGMT_VAULT_EU_WEST_ADDR": "https://two/"}
    error = refused(lambda: Vault(store.access(stores={}, environ=environ), "vault+eu-west"))
    assert (error.code, "vault+eu-west: a login by token" in error.message) == ("secret-login-incomplete", True)
    made = Vault(store.access(stores={}, environ={**environ, "RELMGMT_VAULT_EU_WEST_TOKEN": "t"}), "vault+eu-west")
    assert made._settings.connection.address == "https://two"
    assert "hunter2" not in repr(made._settings)
