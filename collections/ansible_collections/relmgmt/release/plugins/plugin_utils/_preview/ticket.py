# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that a preview is written to (private)."""

from __future__ import annotations

import os
import pathlib
import tempfile
import typing as t

from ...module_utils._model.errors import BackendError, InputError
from .shown import FORMATS, SUFFIXES

__all__ = ["require_form", "write"]


def require_form(path: pathlib.Path) -> pathlib.Path:
    """The path itself.

    Raises:
        InputError: its suffix names no form (``preview-format-unknown``).
    """
    if path.suffix not in SUFFIXES:
        raise InputError(
            "preview-format-unknown",
            f"{path}: a preview is not written as {path.suffix or 'a file without suffix'}",
            hint=f"Let its name end in {', '.join(SUFFIXES)}.",
        )
    return path


def write(path: pathlib.Path, preview: dict[str, t.Any]) -> None:
    """In the form that its suffix names, for its owner alone; whole or not at all.

    Raises:
        BackendError: it cannot be written (``preview-unwritable``).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(FORMATS[SUFFIXES[path.suffix]](preview))
        os.replace(temporary, path)
    except OSError as exc:
        raise BackendError("preview-unwritable", f"{path}: {exc.strerror}", hint="Name another file.") from None
