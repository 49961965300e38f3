# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration part of a package: its schema, its templates, and whether both can be used at all (private).

Templates are parsed, never rendered: nothing of a package runs where it is built.
"""

from __future__ import annotations

import json
import pathlib
import typing as t

from .._optional import optional
from .._profile import keyword_problems, pointer
from .._source import Key, Source, read_bounded
from .files import file_node
from .limits import LIMITS, Limits
from .request import UnitRequest, located
from .tree import Node, Tree

__all__ = ["check_strings", "collect_config"]

if t.TYPE_CHECKING:
    from jinja2 import Environment, TemplateSyntaxError
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
else:
    Environment, TemplateSyntaxError = optional("jinja2", "Environment", "TemplateSyntaxError", package="jinja2")
    (Draft202012Validator,) = optional("jsonschema", "Draft202012Validator", package="jsonschema")
    (SchemaError,) = optional("jsonschema.exceptions", "SchemaError", package="jsonschema")

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def collect_config(source: Source, *, limits: Limits = LIMITS) -> Tree | None:
    """Schema and templates under their source paths; None where the package has neither.

    Raises:
        InputError: one is missing, escapes, is no JSON Schema (``schema-invalid``) or no template
            (``template-invalid``).
    """
    config = source.data.get("config", {})
    tree = Tree(source.place("config"), max_entries=limits.unit_entries)
    if "schema" in config:
        path = _add(tree, source, config["schema"], "config", "schema")
        _check_schema(source, path, limits)
    for index, template in enumerate(config.get("templates", ())):
        path = _add(tree, source, template["source"], "config", "templates", index, "source")
        _check_template(source, path, index, limits)
    return tree if len(tree) else None


def _add(tree: Tree, source: Source, relative: str, *key: str | int) -> pathlib.Path:
    path = located(source, relative, *key)
    if tree.get(relative) is None:
        request = UnitRequest(source, key[:-1], {"name": "config"}, source.directory)
        node = file_node(request, relative, path)
        tree.add(relative, Node(node.contents))  # what a template is allowed to do is said by its rendering's mode
    return path


def _check_schema(source: Source, path: pathlib.Path, limits: Limits) -> None:
    hint = "Write a JSON Schema 2020-12 whose references start with '#'."
    raw = read_bounded(path, limits.schema, what="config.schema")
    try:
        schema = json.loads(raw.decode("utf-8"))
    except json.JSONDecodeError as exc:
        message = f"{path}:{exc.lineno}: not JSON: {exc.msg}"
        raise source.error("schema-invalid", message, "config", "schema", hint=hint) from None
    except (UnicodeDecodeError, RecursionError):
        raise source.error("schema-invalid", f"{path}: not JSON in UTF-8", "config", "schema", hint=hint) from None
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as exc:
        message = f"{path}: {exc.json_path}: {exc.message[:200]}"
        raise source.error("schema-invalid", message, "config", "schema", hint=hint) from None
    foreign = _foreign(schema)
    if foreign:
        raise source.error("schema-invalid", f"{path}: {foreign}", "config", "schema", hint=hint)
    for place, problem in keyword_problems(schema):
        hint = "docs/configuration.md of the collection names the keywords of relmgmt, and where they stand."
        raise source.error("schema-invalid", f"{path}: {pointer(place)}: {problem}", "config", "schema", hint=hint)


def _foreign(value: t.Any) -> str:
    """What in the schema points outside of it: a checker on a controller fetches nothing."""
    if isinstance(value, dict):
        if value.get("$schema", _DIALECT) != _DIALECT:
            return f"$schema is {value['$schema']!r}, not {_DIALECT!r}"
        for key in ("$ref", "$dynamicRef"):
            if isinstance(value.get(key), str) and not value[key].startswith("#"):
                return f"{key} {value[key]!r} leaves the file"
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, map(_foreign, items)), "")


def _check_template(source: Source, path: pathlib.Path, index: int, limits: Limits) -> None:
    key = ("config", "templates", index, "source")
    raw = read_bounded(path, limits.template, what="template")
    try:
        Environment().parse(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise source.error("template-invalid", f"{path}: not UTF-8", *key, hint="Save it as UTF-8.") from None
    except TemplateSyntaxError as exc:
        raise source.error(
            "template-invalid", f"{path}:{exc.lineno}: {exc.message}", *key, hint="Correct the line."
        ) from None
    except RecursionError:
        raise source.error("template-invalid", f"{path}: nested too deeply", *key, hint="Make it simpler.") from None


def check_strings(source: Source, value: t.Any, key: Key) -> None:
    """Every string below ``key`` is a template and parses.

    Raises:
        InputError: one does not (``template-invalid``).
    """
    if isinstance(value, str):
        try:
            Environment().parse(value)
        except TemplateSyntaxError as exc:
            raise source.error(
                "template-invalid", f"not a template: {exc.message}", *key, hint="Correct the braces."
            ) from None
    elif isinstance(value, dict):
        for name, item in value.items():
            check_strings(source, item, (*key, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_strings(source, item, (*key, index))
