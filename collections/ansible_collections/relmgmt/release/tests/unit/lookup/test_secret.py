# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup: what it reads, from where, and that its errors tell nothing."""

from __future__ import annotations

import os
import pathlib
import typing as t

import ansible.constants as C
import pytest
import yaml
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.relmgmt.release.plugins.lookup.secret import DOCUMENTATION, LookupModule
from ansible_collections.relmgmt.release.plugins.plugin_utils._holder import Holder
from ansible_collections.relmgmt.release.plugins.plugin_utils._run_directory import make, write_secrets
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Secret, handed_out

NAME = "relmgmt.release.secret"
MARK = "hunter2-CANARY"
C.config.initialize_plugin_configuration_definitions("lookup", NAME, yaml.safe_load(DOCUMENTATION)["options"])


@pytest.fixture(autouse=True)
def alone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run directories of the test's own, and nothing handed out yet."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setitem(handed_out.__globals__, "_GIVEN", {})


def look_up(*terms: object, variables: dict[str, t.Any] | None = None, **options: t.Any) -> list[str]:
    plugin = LookupModule(loader=DataLoader())
    plugin._load_name = NAME
    return list(plugin.run(list(terms), variables=variables or {}, **options))


def test_several_terms_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B", "two")
    monkeypatch.setenv("A", "{{ 1 + 1 }}")
    assert look_up("env:B", "env:A#x", "env:B") == ["two", "{{ 1 + 1 }}", "two"]
    assert sorted(secret.reference for secret in handed_out()) == ["env:A#x", "env:B"]


def test_it_is_read_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "first")
    assert look_up("env:A") == ["first"]
    monkeypatch.setenv("A", "second")
    assert look_up("env:A") == ["first"]
    assert look_up("env:A", stores={"env": {}}) == ["second"], "other stores hold other secrets"


@pytest.mark.parametrize("holder", [Holder.of(), Holder.run()], ids=["own process", "its parent"])
def test_within_a_run_it_is_what_the_run_has_read(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B", "from its store")
    write_secrets(make("r1"), {"env:A": Secret("env:A", MARK, "7")}, holder, {})
    assert look_up("env:A", "env:B") == [MARK, "from its store"]


@pytest.mark.parametrize("field", ["pid", "started", "boot", "host"])
def test_the_secrets_of_another_run_are_not_its(field: str) -> None:
    me = Holder.of()
    other = Holder(**{**vars(me), field: 1 if field == "pid" else "other"})
    write_secrets(make("r1"), {"env:GONE": Secret("env:GONE", MARK, "7")}, other, {})
    with pytest.raises(AnsibleLookupError, match="secret-missing"):
        look_up("env:GONE")


def test_without_a_run_it_makes_no_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", MARK)
    assert look_up("env:A") == [MARK]
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_others_may_read_is_refused(tmp_path: pathlib.Path) -> None:
    directory = tmp_path / f"relmgmt-{os.geteuid()}"
    directory.mkdir()
    directory.chmod(0o755)
    with pytest.raises(AnsibleLookupError, match="run-directory-exposed"):
        look_up("env:A")


@pytest.mark.parametrize(
    ("term", "options", "code"),
    [
        (MARK, {}, "secret-reference-malformed"),
        ({MARK: 1}, {}, "secret-reference-malformed"),
        (f"{MARK}:x", {}, "secret-reference-malformed"),
        ("env:GONE", {}, "secret-missing"),
        ("env:GONE", {"stores": MARK}, "secret-store-setting-malformed"),
        ("env:GONE", {"stores": {"vault": MARK}}, "secret-store-setting-malformed"),
    ],
)
def test_what_it_refuses_is_named_by_code_and_not_shown(term: object, options: dict[str, t.Any], code: str) -> None:
    with pytest.raises(AnsibleLookupError) as caught:
        look_up(term, **options)
    assert str(caught.value).startswith(f"{code}: ") and "CANARY" not in str(caught.value) + repr(
        caught.value.__cause__
    )


def test_the_stores_come_from_the_inventory() -> None:
    variables = {"relmgmt_secret_stores": {"aws-sm": {"endpoint": MARK}}}
    with pytest.raises(AnsibleLookupError) as caught:
        look_up("aws-sm:shop", variables=variables)
    assert "secret-store-setting-malformed: aws-sm: the endpoint is not a URL" in str(caught.value)
