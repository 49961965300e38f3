# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run logs in at a real server, and what it is told where that fails."""

from __future__ import annotations

import base64
import datetime
import functools
import http.server
import json
import pathlib
import threading
import typing as t

import pytest

from . import bao
from .conftest import Store, read_one
from .test_vault_engines import LOGIN, LOGOUT, refused

jwt_keys = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


class Issuer:
    """Signs JWT."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives import serialization

        self._key = jwt_keys.generate_private_key(jwt_keys.SECP256R1())
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public = self._key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()

    def sign(self, **claims: t.Any) -> str:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        now = int(datetime.datetime.now(datetime.UTC).timestamp())
        payload = {"iat": now, "nbf": now - 60, "exp": now + 600, **claims}
        head = json.dumps({"alg": "ES256", "typ": "JWT"}).encode()
        signed = f"{encoded(head)}.{encoded(json.dumps(payload).encode())}"
        numbers = decode_dss_signature(self._key.sign(signed.encode(), jwt_keys.ECDSA(hashes.SHA256())))
        return f"{signed}.{encoded(b''.join(number.to_bytes(32, 'big') for number in numbers))}"


@pytest.fixture
def secret(store: Store) -> str:
    store.put("app", password="hunter2")
    store.settings["mounts"] = {store.kv: "kv2"}
    return f"vault:{store.kv}/app#password"


def given_token(store: Store, **about: t.Any) -> str:
    body = {"policies": [store.name], "ttl": "10m", **about}
    return str(store.server.do("POST", "auth/token/create", body)["auth"]["client_token"])


@pytest.mark.parametrize("form", ["setting", "file", "VAULT_TOKEN", "BAO_TOKEN", "RELMGMT_VAULT_TOKEN"])
def test_a_token_is_used_and_left_to_who_gave_it(store: Store, secret: str, form: str, tmp_path: pathlib.Path) -> None:
    token, environ = given_token(store), {}
    store.settings["auth"] = {}
    if form == "setting":
        store.settings["auth"] = {"token": token}
    elif form == "file":
        (tmp_path / "token").write_text(token + "\n")
        store.settings["auth"] = {"token_file": str(tmp_path / "token")}
    else:
        environ = {form: token, "VAULT_TOKEN": token}
    assert store.read(secret, environ=environ)[0].value == "hunter2"
    assert store.requests() == [f"read {store.kv}/data/app"]


def test_a_role_and_its_secret_come_from_the_environment_too(store: Store, secret: str) -> None:
    auth, address = store.settings.pop("auth"), store.settings.pop("address")
    environ = {
        "RELMGMT_VAULT_AUTH_METHOD": "approle",
        "RELMGMT_VAULT_ROLE_ID": auth["role_id"],
        "RELMGMT_VAULT_SECRET_ID": auth["secret_id"],
        "VAULT_ADDR": address,
    }
    assert store.read(secret, environ=environ)[0].value == "hunter2"
    assert store.requests() == [LOGIN, f"read {store.kv}/data/app", LOGOUT]


def test_a_jwt_logs_in_and_is_read_anew_each_time(store: Store, secret: str, tmp_path: pathlib.Path) -> None:
    issuer, mount = Issuer(), f"{store.name}-jwt"
    store.server.do("POST", f"sys/auth/{mount}", {"type": "jwt"})
    store.server.do("POST", f"auth/{mount}/config", {"jwt_validation_pubkeys": [issuer.public]})
    about = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["relmgmt"], "policies": [store.name]}
    store.server.do("POST", f"auth/{mount}/role/deploy", about)
    file = tmp_path / "jwt"
    store.settings["auth"] = {"method": "jwt", "mount": mount, "role": "deploy", "jwt_file": str(file)}
    assert refused(lambda: store.read(secret)).code == "secret-login-file"
    file.write_text(issuer.sign(aud="others", sub="ci"))
    error = refused(lambda: store.read(secret))
    assert (error.code, file.read_text() in str(error)) == ("secret-login-refused", False)
    file.write_text(issuer.sign(aud="relmgmt", sub="ci"))
    store.requests()
    assert store.read(secret)[0].value == "hunter2"
    assert store.requests() == [f"update auth/{mount}/login", f"read {store.kv}/data/app", LOGOUT]


class Reviewer(http.server.BaseHTTPRequestHandler):
    """A simulator of what the API of Kubernetes says of a service account's token."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        about = {"username": "system:serviceaccount:ci:deploy", "uid": "1"}
        body = {"kind": "TokenReview", "status": {"authenticated": True, "user": about}}
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def test_a_service_account_logs_in(store: Store, secret: str, tmp_path: pathlib.Path) -> None:
    mount, file = f"{store.name}-kubernetes", tmp_path / "token"
    about = {"namespace": "ci", "serviceaccount": {"name": "deploy", "uid": "1"}}
    file.write_text(Issuer().sign(iss="kubernetes", sub="system:serviceaccount:ci:deploy", **{"kubernetes.io": about}))
    with http.server.HTTPServer(("127.0.0.1", 0), Reviewer) as reviewer:
        threading.Thread(target=reviewer.serve_forever, daemon=True).start()
        store.server.do("POST", f"sys/auth/{mount}", {"type": "kubernetes"})
        host = f"http://127.0.0.1:{reviewer.server_port}"
        config = {"kubernetes_host": host, "disable_local_ca_jwt": True, "token_reviewer_jwt": file.read_text()}
        config["kubernetes_ca_cert"] = store.server.ca.read_text()
        store.server.do("POST", f"auth/{mount}/config", config)
        bound = {"bound_service_account_names": "deploy", "bound_service_account_namespaces": "ci"}
        store.server.do("POST", f"auth/{mount}/role/deploy", {**bound, "token_policies": [store.name]})
        store.settings["auth"] = {"method": "kubernetes", "mount": mount, "role": "deploy", "jwt_file": str(file)}
        assert store.read(secret)[0].value == "hunter2"
        reviewer.shutdown()


def test_a_certificate_logs_in(store: Store, secret: str, tmp_path: pathlib.Path) -> None:
    mount = f"{store.name}-cert"
    bao.certificate(tmp_path, "deploy", client=True)
    store.server.do("POST", f"sys/auth/{mount}", {"type": "cert"})
    pem = (tmp_path / "deploy.pem").read_text()
    store.server.do("POST", f"auth/{mount}/certs/deploy", {"certificate": pem, "token_policies": [store.name]})
    store.settings |= {
        "address": store.server.tls_address,
        "ca_cert": str(store.server.ca),
        "auth": {"method": "cert", "mount": mount, "role": "deploy"},
    }
    assert refused(lambda: store.read(secret)).code == "secret-login-incomplete"
    store.settings |= {"client_cert": str(tmp_path / "deploy.pem"), "client_key": str(tmp_path / "deploy.key")}
    assert store.read(secret)[0].value == "hunter2"


def test_a_namespace_is_another_store(store: Store) -> None:
    store.server.do("POST", f"sys/namespaces/{store.name}", {})
    store.server.do("POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "2"}}, namespace=store.name)
    store.server.do("POST", "kv/data/app", {"data": {"password": "hunter2"}}, namespace=store.name)
    store.settings |= {"namespace": store.name, "auth": {"token": store.server.token}}
    assert store.read("vault:kv/app#password")[0].value == "hunter2"


def test_a_login_that_is_refused_is_tried_once(store: Store, secret: str) -> None:
    store.settings["auth"]["secret_id"] = "hunter2-is-wrong"
    provider = store.open()
    for _secret in range(3):
        error = refused(lambda: read_one(provider, secret))
        assert (error.code, "approle" in error.message) == ("secret-login-refused", True)
    provider.close()
    assert store.requests().count(LOGIN) == 1


def test_a_token_that_ends_meanwhile_is_replaced_once(store: Store, secret: str) -> None:
    for path in ("one", "two"):
        store.put(path, password="hunter2")
    provider = store.open()
    read_one(provider, secret)
    store.server.do("POST", "auth/token/revoke", {"token": provider._session.token})
    assert read_one(provider, f"vault:{store.kv}/one#password").value == "hunter2"
    store.server.do("POST", "auth/token/revoke", {"token": provider._session.token})
    for _again in range(2):
        assert refused(lambda: read_one(provider, f"vault:{store.kv}/two#password")).code == "secret-login-expired"
    provider.close()
    assert store.requests().count(LOGIN) == 2


def test_a_given_token_that_has_ended_is_told(store: Store, secret: str) -> None:
    store.settings["auth"] = {"token": "hunter2-hunter2-hunter2"}
    assert refused(lambda: store.read(secret)).code == "secret-login-expired"


def test_who_may_not_look_at_itself_is_still_told_what_is_forbidden(store: Store) -> None:
    store.settings["auth"] = {"token": given_token(store, no_default_policy=True)}
    assert refused(lambda: store.read("vault:elsewhere/app#password")).code == "secret-login-expired"
    role = f"auth/approle/role/{store.name}-bare"
    store.server.do("POST", role, {"token_policies": [store.name], "token_no_default_policy": True})
    store.settings["auth"] = {
        "method": "approle",
        "role_id": store.server.do("GET", f"{role}/role-id")["data"]["role_id"],
        "secret_id": store.server.do("POST", f"{role}/secret-id", {})["data"]["secret_id"],
    }
    provider = store.open()
    for text in ("vault:elsewhere/app#password", "vault:there/app#password"):
        assert refused(functools.partial(read_one, provider, text)).code == "secret-forbidden"
    provider.close()
