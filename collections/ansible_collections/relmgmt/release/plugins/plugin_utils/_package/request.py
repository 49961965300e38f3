# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a collector is asked: one declared unit, and where its source lies (private)."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import typing as t

from ...module_utils._model.errors import InputError, RelmgmtError
from ...module_utils._model.path import safe_path
from .._source import Key, Source
from .limits import LIMITS, Limits

__all__ = ["UnitRequest", "located"]


@dataclasses.dataclass(frozen=True)
class UnitRequest:
    """One unit of ``release.yml``. ``key`` is where it is declared, ``wheelhouse`` where wheels are looked for."""

    source: Source
    key: Key
    data: t.Mapping[str, t.Any]
    wheelhouse: pathlib.Path
    limits: Limits = LIMITS

    @property
    def what(self) -> str:
        return f"{self.source.place(*self.key)}: unit {self.data['name']}"

    @property
    def path(self) -> pathlib.Path:
        """The unit's source, proven to lie below the directory of ``release.yml``."""
        return located(self.source, self.data["source"], *self.key, "source")

    def error(self, code: str, message: str, *key: str | int, hint: str) -> InputError:
        return self.source.error(code, f"unit {self.data['name']}: {message}", *self.key, *key, hint=hint)


def located(source: Source, relative: str, *key: str | int) -> pathlib.Path:
    """The path of something that ``release.yml`` names.

    Raises:
        InputError: it is absolute or holds ``..`` (``path-unsafe``), leaves the directory through a symbolic link
            (``source-escapes``), or does not exist (``file-missing``).
    """
    try:
        path = source.directory / safe_path(relative, what="source")
    except RelmgmtError as exc:
        raise source.error(
            exc.code, exc.message, *key, hint="Name a path below the directory of the release file."
        ) from None
    base = os.path.realpath(source.directory)
    real = os.path.realpath(path)
    if os.path.commonpath([base, real]) != base:
        raise source.error(
            "source-escapes",
            f"{relative!r} leaves the directory {base} through a symbolic link",
            *key,
            hint="Copy it into the directory.",
        )
    if not os.path.exists(real):
        raise source.error(
            "file-missing",
            f"{relative!r} does not exist below {base}",
            *key,
            hint="Create it, or correct the path; it is relative to the release file.",
        )
    return pathlib.Path(real)
