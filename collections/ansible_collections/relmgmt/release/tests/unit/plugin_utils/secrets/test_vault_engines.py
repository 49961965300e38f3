# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read from a real server, by which requests, and what a reference that leads nowhere is told."""

from __future__ import annotations

import base64
import collections.abc
import time
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Providers, Vault, give_back, resolve
from ansible_collections.relmgmt.release.tests.unit.plugin_utils.registry import postgres

from . import bao
from .conftest import Store, read_one

LOGIN, LOGOUT = "update auth/approle/login", "update auth/token/revoke-self"


def refused(work: collections.abc.Callable[[], object]) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        work()
    assert "hunter2" not in str(caught.value) + repr(caught.value.to_dict())
    return caught.value


def test_a_run_logs_in_once_and_reads_a_path_once_whatever_the_hosts(store: Store) -> None:
    for path in range(5):
        store.put(f"app/{path}", **{f"k{number}": f"hunter2-{path}-{number}" for number in range(4)})
    references = [f"vault:{store.kv}/app/{path}#k{number}" for path in range(5) for number in range(4)]
    with Providers(store.access()) as providers:
        for _host in range(1000):
            found = resolve(references, providers=providers)
    assert {reference: secret.value for reference, secret in found.items()} == {
        reference: f"hunter2-{index // 4}-{index % 4}" for index, reference in enumerate(references)
    }
    asked = store.requests()
    reads = [f"read {store.kv}/data/app/{path}" for path in range(5)]
    assert asked == [LOGIN, f"read sys/internal/ui/mounts/{store.kv}/app/0", *reads, LOGOUT]


def test_a_version_is_the_number_and_old_ones_can_be_read(store: Store) -> None:
    store.put("app", password="hunter2-1")
    store.put("app", password="hunter2-2")
    newest, old, again = store.read(*(f"vault:{store.kv}/app#password{tail}" for tail in ("", "@1", "@2")))
    assert [(secret.value, secret.version) for secret in (newest, old, again)] == [
        ("hunter2-2", "2"),
        ("hunter2-1", "1"),
        ("hunter2-2", "2"),
    ]


def test_a_plan_keeps_the_version_that_it_has(store: Store) -> None:
    reference = f"vault:{store.kv}/app#password"
    store.put("app", password="hunter2-1")
    with Providers(store.access()) as providers:
        before = resolve([reference], providers=providers)
    store.put("app", password="hunter2-2")
    pins = {text: secret.version for text, secret in before.items()}
    with Providers(store.access()) as providers:
        assert resolve([reference], providers=providers, pins=pins) == before
        assert resolve([reference], providers=providers)[reference].value == "hunter2-2"
    store.server.do("PUT", f"{store.kv}/destroy/app", {"versions": [1]})
    with Providers(store.access()) as providers:
        assert resolve([reference], providers=providers, pins=pins)[reference].version == "2", "it is gone from there"


def test_the_versions_of_a_kv_without_versions_tell_nothing(store: Store) -> None:
    store.mount(f"{store.name}-old", "kv", options={"version": "1"})
    store.allow(f"{store.name}-old/*", "read")
    store.put("relmgmt", version_key="k" * 32)
    reference = f"vault:{store.name}-old/app#password"

    def version(value: str) -> str:
        store.server.do("POST", f"{store.name}-old/app", {"password": value})
        return store.read(reference)[0].version

    error = refused(lambda: version("hunter2"))
    assert (error.code, "version_key: MOUNT/PATH#KEY" in error.hint) == ("secret-version-key-missing", True)
    store.settings["version_key"] = f"{store.kv}/relmgmt#version_key"
    first, second, third = version("hunter2"), version("hunter3"), version("hunter2")
    assert first == third != second
    assert len(first) == 12
    store.put("relmgmt", version_key="q" * 32)
    assert version("hunter2") != first  # it is the key's: nobody without it can guess values
    store.put("relmgmt", version_key="short")
    assert refused(lambda: version("hunter2")).code == "secret-version-key-weak"


def test_the_mounts_that_settings_name_are_not_asked_for(store: Store) -> None:
    store.settings["mounts"] = {store.kv: "kv2"}
    store.put("app", password="hunter2")
    store.read(f"vault:{store.kv}/app#password")
    assert store.requests() == [LOGIN, f"read {store.kv}/data/app", LOGOUT]


@pytest.mark.parametrize(
    ("tail", "code", "told"),
    [
        ("gone#a", "secret-missing", "there is nothing at {kv}/data/gone"),
        ("app#gone", "secret-key-missing", "there is no key 'gone'; there are: count, password"),
        ("app#count", "secret-not-text", "the value is not a text"),
        ("app#password@9", "secret-version-missing", "there is no version 9, the newest is 4"),
        ("app#password@x", "secret-reference-malformed", "a version is a number here"),
        ("gone#password@9", "secret-missing", "there is nothing at {kv}/data/gone"),
        ("app#password@1", "secret-deleted", "version 1 is deleted"),
        ("app#password@2", "secret-destroyed", "version 2 was destroyed"),
        ("app", "secret-reference-malformed", "names no mount, path and key"),
        ("../sys/seal#a", "secret-reference-malformed", "names no mount, path and key"),
    ],
)
def test_what_is_not_there_has_a_code_of_its_own(store: Store, tail: str, code: str, told: str) -> None:
    for _version in range(4):
        store.put("app", password="hunter2", count=3)
    store.server.do("POST", f"{store.kv}/delete/app", {"versions": [1]})
    store.server.do("PUT", f"{store.kv}/destroy/app", {"versions": [2]})
    error = refused(lambda: store.read(f"vault:{store.kv}/{tail}"))
    assert (error.code, told.format(kv=store.kv) in error.message) == (code, True), error
    assert error.hint


def test_who_may_not_read_is_told_what_a_policy_has_to_say(store: Store) -> None:
    store.mount(f"{store.name}-other", "kv", options={"version": "2"})
    error = refused(lambda: store.read(f"vault:{store.name}-other/shop#password"))
    assert error.code == "secret-forbidden"
    assert f'path "{store.name}-other/data/shop" {{ capabilities = ["read"] }}' in error.hint


def test_all_that_is_forbidden_is_told_at_once_and_needs_one_login(store: Store) -> None:
    store.put("app", password="hunter2")
    references = [f"vault:{store.name}-{number}/shop#a" for number in range(3)] + [f"vault:{store.kv}/app#password"]
    with Providers(store.access()) as providers:
        error = refused(lambda: resolve(references, providers=providers, needed_by=dict.fromkeys(references, "x")))
    assert len(error.message.splitlines()) == 3
    assert store.requests().count(LOGIN) == 1


def test_a_mount_that_nobody_can_read_here_is_named(store: Store) -> None:
    store.mount(f"{store.name}-totp", "totp")
    store.allow(f"{store.name}-totp/*", "read")
    error = refused(lambda: store.read(f"vault:{store.name}-totp/code/a#code"))
    assert (error.code, "is a totp" in error.message) == ("secret-engine-unknown", True)


def test_a_ciphertext_of_the_inventory_is_decrypted(store: Store) -> None:
    transit = f"{store.name}-transit"
    store.mount(transit, "transit")
    store.allow(f"{transit}/decrypt/app", "update")
    store.server.do("POST", f"{transit}/keys/app")

    def reference(plain: bytes) -> str:
        body = {"plaintext": base64.b64encode(plain).decode()}
        ciphertext = store.server.do("POST", f"{transit}/encrypt/app", body)["data"]["ciphertext"]
        return f"vault:{transit}/decrypt/app?ciphertext={ciphertext}#plaintext"

    one, other = reference("hünter2".encode()), reference("hünter2".encode())
    first, second, again = store.read(one, other, one)
    assert {first.value, second.value} == {"hünter2"}
    assert first.version == again.version != second.version
    assert refused(lambda: store.read(reference(b"\xff\xfe"))).code == "secret-not-text"
    error = refused(lambda: store.read(f"vault:{transit}/decrypt/app?ciphertext=vault:v1:AAAA#plaintext"))
    assert error.code == "secret-store-refused"


def test_a_certificate_is_issued_once_for_all_its_keys_and_not_in_a_dry_run(store: Store) -> None:
    pki = f"{store.name}-pki"
    store.mount(pki, "pki")
    store.server.do("POST", f"{pki}/root/generate/internal", {"common_name": "test", "key_type": "ec"})
    role = {"allow_any_name": True, "key_type": "ec", "ttl": "1h", "max_ttl": "2h"}
    for name, leased in (("web", False), ("leased", True)):
        store.server.do("POST", f"{pki}/roles/{name}", {**role, "generate_lease": leased})
    store.allow(f"{pki}/issue/*", "update")
    references = [f"vault:{pki}/issue/web?common_name=shop.example#{key}" for key in ("private_key", "certificate")]
    key, certificate = store.read(*references)
    assert "BEGIN" in key.value and "BEGIN CERTIFICATE" in certificate.value
    assert key.version == certificate.version and ":" in key.version
    assert store.requests().count(f"update {pki}/issue/web") == 1
    assert {secret.version for secret in store.read(*references, issue=False)} == {"not-issued"}
    assert f"update {pki}/issue/web" not in store.requests()
    assert store.told == [f"vault:{pki}/issue/web would be issued"] * 2
    error = refused(lambda: store.read(f"vault:{pki}/issue/leased?common_name=shop.example#private_key"))
    assert error.code == "secret-certificate-leased"


@pytest.fixture
def database(store: Store) -> t.Iterator[str]:
    """The path of a mount whose role ``app`` makes users in a PostgreSQL of its own."""
    if why := postgres.problem():
        pytest.skip(f"NOT COVERED: dynamic credentials: {why}")
    with postgres.cluster() as cluster:
        mount = f"{store.name}-db"
        store.mount(mount, "database")
        about: dict[str, t.Any] = {
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": "*",
            "username": postgres.USER,
        }
        url = f"user={{{{username}}}} host={cluster.directory} dbname=postgres sslmode=disable"
        store.server.do("POST", f"{mount}/config/pg", {**about, "connection_url": url})
        create = ["CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"]
        about = {"db_name": "pg", "creation_statements": create, "default_ttl": "1m", "max_ttl": "10m"}
        store.server.do("POST", f"{mount}/roles/app", about)
        store.allow(f"{mount}/creds/*", "read")
        yield mount


def users(store: Store, mount: str) -> list[str]:
    """Those whose lease lives."""
    answer = store.server.api("LIST", f"sys/leases/lookup/{mount}/creds/app")
    return list(answer.data.get("keys") or [])


def test_a_dynamic_credential_is_one_lease_kept_until_somebody_gives_it_back(store: Store, database: str) -> None:
    user, password = f"vault:{database}/creds/app#username", f"vault:{database}/creds/app#password"
    provider: Vault = store.open()
    found = [read_one(provider, text) for text in (user, password) * 5]
    assert len({secret.value for secret in found}) == 2 and len({secret.version for secret in found}) == 1
    provider.close()
    assert len(users(store, database)) == 1
    asked = store.requests()
    assert asked.count(f"read {database}/creds/app") == 1 and LOGOUT not in asked
    assert give_back(store.kept[0], store.kept[0].line()) == ""
    assert store.requests() == [LOGOUT]
    deadline = time.monotonic() + bao.LIMIT
    while users(store, database):  # the server revokes behind its answer
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with pytest.raises(RelmgmtError) as caught:
        store.read(password, keep=None)
    assert caught.value.code == "secret-lease-unkept"
    assert [secret.version for secret in store.read(password, issue=False, keep=None)] == ["not-issued"]
    assert users(store, database) == []
