# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading ``release.yml``: data, and the line of every key for error messages (private)."""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
import typing as t

import yaml

from ...module_utils._model.errors import InputError
from .._optional import optional
from .limits import LIMITS, Limits

__all__ = ["SCHEMA_FILE", "Source", "load", "read_bounded", "release_schema"]

if t.TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError
else:
    (Draft202012Validator,) = optional("jsonschema", "Draft202012Validator", package="jsonschema")

SCHEMA_FILE = pathlib.Path(__file__).with_name("release.schema.json")
_HINT = "docs/release-yml.md of the collection describes every key."
_PROBLEMS_SHOWN = 20
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null"))

Key = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True)
class Source:
    """What a person wrote: the file, its data (valid by the schema) and where each key stands."""

    path: pathlib.Path
    data: t.Mapping[str, t.Any]
    lines: t.Mapping[Key, int]

    @property
    def directory(self) -> pathlib.Path:
        return self.path.parent

    def place(self, *key: str | int) -> str:
        """``file:line: key``, with the line of the nearest key that is written down."""
        near = key
        while near not in self.lines and near:
            near = near[:-1]
        dotted = ".".join(str(part) for part in key)
        return (
            f"{self.path}:{self.lines.get(near, 1)}: {dotted}" if dotted else f"{self.path}:{self.lines.get(near, 1)}"
        )

    def error(self, code: str, message: str, *key: str | int, hint: str = _HINT) -> InputError:
        return InputError(code, f"{self.place(*key)}: {message}", hint=hint)


@functools.lru_cache(maxsize=1)
def release_schema() -> dict[str, t.Any]:
    """The JSON Schema of ``release.yml``."""
    return t.cast("dict[str, t.Any]", json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


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


def load(path: pathlib.Path, *, limits: Limits = LIMITS) -> Source:
    """Read and check ``release.yml``.

    Raises:
        InputError: it is missing, not YAML (``release-not-yaml``), or breaks its schema (``release-invalid``).
    """
    raw = read_bounded(path, limits.release_file, what="release file")
    reader = _Reader(path, limits)
    try:
        node = yaml.compose(raw.decode("utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        raise InputError("release-not-yaml", f"{path}:{line}: not UTF-8", hint="Save the file as UTF-8.") from None
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        raise InputError(
            "release-not-yaml",
            f"{path}:{line}: not YAML: {exc.problem}",
            hint="Correct the line; look at indentation and quotes first.",
        ) from None
    except (yaml.YAMLError, RecursionError) as exc:
        raise InputError(
            "release-not-yaml", f"{path}:1: not YAML: {' '.join(str(exc).split())[:200]}", hint="Correct the file."
        ) from None
    data = reader.value(node, ()) if node else None
    source = Source(path, data if isinstance(data, dict) else {}, reader.lines)
    _validate(source, data)
    return source


class _Reader:
    """Turns YAML nodes into plain data and notes the line of every key."""

    def __init__(self, path: pathlib.Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._scalars = yaml.constructor.SafeConstructor()
        self._nodes = 0
        self.lines: dict[Key, int] = {}

    def value(self, node: yaml.Node, key: Key) -> t.Any:
        self._nodes += 1
        self.lines.setdefault(key, node.start_mark.line + 1)
        if self._nodes > self._limits.release_nodes or len(key) > self._limits.release_depth:
            raise self._error(
                "release-too-large", node, "too many values or levels", "Use fewer anchors and less nesting."
            )
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
                raise self._error("release-invalid", name_node, "a key is not a string", "Write the key in quotes.")
            if name in result:
                raise self._error("key-repeated", name_node, f"the key {name!r} is written twice", "Keep one of them.")
            self.lines[(*key, name)] = name_node.start_mark.line + 1
            result[name] = self.value(value_node, (*key, name))
        return result

    def _scalar(self, node: yaml.Node) -> t.Any:
        if node.tag == "tag:yaml.org,2002:merge":
            return "<<"
        if node.tag not in _PLAIN_TAGS:
            shown = str(node.value)[:60]
            raise self._error(
                "release-invalid",
                node,
                f"{shown!r} is read as {node.tag.rpartition(':')[2]}, not as text",
                "Write it in quotes.",
            )
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as exc:
            raise self._error("release-not-yaml", node, f"not a value: {exc}", "Write it in quotes.") from None

    def _error(self, code: str, node: yaml.Node, message: str, hint: str) -> InputError:
        return InputError(code, f"{self._path}:{node.start_mark.line + 1}: {message}", hint=hint)


def _telling(errors: list[ValidationError]) -> list[ValidationError]:
    """Without those that follow from another: where a key's value is wrong, its neighbours count as unevaluated."""

    def follows(error: ValidationError) -> bool:
        path = list(error.absolute_path)
        return error.validator == "unevaluatedProperties" and any(
            other is not error and list(other.absolute_path)[: len(path)] == path for other in errors
        )

    return [error for error in errors if not follows(error)]


def _validate(source: Source, data: t.Any) -> None:
    problems = []
    for error in _telling(list(Draft202012Validator(release_schema()).iter_errors(data))):
        key = tuple(error.absolute_path)
        text = error.message if len(error.message) <= 200 else error.message[:200] + "…"
        if error.validator == "type" and error.validator_value == "string" and isinstance(error.instance, (int, float)):
            text += " (write it in quotes)"
        place = source.place(*key)
        problems.append((source.lines.get(key, 1), f"{place}: {text}"))
    if not problems:
        return
    shown = [text for _line, text in sorted(problems)[:_PROBLEMS_SHOWN]]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    raise InputError("release-invalid", "\n".join(shown), hint=_HINT)
