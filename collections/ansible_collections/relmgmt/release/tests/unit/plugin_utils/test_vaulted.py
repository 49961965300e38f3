# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that ansible-vault keeps encrypted are known by their place, with every core, and need not be decrypted."""

from __future__ import annotations

import pathlib
import textwrap
import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib
from ansible.release import __version__ as core
from ansible.template import Templar

from ansible_collections.relmgmt.release.plugins.action.rollout_plan import ActionModule
from ansible_collections.relmgmt.release.plugins.plugin_utils._vaulted import VAULTED, vaulted_in

try:  # since ansible-core 2.19, where strings are templates only if their author is trusted
    from ansible.template import trust_as_template as template
except ImportError:
    template = str


@pytest.fixture
def path(tmp_path: pathlib.Path, loader: t.Any) -> pathlib.Path:
    text = VaultLib(loader._vault.secrets).encrypt("hunter2").decode()
    vault = "!vault |\n" + textwrap.indent(text, " " * 12)
    found = tmp_path / "all.yml"
    found.write_text(
        f"""
other: {vault}
relmgmt_config__10_all:
  a/b:
    port: 80
    users:
      - ann
      - password: {vault}
    token: {vault}
    taken: none yet
"""
    )
    return found


def test_what_is_kept_encrypted_is_found_without_a_password(path: pathlib.Path) -> None:
    variables = DataLoader().load_from_file(str(path))
    values = {"port": None, "users": [None, {"password": VAULTED}], "token": VAULTED, "taken": None}
    assert vaulted_in(variables) == {"other": VAULTED, "relmgmt_config__10_all": {"a/b": values}}


def test_a_host_is_known_by_what_its_variables_are_and_keep_encrypted(path: pathlib.Path, loader: t.Any) -> None:
    """As a host's variables come, with their templates filled in; core before 2.19 forgets it where one is."""
    variables = loader.load_from_file(str(path))
    variables["relmgmt_config__10_all"]["a/b"]["taken"] = template("{{ other }}")
    known = {name: Templar(loader, variables=variables).template(value) for name, value in variables.items()}
    host = ActionModule._host("infos", known)
    users = ["ann", {"password": "hunter2"}]
    plain = {"port": 80, "users": users, "token": "hunter2", "taken": "hunter2"}
    assert host.variables == {"relmgmt_config__10_all": {"a/b": plain}}
    assert host.variables["relmgmt_config__10_all"]["a/b"]["token"].__class__ is str
    found = host.vaulted["relmgmt_config__10_all"]["a/b"]
    assert (found["port"], found["users"], found["token"]) == (None, [None, {"password": VAULTED}], VAULTED)
    assert found["taken"] == (VAULTED if tuple(map(int, core.split(".")[:2])) >= (2, 19) else None)
    assert host.where("relmgmt_config__10_all", ("a/b", "token")).startswith(f"{path}:")
