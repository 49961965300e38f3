# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets among plain configuration values are found, named, and never told."""

from __future__ import annotations

import base64
import json
import typing as t
import urllib.parse

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.plugin_utils._profile import require_no_secrets
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Secret

APP = "web/hello"
VALUE = 'Tr0ub4dor&3 "q" é/x'
SECRET = Secret("env:DB", VALUE, "1")


def check(config: t.Any, **secrets: t.Any) -> str:
    hosts = {f"web-{number}": {"relmgmt_config__20_env": {APP: config}} for number in range(1, 6)}
    try:
        require_no_secrets(hosts, package=APP, **(secrets or {"looked_up": [SECRET]}))
    except InputError as exc:
        assert exc.code == "config-holds-secret"
        assert VALUE not in str(exc) and "Tr0ub4dor" not in str(exc)
        return str(exc)
    return ""


@pytest.mark.parametrize(
    "text",
    [
        VALUE,
        f"postgresql://shop:{VALUE}@db/shop",
        base64.b64encode(VALUE.encode()).decode(),
        urllib.parse.quote(VALUE, safe=""),
        urllib.parse.quote_plus(VALUE),
        json.dumps({"password": VALUE}),
        json.dumps({"password": VALUE}, ensure_ascii=False),
    ],
)
@pytest.mark.parametrize("which", ["looked_up", "read"])
def test_a_value_that_holds_one_is_refused_in_any_form(text: str, which: str) -> None:
    said = check({"db": {"users": [{"password": text}]}}, **{which: [SECRET]})
    place = "relmgmt_config__20_env: web/hello: db.users.0.password on web-1, web-2, web-3 and 2 more"
    assert said.startswith(f"{place} holds the secret env:DB,")
    assert "relmgmt_secrets: {web/hello: {NAME: 'env:DB'}}" in said and "x-relmgmt-secret" in said


def test_a_name_that_holds_one_is_told_by_its_mapping() -> None:
    assert check({"db": {VALUE: 1}}).startswith("relmgmt_config__20_env: web/hello: db on web-1")


def test_all_of_them_are_told() -> None:
    assert len(check({"a": VALUE, "b": VALUE}).splitlines()) >= 2


def test_what_a_later_layer_replaces_does_not_count() -> None:
    hosts = {"web-1": {"relmgmt_config__10": {APP: {"a": VALUE}}, "relmgmt_config": {APP: {"a": "env:DB"}}}}
    require_no_secrets(hosts, package=APP, looked_up=[SECRET])


@pytest.mark.parametrize("config", [{}, {"a": ["env:DB", 1, None, True, {"b": 1.5}]}, {"a": "hunter"}, None])
def test_references_and_plain_values_are_fine(config: t.Any) -> None:
    assert check(config) == ""


def test_a_short_secret_counts_if_it_was_looked_up() -> None:
    pin = Secret("env:PIN", "4711", "1")
    assert check({"pin": 4711}, looked_up=[pin])
    assert not check({"port": 47110}, looked_up=[pin])
    assert not check({"port": 4711}, read=[pin])
    assert not check({"user": "shop_user"}, read=[Secret("env:USER", "shop_user", "1")])
    assert check({"token": "a" * 20}, read=[Secret("env:TOKEN", "a" * 20, "1")])
