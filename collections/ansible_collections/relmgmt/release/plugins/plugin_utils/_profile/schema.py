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
import typing as t

from ...module_utils._model.errors import InputError
from .._optional import optional

if t.TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

__all__ = ["FORMATS", "Problem", "Schema", "check_schema"]

FORMATS = ("date", "email", "ipv4", "ipv6", "regex", "uuid")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
MAX_MESSAGE = 300
MAX_REFERENCES = 64
_NONE = object()

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
        self._validator = kind(schema, registry=registry(), format_checker=formats(FORMATS))

    def problems(self, values: t.Any) -> list[tuple[Path, str]]:
        """Path and message of everything that the schema does not allow.

        Raises:
            InputError: a reference in the schema leads nowhere (``schema-reference``).
        """
        (best_match,) = optional("jsonschema.exceptions", "best_match", package="jsonschema")
        (unresolvable,) = optional("referencing.exceptions", "Unresolvable", package="referencing")
        found: list[tuple[Path, str]] = []
        try:
            for error in self._validator.iter_errors(values):
                found.append((tuple(error.absolute_path), _explain(error, best_match)))
        except unresolvable as exc:
            raise InputError(
                "schema-reference",
                f"{self._where}: a $ref leads nowhere: {_short(str(getattr(exc, 'ref', exc)))}",
                hint="Put what it refers to into the same file, below $defs: nothing else is read, nothing is fetched.",
            ) from None
        return sorted(found, key=lambda item: ([str(part) for part in item[0]], item[1]))

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


def _explain(error: ValidationError, best_match: t.Any) -> str:
    message = _short(error.message)
    nearest = best_match([error])
    if nearest is not error:
        message += f"; nearest: {pointer(nearest.absolute_path)}: {_short(nearest.message)}"
    return message


def _short(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 3] + "..."
