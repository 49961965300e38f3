# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a root can be trusted and written, asked before anything is placed (private)."""

from __future__ import annotations

import os
import pathlib

from .._model.errors import BackendError, InputError
from .disk import existing
from .exposed import exposed

__all__ = ["check_root"]


def check_root(root: pathlib.Path, *, write: bool = True) -> None:
    """Raise where packages must not be placed below ``root``; ``write``: also try whether it can be written.

    Raises:
        InputError: ``root-relative``; ``root-exposed``, somebody else could replace what runs there.
        BackendError: ``root-not-directory``, ``root-read-only``.
    """
    if not root.is_absolute():
        raise InputError("root-relative", f"relmgmt_root {root} is not absolute", hint="Name it from '/'.")
    standing = existing(root)
    if not standing.is_dir():
        raise BackendError("root-not-directory", f"{standing} is not a directory")
    others = exposed(root, standing)
    if others:
        raise InputError(
            "root-exposed",
            f"{others[0]}, in the path of the root {root}, can be written by others ({others[1]})",
            hint="Choose a root below directories that only root or this user may write.",
        )
    if write:
        _try_to_write(standing)


def _try_to_write(path: pathlib.Path) -> None:
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=str(path)):
            pass
    except OSError as exc:
        raise BackendError(
            "root-read-only",
            f"{path} cannot be written by user {os.geteuid()}: {exc.strerror}",
            hint="Mount it writable, or choose another relmgmt_root, or use become.",
        ) from None
