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
    _check_path(root, standing)
    if write:
        _try_to_write(standing)


def _check_path(root: pathlib.Path, standing: pathlib.Path) -> None:
    """A directory that others may write lets them swap its entries; as it is named, and as links lead.

    Not one that is sticky, as long as the entry is, or will be, ours.
    """
    trusted = (0, os.geteuid())
    for path in (standing, pathlib.Path(os.path.realpath(str(standing)))):
        chain = [path, *path.parents]
        for depth, directory in enumerate(chain):
            status = os.stat(str(directory))
            shared = status.st_mode & stat.S_IWOTH or (
                status.st_mode & stat.S_IWGRP and status.st_gid not in (0, os.getegid())
            )
            entry_is_ours = os.lstat(str(chain[depth - 1])).st_uid in trusted if depth else standing != root
            if status.st_uid not in trusted or (shared and not (status.st_mode & stat.S_ISVTX and entry_is_ours)):
                owner = f"owner {status.st_uid}, mode {stat.S_IMODE(status.st_mode):04o}"
                raise InputError(
                    "root-exposed",
                    f"{directory}, in the path of the root {root}, can be written by others ({owner})",
                    hint="Choose a root below directories that only root or this user may write.",
                )


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
