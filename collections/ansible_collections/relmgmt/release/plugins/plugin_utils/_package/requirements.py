# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requirements files in pip's format, as far as they pin: ``name==version --hash=sha256:…`` (private)."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import typing as t

from ...module_utils._model.errors import InputError
from .._optional import optional

__all__ = ["Pin", "parse"]

if t.TYPE_CHECKING:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version
else:
    InvalidRequirement, Requirement = optional(
        "packaging.requirements", "InvalidRequirement", "Requirement", package="packaging"
    )
    (canonicalize_name,) = optional("packaging.utils", "canonicalize_name", package="packaging")
    InvalidVersion, Version = optional("packaging.version", "InvalidVersion", "Version", package="packaging")

_COMMENT = re.compile(r"(^|\s)#.*$")
_HASH = re.compile(r"--hash[= ](\S+)")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_PINNED = (
    "Write it as name==version --hash=sha256:…; pip-compile --generate-hashes and uv pip compile --generate-hashes do."
)


@dataclasses.dataclass(frozen=True)
class Pin:
    """One distribution in one version, the digests its wheel may have, and the line it stands on."""

    name: str
    version: Version
    digests: frozenset[str]
    line: int


def parse(text: str, path: pathlib.Path) -> tuple[Pin, ...]:
    """The pins of a requirements file.

    Raises:
        InputError: a line is not a pin with a hash (``requirement-unpinned``, ``requirement-option``,
            ``requirement-marker``), or one name is pinned twice (``requirement-repeated``).
    """
    pins: dict[str, Pin] = {}
    for line, logical in _logical_lines(text):
        pin = _pin(logical, line, path)
        if pin.name in pins:
            raise _error(
                path,
                line,
                "requirement-repeated",
                f"{pin.name} is pinned on line {pins[pin.name].line} already",
                "Keep one of them.",
            )
        pins[pin.name] = pin
    if not pins:
        raise _error(path, 1, "requirement-missing", "no requirement is pinned", _PINNED)
    return tuple(pins[name] for name in sorted(pins))


def _logical_lines(text: str) -> t.Iterator[tuple[int, str]]:
    start, parts = 1, ""
    for number, raw in enumerate(text.splitlines(), start=1):
        part = _COMMENT.sub("", raw)
        if not parts.strip():
            start = number
        if part.endswith("\\"):
            parts += part[:-1] + " "
            continue
        if (parts + part).strip():
            yield start, (parts + part).strip()
        parts = ""
    if parts.strip():
        yield start, parts.strip()


def _pin(logical: str, line: int, path: pathlib.Path) -> Pin:
    if logical.startswith("-"):
        raise _error(
            path,
            line,
            "requirement-option",
            f"the option {logical.split()[0]!r} is not allowed here",
            "Pin every distribution in this one file; give options to pip download instead.",
        )
    declared, digests = _HASH.sub("", logical).strip(), _HASH.findall(logical)
    try:
        requirement = Requirement(declared)
    except InvalidRequirement as exc:
        cause = str(exc).splitlines()[0]
        raise _error(
            path, line, "requirement-unpinned", f"{declared!r} is not a requirement ({cause})", _PINNED
        ) from None
    if requirement.marker:
        raise _error(
            path,
            line,
            "requirement-marker",
            f"{requirement.name} depends on the marker {str(requirement.marker)!r}",
            "A package is the same on every host: resolve for one target, so that no marker is left.",
        )
    specifiers = list(requirement.specifier)
    if requirement.url or len(specifiers) != 1 or specifiers[0].operator != "==":
        raise _error(
            path, line, "requirement-unpinned", f"{requirement.name} is not pinned to one version with '=='", _PINNED
        )
    if not digests or not all(_SHA256.fullmatch(digest) for digest in digests):
        raise _error(
            path, line, "requirement-unpinned", f"{requirement.name} has no hash, or one that is not sha256", _PINNED
        )
    try:
        version = Version(specifiers[0].version)
    except InvalidVersion:
        raise _error(
            path, line, "requirement-unpinned", f"{requirement.name} is pinned to a pattern", _PINNED
        ) from None
    return Pin(canonicalize_name(requirement.name), version, frozenset(digests), line)


def _error(path: pathlib.Path, line: int, code: str, message: str, hint: str) -> InputError:
    return InputError(code, f"{path}:{line}: {message}", hint=hint)
