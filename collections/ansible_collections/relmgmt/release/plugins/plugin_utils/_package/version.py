# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions by scheme: whether one is well formed, and how two compare (private).

Adding a scheme is adding a function and its row in ``SCHEMES``. Each takes the text, returns something that sorts, and
raises ``ValueError`` where the text is not a version of the scheme.
"""

from __future__ import annotations

import re
import typing as t

from ...module_utils._model.errors import InputError
from .._optional import optional

__all__ = ["SCHEMES", "check", "sort_key"]

if t.TYPE_CHECKING:
    from packaging.version import Version as Pep440Version
    from semver import Version as SemanticVersion
else:
    (Pep440Version,) = optional("packaging.version", "Version", package="packaging")
    (SemanticVersion,) = optional("semver", "Version", package="semver")

_CALVER = re.compile(r"(\d{4}|\d{2})\.(\d{1,2})((?:\.\d{1,8}){0,2})(?:-([0-9A-Za-z.]+))?")


def _semver(version: str) -> t.Any:
    return SemanticVersion.parse(version)


def _pep440(version: str) -> t.Any:
    return Pep440Version(version)


def _calver(version: str) -> t.Any:
    """Year, month, then up to two numbers; a suffix behind ``-`` marks what sorts before the release itself."""
    match = _CALVER.fullmatch(version)
    if not match or not 1 <= int(match[2]) <= 12:
        raise ValueError("expected YYYY.MM or YY.MM, then up to two numbers, then -suffix")
    year = int(match[1]) + (2000 if len(match[1]) == 2 else 0)
    numbers = tuple(int(number) for number in match[3].split(".") if number)
    suffix = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in (match[4] or "").split(".") if part
    )
    return (year, int(match[2]), *numbers), not suffix, suffix


SCHEMES: t.Mapping[str, t.Callable[[str], t.Any]] = {"calver": _calver, "pep440": _pep440, "semver": _semver}

_EXAMPLES = {"calver": "2026.11.2", "pep440": "1.4.0 or 1.4.0.post1", "semver": "1.4.0 or 2.0.0-rc.1"}


def sort_key(versioning: str, version: str) -> t.Any:
    """What versions of one scheme sort by.

    Raises:
        InputError: the scheme is unknown (``versioning-unknown``), or does not parse the version
            (``version-malformed``).
    """
    if versioning not in SCHEMES:
        known = ", ".join(sorted(SCHEMES))
        raise InputError("versioning-unknown", f"versioning {versioning!r} is none of {known}", hint="Use one of them.")
    try:
        return SCHEMES[versioning](version)
    except (TypeError, ValueError) as exc:
        raise InputError(
            "version-malformed",
            f"version {version!r} is not a {versioning} version ({exc})",
            hint=f"Write one such as {_EXAMPLES[versioning]}, or name the scheme that it follows in 'versioning'.",
        ) from None


def check(versioning: str, version: str) -> None:
    """Raises InputError as ``sort_key`` does."""
    sort_key(versioning, version)
