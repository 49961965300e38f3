# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a root can be trusted and written, asked before anything is placed (private)."""

from __future__ import annotations

import os
import pathlib
import stat
import tempfile

from .._model.errors import BackendError, InputError
from .disk import existing

__all__ = ["check_root", "exposed"]


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


def exposed(wanted: pathlib.Path, standing: pathlib.Path) -> tuple[pathlib.Path, str] | None:
    """The first directory on the path that others may write, and so swap its entries, with its owner and mode.

    Of ``wanted``, ``standing`` is what exists. Asked as it is named, and as links lead. One that is sticky does not
    count, as long as the entry is, or will be, ours.
    """
    trusted = (0, os.geteuid())
    for path in (standing, pathlib.Path(os.path.realpath(str(standing)))):
        chain = [path, *path.parents]
        for depth, directory in enumerate(chain):
            status = os.stat(str(directory))
            shared = status.st_mode & stat.S_IWOTH or (
                status.st_mode & stat.S_IWGRP and status.st_gid not in (0, os.getegid())
            )
            entry_is_ours = os.lstat(str(chain[depth - 1])).st_uid in trusted if depth else standing != wanted
            if status.st_uid not in trusted or (shared and not (status.st_mode & stat.S_ISVTX and entry_is_ours)):
                return directory, f"owner {status.st_uid}, mode {stat.S_IMODE(status.st_mode):04o}"
    return None


def _try_to_write(path: pathlib.Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=str(path)):
            pass
    except OSError as exc:
        raise BackendError(
            "root-read-only",
            f"{path} cannot be written by user {os.geteuid()}: {exc.strerror}",
            hint="Mount it writable, or choose another relmgmt_root, or use become.",
        ) from None
