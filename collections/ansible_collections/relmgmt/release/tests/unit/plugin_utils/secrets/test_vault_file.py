# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-vault files through Ansible's own loader."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Access, Providers, resolve
from ansible_collections.relmgmt.release.plugins.plugin_utils._vault_file import vault_file_opener

REFERENCE = "ansible-vault:secrets.yml#htpasswd"
RIGHT, WRONG = (b"right", b"wrong")


def read(directory: pathlib.Path, text: str, password: bytes | None) -> str:
    encrypted = VaultLib().encrypt(text, secret=VaultSecret(RIGHT))
    (directory / "secrets.yml").write_bytes(encrypted)
    loader = DataLoader()
    loader.set_vault_secrets([] if password is None else [("default", VaultSecret(password))])
    access = Access(vault_file_opener(loader), directory, {})
    return resolve([REFERENCE], providers=Providers(access))[REFERENCE].value


@pytest.mark.parametrize("value", ["hunter2", "{{ lookup('pipe', 'id') }}", "ünï", "line 1\nline 2\n"])
def test_a_value_is_read_as_it_is(tmp_path: pathlib.Path, value: str) -> None:
    # JSON is YAML too, and writes any text.
    assert read(tmp_path, json.dumps({"htpasswd": value}), RIGHT) == value


@pytest.mark.parametrize(
    ("text", "password", "code"),
    [
        ("htpasswd: hunter2\n", None, "secret-undecryptable"),
        ("htpasswd: hunter2\n", WRONG, "secret-undecryptable"),
        ("htpasswd: 'hunter2\n", RIGHT, "secret-file-malformed"),
        ("hunter2\n", RIGHT, "secret-file-malformed"),
    ],
)
def test_what_cannot_be_read_says_why_and_shows_nothing(
    tmp_path: pathlib.Path, text: str, password: bytes | None, code: str
) -> None:
    with pytest.raises(RelmgmtError) as caught:
        read(tmp_path, text, password)
    assert (caught.value.code, "secrets.yml" in caught.value.message) == (code, True)
    assert "hunter2" not in str(caught.value) + repr(caught.value.__cause__)
    if code == "secret-undecryptable":
        assert "--vault-password-file" in caught.value.hint


def test_files_of_several_vault_ids_are_read_in_one_run(tmp_path: pathlib.Path) -> None:
    passwords = {name: VaultSecret(name.encode()) for name in ("dev", "prod", "stranger")}
    for name, password in passwords.items():
        encrypted = VaultLib().encrypt(f"key: of {name}\n", secret=password, vault_id=name)
        (tmp_path / f"{name}.yml").write_bytes(encrypted)
    loader = DataLoader()
    loader.set_vault_secrets([("dev", passwords["dev"]), ("prod", passwords["prod"])])
    providers = Providers(Access(vault_file_opener(loader), tmp_path, {}))
    found = resolve(["ansible-vault:dev.yml#key", "ansible-vault:prod.yml#key"], providers=providers)
    assert {secret.value for secret in found.values()} == {"of dev", "of prod"}
    with pytest.raises(RelmgmtError, match="encrypted for the vault id 'stranger'") as caught:
        resolve(["ansible-vault:stranger.yml#key"], providers=providers)
    assert caught.value.code == "secret-undecryptable" and "--vault-id" in caught.value.hint
