# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment that a package's templates run in: data in, text out (private).

Allowed is what the tables below list, nothing else: no attribute that starts with ``_``, no method that changes a
value, no ``str.format``, no lookup, no random number, no clock. Included templates are files of the same package.
"""

from __future__ import annotations

import base64
import collections.abc
import json
import shlex
import typing as t

from jinja2 import StrictUndefined, Undefined
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.loaders import BaseLoader
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS as JINJA_TESTS

__all__ = ["FILTERS", "GLOBALS", "TESTS", "Sandbox"]

_JINJA_FILTERS = (
    "abs", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "first", "float", "format",
    "groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject",
    "rejectattr", "replace", "reverse", "round", "select", "selectattr", "slice", "sort", "string", "sum", "title",
    "trim", "truncate", "unique", "upper", "urlencode", "wordcount", "wordwrap",
)  # fmt: skip
_JINJA_TESTS = (
    "boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "greaterthan", "gt", "in",
    "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sameas",
    "sequence", "string", "true", "undefined", "upper", "==", "!=", "<", "<=", ">", ">=",
)  # fmt: skip
GLOBALS = ("dict", "namespace", "range")


def to_json(value: t.Any, indent: int | None = None) -> str:
    """JSON with sorted keys; unlike jinja2's own filter without the escapes that only HTML needs."""
    if isinstance(value, Undefined):
        return str(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=indent)


def quote(value: t.Any) -> str:
    """The text as one word of a shell command."""
    return shlex.quote(str(value))


def b64encode(value: t.Any) -> str:
    """Base64 of the text's UTF-8 bytes."""
    return base64.b64encode(str(value).encode("utf-8")).decode("ascii")


FILTERS: dict[str, t.Any] = {
    **{name: JINJA_FILTERS[name] for name in _JINJA_FILTERS},
    **{"b64encode": b64encode, "quote": quote, "tojson": to_json},
}
TESTS: dict[str, t.Any] = {name: JINJA_TESTS[name] for name in _JINJA_TESTS}


class Sandbox(ImmutableSandboxedEnvironment):
    """``trim_blocks`` is as in ansible.builtin.template; the last line end of a file is kept."""

    def __init__(self, loader: BaseLoader, *, range_length: int) -> None:
        super().__init__(
            undefined=StrictUndefined,
            loader=loader,
            keep_trailing_newline=True,
            trim_blocks=True,
            auto_reload=False,
            finalize=_printable,
        )
        self.filters = dict(FILTERS)
        self.tests = dict(TESTS)
        self.globals = {name: self.globals[name] for name in GLOBALS} | {"range": _bounded_range(range_length)}

    def getattr(self, obj: t.Any, attribute: str) -> t.Any:
        """``config.items`` is the value of that name where there is one, and only else the method."""
        return obj[attribute] if isinstance(obj, dict) and attribute in obj else super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: t.Any, attr: str, value: t.Any) -> bool:
        """Without ``str.format``: older releases of jinja2 can be led out of the sandbox by it."""
        formats = isinstance(obj, str) and attr in ("format", "format_map")
        return not formats and super().is_safe_attribute(obj, attr, value)


def _printable(value: t.Any) -> t.Any:
    if isinstance(value, (str, int, float, Undefined)):
        return value
    kind = "null" if value is None else f"a {type(value).__name__}"
    raise TypeError(f"{kind} cannot be written out as text; use a filter such as tojson, join or default")


def _bounded_range(length: int) -> collections.abc.Callable[..., range]:
    def bounded_range(*args: int) -> range:
        numbers = range(*args)
        if len(numbers) > length:
            raise SecurityError(f"range is bounded to {length} numbers")
        return numbers

    return bounded_range
