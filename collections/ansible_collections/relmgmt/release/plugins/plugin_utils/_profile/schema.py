# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configuration values against the package's JSON Schema, dialect 2020-12 (private).

``default`` fills in what is missing before the values are checked: in ``properties`` (of a mapping that is there),
``items``, ``additionalProperties``, ``allOf`` and local ``$ref``; not in ``anyOf``, ``oneOf`` and ``if``, where it
would depend on the order of evaluation. References reach the schema itself, nothing else: nothing is fetched.
``format`` is checked for those in ``FORMATS``, which need no further package, so that all controllers judge alike.
"""

from __future__ import annotations

import collections.abc
import copy
import dataclasses
import json
import typing as t

from ...module_utils._model.errors import InputError
from .._optional import optional
from .._source import meant
from .keywords import Marks, keyword_problems, marks_of, without_secrets

if t.TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

__all__ = ["FORMATS", "Problem", "Schema", "check_schema"]

FORMATS = ("date", "email", "ipv4", "ipv6", "regex", "uuid")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_MESSAGE = 300
MAX_REFERENCES = 64
_NONE = object()
_PREFIX = '"x-relmgmt-'
_NO_REFERENCE = "this is not a reference to a secret (what it is, is not shown: it might be the secret)"
_MASK = "***"
_TEXT = " (it is text: -e name=value gives text, -e '{...}' keeps numbers; so do filters such as int)"

Path = tuple["str | int", ...]


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that the schema does not allow. ``origin`` names the variables that the value comes from."""

    host: str
    path: Path
    message: str
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.host}: {pointer(self.path)}: {self.message}" + (f" ({self.origin})" if self.origin else "")


def pointer(path: collections.abc.Iterable[str | int]) -> str:
    """The path as a JSON pointer; the whole is ``/``."""
    return "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)


def check_schema(
    values: t.Any,
    schema: collections.abc.Mapping[str, t.Any],
    *,
    host: str,
    origin: collections.abc.Callable[[Path], str] = lambda path: "",
) -> list[Problem]:
    """All problems of one host's values, in the order of their paths.

    Raises:
        InputError: the schema itself cannot be used.
    """
    return [Problem(host, path, text, origin(path)) for path, text in Schema(schema, where="schema").problems(values)]


class Schema:
    """A schema that was found to be one.

    Raises:
        InputError: it is none (``schema-invalid``), or of another dialect (``schema-dialect``).
    """

    def __init__(self, schema: t.Any, *, where: str) -> None:
        (kind, formats) = optional("jsonschema", "Draft202012Validator", "FormatChecker", package="jsonschema")
        (registry,) = optional("referencing", "Registry", package="referencing")
        (schema_error,) = optional("jsonschema.exceptions", "SchemaError", package="jsonschema")
        self._where, self._schema = where, schema
        dialect = schema.get("$schema", DIALECT) if isinstance(schema, dict) else DIALECT
        if str(dialect).rstrip("#") != DIALECT:
            message = f"{where}: $schema: {dialect!r} is not supported"
            raise InputError("schema-dialect", message, hint=f"Write the schema in {DIALECT}.")
        try:
            kind.check_schema(schema)
        except schema_error as exc:
            raise InputError(
                "schema-invalid",
                f"{where}: {pointer(exc.absolute_path)}: {_short(exc.message)}",
                hint="Mend the schema in the package.",
            ) from None
        for path, problem in keyword_problems(schema):
            raise InputError(
                "schema-keyword", f"{where}: {pointer(path)}: {problem}", hint="docs/configuration.md names them all."
            )
        self._marked = _PREFIX in json.dumps(schema)
        checked = without_secrets(schema) if self._marked else schema
        self._validator = kind(checked, registry=registry(), format_checker=formats(FORMATS))
        self._whole = kind(schema, registry=registry(), format_checker=formats(FORMATS))

    def problems(
        self, values: t.Any, *, secrets: collections.abc.Mapping[Path, t.Any] | None = None
    ) -> list[tuple[Path, str]]:
        """Path and message of everything that the schema does not allow.

        Args:
            secrets: paths at which references to secrets stand. Somebody may have written a secret there: what stands
                there is never shown.

        Raises:
            InputError: a reference in the schema leads nowhere (``schema-reference``).
        """
        (best_match,) = optional("jsonschema.exceptions", "best_match", package="jsonschema")
        hidden = [_at(values, path) for path in secrets or ()]
        found: list[tuple[Path, str]] = []
        for error in self._errors(self._validator, values):
            path = tuple(error.absolute_path)
            told = _unknown(error) if error.validator == "additionalProperties" else [(path, "")]
            for place, text in told or [(path, "")]:
                if secrets and path in secrets:
                    found.append((path, _NO_REFERENCE))
                else:
                    found.append((place, _masked(text, hidden) or _explain(error, best_match, hidden)))
        return sorted(found, key=lambda item: ([str(part) for part in item[0]], item[1]))

    def unfit(self, secret: str, schemas: collections.abc.Sequence[t.Any]) -> list[str]:
        """What of the schemas a secret does not fit, without a word of the secret."""
        found = []
        for schema in schemas:
            for error in self._errors(self._whole.evolve(schema=schema), secret):
                wanted = json.dumps(error.validator_value, ensure_ascii=False)
                found.append(f"it does not fit {error.validator!r}: {_short(wanted)}")
        return sorted(set(found))

    def marks(self, values: t.Any) -> Marks:
        """What the keywords say of the values, which are filled."""
        return marks_of(values, self._schema, self._local) if self._marked else Marks({}, {})

    def _errors(self, validator: t.Any, values: t.Any) -> collections.abc.Iterator[ValidationError]:
        (unresolvable,) = optional("referencing.exceptions", "Unresolvable", package="referencing")
        try:
            yield from validator.iter_errors(values)
        except unresolvable as exc:
            raise InputError(
                "schema-reference",
                f"{self._where}: a $ref leads nowhere: {_short(str(getattr(exc, 'ref', exc)))}",
                hint="Put what it refers to into the same file, below $defs: nothing else is read, nothing is fetched.",
            ) from None

    def filled(self, values: t.Any) -> t.Any:
        """A copy of the values with the schema's defaults where nothing is said.

        Raises:
            InputError: references in the schema go in a circle (``schema-reference``).
        """
        return self._fill(copy.deepcopy(values), self._schema, 0)

    def _fill(self, value: t.Any, schema: t.Any, references: int) -> t.Any:
        if not isinstance(schema, dict):
            return value
        if references > MAX_REFERENCES:
            raise InputError("schema-reference", f"{self._where}: its $ref go in a circle", hint="Mend the schema.")
        if "$ref" in schema:
            value = self._fill(value, self._local(schema["$ref"]), references + 1)
        for part in schema.get("allOf", ()):
            value = self._fill(value, part, references + 1)
        if isinstance(value, dict):
            self._fill_mapping(value, schema)
        elif isinstance(value, list) and "items" in schema:
            value = [self._fill(item, schema["items"], 0) for item in value]
        return value

    def _fill_mapping(self, value: dict[str, t.Any], schema: dict[str, t.Any]) -> None:
        properties = schema.get("properties", {})
        for name, part in properties.items():
            if name not in value and (default := self._default(part)) is not _NONE:
                value[name] = copy.deepcopy(default)
            if name in value:
                value[name] = self._fill(value[name], part, 0)
        for name in value.keys() - properties.keys():
            value[name] = self._fill(value[name], schema.get("additionalProperties"), 0)

    def _default(self, schema: t.Any) -> t.Any:
        """The default that the schema, or what it refers to, has for a missing value."""
        for _step in range(MAX_REFERENCES):
            if not isinstance(schema, dict) or "default" in schema:
                break
            schema = self._local(schema.get("$ref", ""))
        return schema.get("default", _NONE) if isinstance(schema, dict) else _NONE

    def _local(self, reference: t.Any) -> t.Any:
        found = self._schema
        if reference != "#" and not str(reference).startswith("#/"):
            return None
        for part in str(reference).split("/")[1:]:
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        return found


def _explain(error: ValidationError, best_match: t.Any, hidden: collections.abc.Collection[t.Any]) -> str:
    """hidden: what must not be told; it is looked for before anything is shortened, which could cut it in two."""
    message = _short(_masked(error.message, hidden))
    if error.validator == "type" and isinstance(error.instance, str):
        message += _TEXT
    if isinstance(error.schema, dict) and isinstance(error.schema.get("description"), str):
        message += f"; it is: {_short(error.schema['description'])}"
    nearest = best_match([error])
    if nearest is not error:
        message += f"; nearest: {pointer(nearest.absolute_path)}: {_short(_masked(nearest.message, hidden))}"
    return message


def _unknown(error: ValidationError) -> list[tuple[Path, str]]:
    """Each key that the schema does not know, with the one that was most likely meant."""
    schema = error.schema
    if not isinstance(schema, dict) or schema.get("additionalProperties") is not False:
        return []
    known = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    if patterns:
        return []
    path = tuple(error.absolute_path)
    names = sorted(set(t.cast("dict[str, t.Any]", error.instance)) - set(known))
    return [((*path, name), f"nobody knows the key {name!r}{meant(name, known)}") for name in names]


def _at(values: t.Any, path: Path) -> t.Any:
    for part in path:
        values = values[part]
    return values


def _masked(text: str, hidden: collections.abc.Iterable[t.Any]) -> str:
    for value in sorted({str(each) for each in hidden if each not in (None, "")}, key=len, reverse=True):
        text = text.replace(repr(value), _MASK).replace(value, _MASK)
    return text


def _short(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 3] + "..."
