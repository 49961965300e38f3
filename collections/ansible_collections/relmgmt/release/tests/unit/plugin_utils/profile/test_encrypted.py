# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configuration values that the inventory keeps encrypted are refused by their place, and no value is told."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.plugin_utils._profile import require_none_encrypted
from ansible_collections.relmgmt.release.plugins.plugin_utils._where import nowhere

APP = "web/hello"
KEPT = "!vault"
LAYER = "relmgmt_config__20_env"


def check(where: t.Any = nowhere, **hosts: t.Any) -> str:
    try:
        require_none_encrypted(hosts, package=APP, where=dict.fromkeys(hosts, where))
    except InputError as exc:
        assert exc.code == "config-holds-secret"
        return str(exc)
    return ""


def test_a_value_is_named_with_hosts_variable_place_and_file() -> None:
    asked = []

    def where(name: str, path: t.Sequence[str | int]) -> str:
        asked.append((name, path))
        return "group_vars/all.yml:7"

    variables = {LAYER: {APP: {"db": {"users": [None, {"password": KEPT}]}}}, "relmgmt_config": {APP: {"port": None}}}
    said = check(where, **{f"web{number}": variables for number in range(1, 6)})
    place = f"{LAYER}: web/hello: db.users.1.password (group_vars/all.yml:7) on web1, web2, web3 and 2 more"
    assert said.startswith(f"{place} is kept encrypted by ansible-vault,")
    assert asked[0] == (LAYER, (APP, "db", "users", 1, "password"))
    assert "x-relmgmt-secret" in said and "relmgmt_secrets: {web/hello: {NAME: ...}}" in said


def test_all_of_them_are_told() -> None:
    said = check(a={LAYER: {APP: {"x": KEPT}}}, b={"relmgmt_config": {APP: {"y": KEPT}}})
    assert f"{LAYER}: web/hello: x on a is" in said and "relmgmt_config: web/hello: y on b is" in said


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {LAYER: None, "relmgmt_config": {APP: {"a": [None, {}], "b": None}}},
        {LAYER: {"web/other": {"a": KEPT}}},
        {LAYER: {APP: {"a": KEPT, "users": [KEPT]}}, "relmgmt_config": {APP: {"a": None, "users": []}}},
        {"relmgmt_secrets": {APP: {"a": KEPT}}},
    ],
)
def test_what_is_not_of_the_configuration_does_not_count(variables: t.Any) -> None:
    assert check(web=variables) == ""
