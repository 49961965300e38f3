# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How configuration values are filled and checked: all of all hosts, at once."""

from __future__ import annotations

import copy
import datetime
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._profile import Limits, check_schema, configure
from ansible_collections.relmgmt.release.plugins.plugin_utils._profile.schema import Schema

TEXT = " (it is text: -e name=value gives text, -e '{...}' keeps numbers; so do filters such as int)"
QUICK = Limits(step_seconds=0.5, wall_seconds=20.0)
SCHEMA: dict[str, t.Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["port"],
    "additionalProperties": False,
    "properties": {
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "its port"},
        "bind": {"type": "string", "format": "ipv4", "default": "127.0.0.1"},
        "limits": {"type": "object", "properties": {"size": {"type": "integer", "default": 10}}},
        "a/b": {"type": "integer"},
    },
}


def values(**config: t.Any) -> dict[str, t.Any]:
    return {"relmgmt_config": {"calendar/radicale": config}}


def refused(package: t.Any, variables: dict[str, t.Any]) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        configure(variables, manifest=package.manifest, directory=package.directory, limits=QUICK)
    return caught.value


def test_values_are_merged_and_filled(package: t.Any) -> None:
    package.schema(SCHEMA)
    variables = {"h": {"relmgmt_config__site": {"calendar/radicale": {"port": 1, "limits": {}}}, **values(port=2)}}
    result = configure(variables, manifest=package.manifest, directory=package.directory)
    assert result["h"].values == {"port": 2, "bind": "127.0.0.1", "limits": {"size": 10}}


def test_without_a_schema_the_values_are_as_they_are(package: t.Any) -> None:
    result = configure({"h": values(x=1)}, manifest=package.manifest, directory=package.directory)
    assert result["h"].values == {"x": 1}


def test_all_problems_of_all_hosts_are_told_with_their_variables(package: t.Any) -> None:
    package.schema(SCHEMA)
    error = refused(
        package,
        {
            "ci-ber-01": {"relmgmt_config__site": {"calendar/radicale": {"port": "x"}}, **values(bind="::1")},
            "ci-ber-02": {"relmgmt_config__site": {"calendar/radicale": {"port": "x"}}},
            "ci-fra-01": values(prot=1, **{"a/b": "c"}),
            "ci-fra-02": values(port=5232),
            "ci-zrh-01": {},
        },
    )
    assert error.code == "config-invalid"
    assert error.message.splitlines() == [
        "The configuration of calendar/radicale breaks its schema on 4 hosts:",
        "ci-ber-01: /bind: '::1' is not a 'ipv4' (from relmgmt_config)",
        f"ci-ber-01, ci-ber-02: /port: 'x' is not of type 'integer'{TEXT}; it is: its port (from relmgmt_config__site)",
        "ci-fra-01: /: 'port' is a required property (from relmgmt_config)",
        f"ci-fra-01: /a~1b: 'c' is not of type 'integer'{TEXT} (from relmgmt_config)",
        "ci-fra-01: /prot: nobody knows the key 'prot', did you mean 'port'? (from relmgmt_config)",
        "ci-zrh-01: /: 'port' is a required property (no relmgmt_config variable of the host names calendar/radicale)",
    ]


@pytest.mark.parametrize(
    ("schema", "code"),
    [
        ({"type": "nonsense"}, "schema-invalid"),
        ([], "schema-invalid"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "schema-dialect"),
        ({"$ref": "#/$defs/nowhere"}, "schema-reference"),
        ({"$ref": "http://127.0.0.1:1/evil.json"}, "schema-reference"),
        ({"$ref": "file:///etc/passwd"}, "schema-reference"),
        ({"$ref": "#"}, "schema-reference"),
        ({"allOf": [{"$ref": "#"}]}, "schema-reference"),
        ({"anyOf": [{"$ref": "#"}]}, "schema-endless"),
        ({"properties": {"x": {"pattern": "^(a+)+$"}}}, "schema-endless"),
    ],
)
def test_a_bad_schema_is_refused(package: t.Any, schema: t.Any, code: str) -> None:
    error = refused(package.schema(schema), {"h": values(x="a" * 40 + "b")})
    assert (error.code, "config.schema.json" in error.message) == (code, True)


def test_a_schema_that_is_not_json_is_refused(package: t.Any) -> None:
    package.config["schema"] = "config.schema.json"
    assert refused(package.file("config.schema.json", "type: object"), {"h": {}}).code == "schema-invalid"


def test_a_schema_changed_after_it_was_verified_is_refused(package: t.Any) -> None:
    package.schema(SCHEMA)
    (package.directory / "config.schema.json").write_text("{}")
    assert refused(package, {"h": values(port=1)}).code == "schema-changed"


@pytest.mark.parametrize("value", [datetime.date(2026, 1, 1), float("nan"), b"x"])
def test_what_json_does_not_have_is_refused_with_its_place(package: t.Any, value: object) -> None:
    error = refused(package, {"h": values(a=[{"b": value}])})
    assert (error.code, "h: calendar/radicale: /a/0/b" in error.message) == ("config-not-json", True)


@pytest.mark.parametrize(
    ("schema", "given", "filled"),
    [
        ({"properties": {"x": {"default": 1}}}, {}, {"x": 1}),
        ({"properties": {"x": {"default": 1}}}, {"x": None}, {"x": None}),
        ({"properties": {"x": {"properties": {"y": {"default": 1}}}}}, {}, {}),
        ({"properties": {"x": {"default": {}, "properties": {"y": {"default": 1}}}}}, {}, {"x": {"y": 1}}),
        ({"items": {"properties": {"x": {"default": 1}}}}, [{}, 2], [{"x": 1}, 2]),
        ({"additionalProperties": {"properties": {"x": {"default": 1}}}}, {"a": {}}, {"a": {"x": 1}}),
        ({"allOf": [{"properties": {"x": {"default": 1}}}]}, {}, {"x": 1}),
        ({"$defs": {"d": {"properties": {"x": {"default": 1}}}}, "$ref": "#/$defs/d"}, {}, {"x": 1}),
        ({"$defs": {"d": {"default": 1}}, "properties": {"x": {"$ref": "#/$defs/d"}}}, {}, {"x": 1}),
        ({"anyOf": [{"properties": {"x": {"default": 1}}}]}, {}, {}),
        ({"properties": {"t": {"$ref": "#"}, "x": {"default": 1}}}, {"t": {}}, {"t": {"x": 1}, "x": 1}),
    ],
)  # fmt: skip
def test_defaults(schema: dict[str, t.Any], given: t.Any, filled: t.Any) -> None:
    before = copy.deepcopy((schema, given))
    assert Schema(schema, where="schema").filled(given) == filled
    assert (schema, given) == before


def test_check_schema_tells_the_nearest_of_several_ways() -> None:
    schema = {"properties": {"x": {"oneOf": [{"type": "integer"}, {"type": "object", "required": ["y"]}]}}}
    (problem,) = check_schema({"x": {}}, schema, host="h", origin=lambda path: f"from {path}")
    assert str(problem).endswith("; nearest: /x: 'y' is a required property (from ('x',))")


def test_a_long_value_is_not_repeated_whole() -> None:
    (problem,) = check_schema("x" * 10_000, {"type": "integer"}, host="h")
    assert len(str(problem)) < 400


def test_a_problem_names_file_and_line_where_they_are_known(package: t.Any) -> None:
    package.schema(SCHEMA)
    asked: list[tuple[str, t.Any]] = []

    def where(name: str, path: t.Any) -> str:
        asked.append((name, tuple(path)))
        return "group_vars/all.yml:3"

    with pytest.raises(RelmgmtError, match=r"\(from relmgmt_config at group_vars/all.yml:3\)"):
        configure({"h": values(port=0)}, manifest=package.manifest, directory=package.directory, where={"h": where})
    assert asked == [("relmgmt_config", ("calendar/radicale", "port"))]


def test_values_below_a_name_that_is_nearly_the_packages_are_refused(package: t.Any) -> None:
    near = {"relmgmt_config": {"calendar/radicle": {"port": 1}}}
    error = refused(package, {"a": near, "b": near, "c": values(port=1)})
    assert error.code == "config-package-unknown"
    assert error.message == "a, b: relmgmt_config names 'calendar/radicle', and nothing names 'calendar/radicale'"
    said: dict[str, t.Any] = {"relmgmt_config": {"calendar/radicle": {}, "calendar/radicale": {}}}
    assert configure({"a": said}, manifest=package.manifest, directory=package.directory)["a"].values == {}


def test_a_layer_that_came_from_the_command_line_as_text_says_so(package: t.Any) -> None:
    error = refused(package, {"h": {"relmgmt_config": "{port: 1}"}})
    assert (error.code, "-e @file" in error.hint) == ("config-layer-malformed", True)


@pytest.mark.parametrize("text", ["{{ 1 + 1 }}", "{% raw %}", "a\nb", "x" * (1 << 20), "\u2603"])
def test_a_value_is_never_a_template_and_goes_through_as_it_is(package: t.Any, text: str) -> None:
    package.schema({"properties": {"a": {"type": "string"}}})
    result = configure({"h": values(a=text)}, manifest=package.manifest, directory=package.directory)
    assert result["h"].values == {"a": text}
