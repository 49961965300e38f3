# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a YAML file that people write: data, the line of every key for error messages, a JSON Schema (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import pathlib
import typing as t

import yaml

from ..module_utils._model.errors import InputError
from ._optional import optional

__all__ = ["Document", "Key", "Source", "check", "load", "meant", "read_bounded", "text_of"]

if t.TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError
else:
    (Draft202012Validator,) = optional("jsonschema", "Draft202012Validator", package="jsonschema")

_PROBLEMS_SHOWN = 20
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null"))

Key = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True)
class Document:
    """A kind of file. Its errors are ``<code>-not-yaml``, ``<code>-too-large`` and ``<code>-invalid``.

    what: its name for people; hint: what tells more; size in bytes; nodes: values, all anchors expanded; depth: levels.
    """

    code: str
    what: str
    hint: str
    schema: collections.abc.Mapping[str, t.Any]
    size: int
    nodes: int
    depth: int


@dataclasses.dataclass(frozen=True)
class Source:
    """What a person wrote: the file, its data (valid by the schema) and where each key stands."""

    document: Document
    path: pathlib.Path
    data: t.Mapping[str, t.Any]
    lines: t.Mapping[Key, int]

    @property
    def directory(self) -> pathlib.Path:
        return self.path.parent

    def place(self, *key: str | int) -> str:
        """``file:line: key``, with the line of the nearest key that is written down."""
        dotted = ".".join(str(part) for part in key)
        where = f"{self.path}:{self.line(*key)}"
        return f"{where}: {dotted}" if dotted else where

    def line(self, *key: str | int) -> int:
        """Of the nearest key that is written down."""
        while key not in self.lines and key:
            key = key[:-1]
        return self.lines.get(key, 1)

    def error(self, code: str, message: str, *key: str | int, hint: str = "") -> InputError:
        return InputError(code, f"{self.place(*key)}: {message}", hint=hint or self.document.hint)


def meant(name: str, known: collections.abc.Iterable[str]) -> str:
    """For people: the known name that is nearest to one that is not; empty if none is near."""
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def read_bounded(path: pathlib.Path, limit: int, *, what: str) -> bytes:
    """The bytes of a regular file.

    Raises:
        InputError: there is none, it cannot be read, or it is longer than ``limit``.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except FileNotFoundError:
        raise InputError(
            "file-missing", f"{what}: {path} does not exist", hint="Create it, or correct the path."
        ) from None
    except OSError as exc:
        raise InputError(
            "file-unreadable", f"{what}: {path} cannot be read ({exc.strerror})", hint="Name a file that you may read."
        ) from None
    if len(data) > limit:
        raise InputError(
            "file-too-large",
            f"{what}: {path} is larger than {limit} bytes",
            hint="Split it, or take out what does not belong there.",
        )
    return data


def load(path: pathlib.Path, document: Document) -> Source:
    """Read and check a file of this kind.

    Raises:
        InputError: it is missing, not YAML, too large, or breaks its schema.
    """
    raw = read_bounded(path, document.size, what=document.what)
    code = f"{document.code}-not-yaml"
    try:
        node = yaml.compose(raw.decode("utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        raise InputError(code, f"{path}:{line}: not UTF-8", hint="Save the file as UTF-8.") from None
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        raise InputError(
            code,
            f"{path}:{line}: not YAML: {exc.problem}",
            hint="Correct the line; look at indentation and quotes first.",
        ) from None
    except (yaml.YAMLError, RecursionError) as exc:
        text = " ".join(str(exc).split())[:200]
        raise InputError(code, f"{path}:1: not YAML: {text}", hint="Correct the file.") from None
    reader = _Reader(path, document)
    data = reader.value(node, ()) if node else None
    source = Source(document, path, data if isinstance(data, dict) else {}, reader.lines)
    _validate(source, data)
    return source


def check(path: pathlib.Path, data: t.Any, document: Document) -> Source:
    """Data that was not read from a file but is to be written to one.

    Raises:
        InputError: it breaks the schema.
    """
    source = Source(document, path, data, {})
    _validate(source, data)
    return source


def text_of(data: t.Any) -> str:
    """As a person would write it, in the order of its keys."""
    return yaml.safe_dump(data, explicit_start=True, sort_keys=False, allow_unicode=True, width=120)


class _Reader:
    """Turns YAML nodes into plain data and notes the line of every key."""

    def __init__(self, path: pathlib.Path, document: Document) -> None:
        self._path = path
        self._document = document
        self._scalars = yaml.constructor.SafeConstructor()
        self._nodes = 0
        self.lines: dict[Key, int] = {}

    def value(self, node: yaml.Node, key: Key) -> t.Any:
        self._nodes += 1
        self.lines.setdefault(key, node.start_mark.line + 1)
        if self._nodes > self._document.nodes or len(key) > self._document.depth:
            raise self._error("too-large", node, "too many values or levels", "Use fewer anchors and less nesting.")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*key, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, t.Any]:
        result: dict[str, t.Any] = {}
        for name_node, value_node in node.value:
            name = self._scalar(name_node) if isinstance(name_node, yaml.ScalarNode) else None
            if not isinstance(name, str):
                raise self._error("invalid", name_node, "a key is not a string", "Write the key in quotes.")
            if name in result:
                raise InputError(
                    "key-repeated",
                    f"{self._path}:{name_node.start_mark.line + 1}: the key {name!r} is written twice",
                    hint="Keep one of them.",
                )
            self.lines[(*key, name)] = name_node.start_mark.line + 1
            result[name] = self.value(value_node, (*key, name))
        return result

    def _scalar(self, node: yaml.Node) -> t.Any:
        if node.tag == "tag:yaml.org,2002:merge":
            return "<<"
        if node.tag not in _PLAIN_TAGS:
            shown = str(node.value)[:60]
            raise self._error(
                "invalid",
                node,
                f"{shown!r} is read as {node.tag.rpartition(':')[2]}, not as text",
                "Write it in quotes.",
            )
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as exc:
            raise self._error("not-yaml", node, f"not a value: {exc}", "Write it in quotes.") from None

    def _error(self, code: str, node: yaml.Node, message: str, hint: str) -> InputError:
        code = f"{self._document.code}-{code}"
        return InputError(code, f"{self._path}:{node.start_mark.line + 1}: {message}", hint=hint)


def _telling(errors: list[ValidationError]) -> list[ValidationError]:
    """Without those that follow from another: where a key's value is wrong, its neighbours count as unevaluated."""

    def follows(error: ValidationError) -> bool:
        path = list(error.absolute_path)
        return error.validator == "unevaluatedProperties" and any(
            other is not error and list(other.absolute_path)[: len(path)] == path for other in errors
        )

    return [error for error in errors if not follows(error)]


def _problems(source: Source, error: ValidationError) -> collections.abc.Iterator[tuple[int, str]]:
    """Line and text of what is wrong; a key that nobody knows is named where it stands, with the one that is near."""
    key = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.schema, dict) and "properties" in error.schema:
        for name in sorted(set(t.cast("dict[str, t.Any]", error.instance)) - set(error.schema["properties"])):
            near = meant(name, error.schema["properties"])
            text = f"Additional properties are not allowed ({name!r} was unexpected{near})"
            yield source.line(*key, name), f"{source.place(*key, name)}: {text}"
        return
    if "propertyNames" in error.schema_path:
        key = (*key, str(error.instance))
    text = error.message if len(error.message) <= 200 else error.message[:200] + "…"
    if (
        error.validator == "type"
        and "string" in str(error.validator_value)
        and isinstance(error.instance, (int, float))
    ):
        text += " (write it in quotes)"
    yield source.line(*key), f"{source.place(*key)}: {text}"


def _validate(source: Source, data: t.Any) -> None:
    document = source.document
    errors = _telling(list(Draft202012Validator(document.schema).iter_errors(data)))
    problems = [problem for error in errors for problem in _problems(source, error)]
    if not problems:
        return
    shown = [text for _line, text in sorted(problems)[:_PROBLEMS_SHOWN]]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    raise InputError(f"{document.code}-invalid", "\n".join(shown), hint=document.hint)
