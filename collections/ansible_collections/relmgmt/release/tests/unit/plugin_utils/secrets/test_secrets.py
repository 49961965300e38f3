# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What references to secrets lead to, and that no message tells a secret."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError, RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import (
    Access,
    Providers,
    Secret,
    bind,
    parse,
    resolve,
)

APP = "calendar/radicale"
ENCRYPTED = b"$ANSIBLE_VAULT;1.1;AES256\n6162\n"


class Vault:
    """A decrypt that counts, over files whose contents the test gives."""

    def __init__(self, base: pathlib.Path) -> None:
        self.base = base
        self.contents: dict[str, t.Any] = {}
        self.opened: list[str] = []

    def add(self, name: str, contents: t.Any, data: bytes = ENCRYPTED) -> None:
        (self.base / name).write_bytes(data)
        self.contents[name] = contents

    def decrypt(self, path: pathlib.Path) -> object:
        self.opened.append(path.name)
        return self.contents[path.name]

    def providers(self, **environ: str) -> Providers:
        return Providers(Access(self.decrypt, self.base, environ))


@pytest.fixture
def vault(tmp_path: pathlib.Path) -> Vault:
    vault = Vault(tmp_path)
    vault.add("s.yml", {"htpasswd": "hunter2", "pin": 1234, "key": "k"})
    return vault


def refused(call: t.Callable[[], object]) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        call()
    assert "hunter2" not in str(caught.value) + repr(caught.value.to_dict())
    return caught.value


def test_each_file_is_read_once(vault: Vault) -> None:
    found = resolve(["ansible-vault:s.yml#htpasswd", "ansible-vault:s.yml#key"] * 20, providers=vault.providers())
    assert {reference: secret.value for reference, secret in found.items()} == {
        "ansible-vault:s.yml#htpasswd": "hunter2",
        "ansible-vault:s.yml#key": "k",
    }
    assert vault.opened == ["s.yml"]


def test_the_version_is_that_of_the_encrypted_bytes(vault: Vault) -> None:
    reference = "ansible-vault:s.yml#htpasswd"
    versions = []
    for data in (ENCRYPTED, ENCRYPTED, ENCRYPTED + b"63"):
        vault.add("s.yml", {"htpasswd": "hunter2"}, data)
        versions.append(resolve([reference], providers=vault.providers())[reference].version)
    assert versions[0] == versions[1] != versions[2]
    assert len(versions[0]) == 12


def test_paths_are_absolute_or_from_the_playbook_or_from_home(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(vault.base))
    references = [f"ansible-vault:{path}#key" for path in ("s.yml", "~/s.yml", vault.base / "s.yml")]
    assert {secret.value for secret in resolve(references, providers=vault.providers()).values()} == {"k"}


def test_the_environment_has_the_version_that_the_operator_gives(vault: Vault) -> None:
    found = resolve(["env:PASS", "env:PASS#2026-11"], providers=vault.providers(PASS="hunter2"))
    assert [(secret.value, secret.version) for secret in found.values()] == [
        ("hunter2", "unversioned"),
        ("hunter2", "2026-11"),
    ]


def test_a_secret_is_not_shown_by_accident() -> None:
    assert "hunter2" not in repr({"x": [Secret("env:X", "hunter2", "1")]})


@pytest.mark.parametrize(
    ("reference", "code", "told"),
    [
        ("ansible-vault:s.yml#gone", "secret-missing", "ansible-vault:s.yml#gone: the file has no key 'gone'"),
        ("ansible-vault:gone.yml#a", "secret-file-missing", "gone.yml: there is no such file"),
        ("ansible-vault:plain.yml#a", "secret-not-encrypted", "plain.yml: the file is not encrypted"),
        ("ansible-vault:list.yml#a", "secret-file-malformed", "list.yml"),
        ("ansible-vault:s.yml#pin", "secret-not-text", "ansible-vault:s.yml#pin: the value is not a string"),
        ("ansible-vault:s.yml", "secret-reference-malformed", "the key in the file is missing"),
        ("ansible-vault:.#a", "secret-file-unreadable", "Is a directory"),
        ("env:GONE", "secret-missing", "env:GONE: the environment variable is not set"),
        ("env:EMPTY", "secret-missing", "env:EMPTY"),
        ("env:not a name", "secret-reference-malformed", "env:not a name"),
        ("env:A#b@3", "secret-reference-malformed", "env:A#b@3: env keeps no versions"),
        ("ansible-vault:s.yml#key@3", "secret-reference-malformed", "ansible-vault keeps no versions"),
        (
            "safe:kv/shop#a",
            "secret-scheme-unknown",
            "the scheme 'safe' of the reference is none of ansible-vault, env",
        ),
        ("hunter2:$apr1$hunter2", "secret-scheme-unknown", "not shown"),
        ("hunter2", "secret-reference-malformed", "not a reference"),
        ("", "secret-reference-malformed", "not a reference"),
    ],
)
def test_refusals_name_the_reference_and_who_needs_it(vault: Vault, reference: str, code: str, told: str) -> None:
    vault.add("plain.yml", {"a": "hunter2"}, b"a: hunter2\n")
    vault.add("list.yml", ["hunter2"])
    needs = f"{APP}: htpasswd on ci-ber-01"
    error = refused(lambda: resolve([reference], providers=vault.providers(EMPTY=""), needed_by={reference: needs}))
    assert (error.code, told in error.message, needs in error.message) == (code, True, True)
    assert error.hint or code == "secret-file-unreadable"


def test_all_that_is_missing_is_told_at_once(vault: Vault) -> None:
    error = refused(
        lambda: resolve(["env:A", "ansible-vault:s.yml#b", "ansible-vault:no.yml#c"], providers=vault.providers())
    )
    assert len(error.message.splitlines()) == 3


def test_a_file_that_changes_while_it_is_read_is_refused(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    def decrypt(path: pathlib.Path) -> object:
        path.write_bytes(ENCRYPTED + b"63")
        return {"key": "k"}

    monkeypatch.setattr(vault, "decrypt", decrypt)
    assert (
        refused(lambda: resolve(["ansible-vault:s.yml#key"], providers=vault.providers())).code == "secret-file-changed"
    )


def test_bindings_of_all_hosts_are_gathered() -> None:
    hosts = {f"ci-{number}": {"htpasswd": "env:A", "unused": "hunter2"} for number in range(5)}
    hosts["ci-4"] = {"htpasswd": "env:B"}
    assert bind(hosts, ["htpasswd"], package=APP) == {
        "env:A": "calendar/radicale: htpasswd on ci-0, ci-1, ci-2 and 1 more",
        "env:B": "calendar/radicale: htpasswd on ci-4",
    }


def test_hosts_that_bind_nothing_are_named() -> None:
    bound: dict[str, dict[str, str]] = {"ci-0": {}, "ci-1": {"a": "env:A"}, "ci-2": {}}
    error = refused(lambda: bind(bound, ["a", "b"], package=APP))
    assert error.code == "secret-unbound"
    assert error.message.splitlines() == [
        "ci-0, ci-2: calendar/radicale needs the secret 'a', and nothing binds it",
        "ci-0, ci-1, ci-2: calendar/radicale needs the secret 'b', and nothing binds it",
    ]


@pytest.mark.parametrize("value", ["hunter2", {"hunter2": 1}, None, "env:A\nhunter2", "env:A#b#hunter2"])
def test_a_secret_in_the_place_of_a_reference_is_not_told(value: object) -> None:
    error = refused(lambda: bind({"ci-0": {"htpasswd": value}}, ["htpasswd"], package=APP))
    assert (error.code, "ci-0: calendar/radicale: htpasswd" in error.message) == ("secret-reference-malformed", True)


@pytest.mark.parametrize(
    "text", ["env:A", "env:A#b", "ansible-vault:/a b/c.yml#key with spaces", "vault+eu:kv/a#b@3", "vault:a#@3"]
)
def test_a_reference_writes_itself(text: str) -> None:
    assert str(parse(text, where="test")) == text
    with pytest.raises(InputError):
        parse(text + "#x#y", where="test")
