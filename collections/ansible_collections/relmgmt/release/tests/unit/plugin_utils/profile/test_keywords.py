# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a schema says for relmgmt: which values are secrets, and what a change of one asks of the service."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.secret_need import SecretNeed
from ansible_collections.relmgmt.release.plugins.plugin_utils._profile import (
    Configured,
    configure,
    keyword_problems,
    pointer,
    render,
    require_fit,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Secret

REFERENCE = "vault:kv/shop#password"
PASSWORD = {"type": "string", "minLength": 8, "x-relmgmt-secret": {"fallback": "previous"}}
SCHEMA: dict[str, t.Any] = {
    "additionalProperties": False,
    "x-relmgmt-restart": "reload",
    "$defs": {"password": PASSWORD},
    "properties": {
        "port": {"type": "integer", "x-relmgmt-restart": "restart"},
        "level": {"type": "string"},
        "list": {"items": {"properties": {"key": {"$ref": "#/$defs/password"}}}},
        "db": {
            "additionalProperties": False,
            "x-relmgmt-restart": "none",
            "properties": {"password": {"$ref": "#/$defs/password"}, "pool": {"type": "object"}},
        },
    },
}
VALUES = {"port": 1, "db": {"password": REFERENCE, "pool": {"size": 2}}, "list": [{"key": REFERENCE}]}


def configured(package: t.Any, values: t.Any, schema: t.Any = None) -> Configured:
    package.entries.clear()
    package.schema(schema or SCHEMA)
    variables = {"h": {"relmgmt_config": {"calendar/radicale": values}}}
    return configure(variables, manifest=package.manifest, directory=package.directory)["h"]


def refused(package: t.Any, values: t.Any, schema: t.Any = None) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        configured(package, values, schema)
    return caught.value


def test_secrets_and_what_changes_ask_for_are_found(package: t.Any) -> None:
    found = configured(package, VALUES)
    assert found.values == VALUES
    assert found.asks == {"port": "restart", "db.password": "none", "db.pool.size": "none", "list": "reload"}
    assert {name: secret.need for name, secret in found.secrets.items()} == {
        name: SecretNeed(name, "previous") for name in ("config:/db/password", "config:/list/0/key")
    }
    assert {secret.reference for secret in found.secrets.values()} == {REFERENCE}


@pytest.mark.parametrize(
    "values",
    [
        {"db": {"password": 123456789}},
        {"db": {"password": "123456789", "prot": 1}},
        {"db": {"password": "123456789"}, "level": 1},
    ],
)
def test_a_secret_in_the_place_of_its_reference_is_not_shown(package: t.Any, values: t.Any) -> None:
    assert "123456789" not in str(refused(package, values))


def test_a_secret_that_does_not_fit_is_refused_without_being_shown(package: t.Any) -> None:
    found = {host: configured(package, VALUES) for host in ("h", "i")}
    given = {host: {name: "hunter2" for name in each.secrets} for host, each in found.items()}
    with pytest.raises(RelmgmtError) as caught:
        require_fit(found, given, manifest=package.manifest, directory=package.directory)
    assert caught.value.code == "secret-unfit"
    assert caught.value.message.splitlines() == [
        f"h, i: calendar/radicale: {name} ({REFERENCE}): it does not fit 'minLength': 8"
        for name in ("config:/db/password", "config:/list/0/key")
    ]
    fitting = {host: dict.fromkeys(each.secrets, "hunter2hunter2") for host, each in found.items()}
    require_fit(found, fitting, manifest=package.manifest, directory=package.directory)


def secrets(package: t.Any, version: str = "3") -> dict[str, Secret]:
    return {name: Secret(REFERENCE, "tops3cret", version) for name in configured(package, VALUES).secrets}


def test_templates_see_the_secret_and_the_runtime_does_not(package: t.Any) -> None:
    bound = secrets(package)
    package.template("{{ config.db.password }} {{ config.list[0].key }}")
    package.runtime = {"service": {"driver": "command", "command": ["/bin/true", "{{ config.port }}"]}}
    (profile,) = render([package.request(config=VALUES, secrets=bound, asks={"db.password": "none"})])
    assert profile.files[0].contents == b"tops3cret tops3cret"
    assert profile.versions == {REFERENCE: "3"}
    assert profile.asks == {"config/db.password": "none", "secrets/config:/db/password": "none"}
    package.runtime["service"]["command"] = ["{{ config.db.password }}"]
    with pytest.raises(RelmgmtError, match="see no secrets") as caught:
        render([package.request(config=VALUES, secrets=bound)])
    assert caught.value.code == "template-undefined" and "tops3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("{{ config.db.pool.size }}", ["config/db.pool.size"]),
        ("{{ config['db']['pool'] | tojson }}{{ config.list[0].key }}", ["config/db.pool", "config/list"]),
        ("{% for k, v in config.db.items() %}{{ k }}{% endfor %}", ["config/db"]),
        ("{% set c = config %}{{ c.port }}", ["config"]),
        ("{{ config[relmgmt.host] | default('') }}", ["config", "relmgmt/host"]),
        ("{{ config | tojson }}", ["config"]),
        ("{% include 'part' %}{{ secrets.token | default('') }}", ["facts/os", "secrets/token"]),
        ("{% include relmgmt.host ignore missing %}", ["config", "facts", "relmgmt", "relmgmt/host", "secrets"]),
    ],
)
def test_what_a_file_can_see(package: t.Any, text: str, reads: list[str]) -> None:
    package.file("part", "{{ facts.os | default('') }}").template(text)
    (profile,) = render([package.request(config=VALUES)])
    assert list(profile.origins["app.ini"].reads) == reads


def test_the_origin_of_a_file_changes_with_what_it_sees_alone(package: t.Any) -> None:
    bound = {version: secrets(package, version) for version in ("3", "4")}
    package.template("{{ config.port }} {{ config.db.password }} {{ relmgmt.host }}")

    def origin(version: str = "3", **changes: t.Any) -> t.Any:
        (profile,) = render([package.request(**{"config": VALUES, "secrets": bound[version], **changes})])
        return profile.origins["app.ini"]

    first = origin()
    assert first.secrets == {"config:/db/password": REFERENCE}
    assert origin("4") == first
    assert origin(config={**VALUES, "level": "high"}) == first
    assert origin(relmgmt={"host": "ci-ber-01", "version": "4"}) == first
    assert origin(config={**VALUES, "port": 2}).rest != first.rest
    assert origin(relmgmt={"host": "other"}).about != first.about


def test_a_file_whose_secret_is_not_there_is_kept_and_others_are_rendered(package: t.Any) -> None:
    bound = secrets(package)
    package.template("{{ config.db.password }}", "t/private.j2").template("{{ config.port }}", "t/open.j2")
    (profile,) = render([package.request(config=VALUES, secrets=bound, kept=["config:/db/password"])])
    assert [(item.path, item.kept, item.contents) for item in profile.files] == [
        ("open", False, b"1"),
        ("private", True, b""),
    ]
    assert type(profile).from_dict(profile.to_dict()) == profile
    (whole,) = render([package.request(config=VALUES, secrets=bound)])
    assert whole.digest == profile.digest and whole.origins == profile.origins


@pytest.mark.parametrize(
    ("schema", "place", "part"),
    [
        ({"x-relmgmt-secert": True}, "/", "x-relmgmt-secert is unknown"),
        ({"properties": {"a": {"x-relmgmt-restart": "reboot"}}}, "/properties/a", "'reboot' is none of"),
        ({"properties": {"a": {"x-relmgmt-secret": False}}}, "/properties/a", "neither true nor a mapping"),
        ({"$defs": {"a": {"x-relmgmt-secret": {"fallback": "guess"}}}}, "/$defs/a", "'guess' is none of"),
        ({"anyOf": [{"x-relmgmt-secret": True}]}, "/anyOf/0", "is not looked at inside 'anyOf'"),
        ({"patternProperties": {"^a": {"x-relmgmt-restart": "none"}}}, "/patternProperties/^a", "not looked at"),
        ({"items": {"x-relmgmt-restart": "none"}}, "/items", "belongs to the list"),
    ],
)
def test_a_keyword_is_refused_for_being(package: t.Any, schema: t.Any, place: str, part: str) -> None:
    ((path, text),) = keyword_problems(schema)
    assert (pointer(path), part in text) == (place, True)
    assert refused(package, {}, schema).code == "schema-keyword"


def test_properties_may_have_any_name() -> None:
    assert list(keyword_problems({"properties": {"x-relmgmt-secert": {"x-relmgmt-secret": True}}})) == []
