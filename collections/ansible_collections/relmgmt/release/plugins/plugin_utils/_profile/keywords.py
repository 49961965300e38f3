# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keywords that a package's JSON Schema may hold for relmgmt, and what they say of one host's values (private).

``x-relmgmt-secret`` marks a value that is a reference to a secret: ``true``, or what holds for it as in release.yml.
``x-relmgmt-restart`` says what a change of that key alone asks of the service; it holds for all that lies below it.
Both are looked for where ``default`` is (see schema.py): not in ``anyOf``, ``if`` and the like.
"""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model.errors import InputError
from ...module_utils._model.manifest import NONE, RELOAD, RESTART
from ...module_utils._model.secret_need import SecretNeed

__all__ = ["Marks", "Rules", "keyword_problems", "marks_of", "need_name", "without_secrets"]

_PREFIX = "x-relmgmt-"
_SECRET, _RESTART = _PREFIX + "secret", _PREFIX + "restart"
_MAPPINGS, _LISTS, _SINGLE = ("properties", "$defs"), ("allOf",), ("items", "additionalProperties")
_UNSEEN = (
    "anyOf", "oneOf", "not", "if", "then", "else", "patternProperties", "prefixItems", "contains", "dependentSchemas",
    "propertyNames", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_DEPTH = 64

Path = tuple["str | int", ...]
Rules = dict[str, t.Any]
Local = collections.abc.Callable[[t.Any], t.Any]
Problem = tuple[Path, str]


class Marks(t.NamedTuple):
    """What the keywords say of a host's values. secrets: path → what holds for it, and the schemas that its value must
    fit; asks: the dotted name of a key → what a change of it asks for."""

    secrets: dict[Path, tuple[Rules, list[t.Any]]]
    asks: dict[str, str]


def need_name(pointer: str) -> str:
    """The name of the secret at that place of the configuration."""
    return f"config:{pointer}"


def keyword_problems(schema: t.Any, path: Path = (), unseen: str = "") -> collections.abc.Iterator[Problem]:
    """Place and text of each keyword that is unknown, wrong, or where nobody looks."""
    if not isinstance(schema, dict):
        return
    for name in sorted(name for name in schema if isinstance(name, str) and name.startswith(_PREFIX)):
        problem = f"is not looked at inside {unseen!r}" if unseen else _wrong(name, schema[name], path)
        if problem:
            yield path, f"{name} {problem}"
    for key in (*_MAPPINGS, *_LISTS, *_SINGLE, *_UNSEEN):
        below = unseen or (key if key in _UNSEEN else "")
        held = schema.get(key)
        if key in (*_MAPPINGS, "patternProperties", "dependentSchemas") and isinstance(held, dict):
            for name, part in held.items():
                yield from keyword_problems(part, (*path, key, name), below)
        elif isinstance(held, list):
            for index, part in enumerate(held):
                yield from keyword_problems(part, (*path, key, index), below)
        else:
            yield from keyword_problems(held, (*path, key), below)


def _wrong(name: str, value: t.Any, path: Path) -> str:
    if name == _RESTART:
        if "items" in path[1::2] or path[-1:] == ("items",):
            return "belongs to the list, not to its items: a list changes as a whole"
        return "" if value in (NONE, RELOAD, RESTART) else f"{value!r} is none of none, reload, restart"
    if name == _SECRET:
        if value is True:
            return ""
        try:
            SecretNeed.of("config", value) if isinstance(value, dict) else None
        except InputError as exc:
            return exc.message
        return "" if isinstance(value, dict) else "is neither true nor a mapping of fallback, default and on_revert"
    return f"is unknown; there are {_SECRET} and {_RESTART}"


def without_secrets(schema: t.Any) -> t.Any:
    """The schema for values in which references stand for secrets."""
    if isinstance(schema, list):
        return [without_secrets(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if _SECRET in schema:
        kept = {key: schema[key] for key in ("description", "default") if key in schema}
        return {"type": "string", **kept}
    return {key: without_secrets(item) for key, item in schema.items()}


def marks_of(values: t.Any, schema: t.Any, local: Local) -> Marks:
    """What the keywords say of the values. local: what a ``$ref`` of the schema leads to."""
    marks = Marks({}, {})
    _walk(values, [schema], (), "", local, marks)
    return marks


def _walk(value: t.Any, schemas: list[t.Any], path: Path, ask: str, local: Local, marks: Marks) -> None:
    found = [each for schema in schemas for each in _applying(schema, local, 0)]
    ask = next((schema[_RESTART] for schema in found if _RESTART in schema), ask)
    rules = next((schema[_SECRET] for schema in found if _SECRET in schema), None)
    if rules:
        marks.secrets[path] = ({} if rules is True else rules, [_plain(schema) for schema in schemas])
    if isinstance(value, dict) and value and not rules:
        for name, item in value.items():
            _walk(item, _below(found, name), (*path, name), ask, local, marks)
        return
    if isinstance(value, list):
        items = [schema["items"] for schema in found if "items" in schema]
        for index, item in enumerate(value):
            _walk(item, items, (*path, index), "", local, marks)
    if ask and all(isinstance(part, str) for part in path):
        marks.asks[".".join(map(str, path))] = ask


def _applying(schema: t.Any, local: Local, depth: int) -> list[dict[str, t.Any]]:
    """The schema itself, and what it refers to and is put together from."""
    if not isinstance(schema, dict) or depth > _DEPTH:
        return []
    parts = [*([local(schema["$ref"])] if "$ref" in schema else []), *schema.get("allOf", ())]
    return [schema, *(each for part in parts for each in _applying(part, local, depth + 1))]


def _below(schemas: list[dict[str, t.Any]], name: str) -> list[t.Any]:
    found = []
    for schema in schemas:
        properties = schema.get("properties", {})
        if name in properties:
            found.append(properties[name])
        elif "additionalProperties" in schema:
            found.append(schema["additionalProperties"])
    return found


def _plain(schema: t.Any) -> t.Any:
    return (
        {key: item for key, item in schema.items() if not key.startswith(_PREFIX)} if isinstance(schema, dict) else {}
    )
