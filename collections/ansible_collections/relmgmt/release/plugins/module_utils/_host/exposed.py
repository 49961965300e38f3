# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether others may swap what lies below a directory (private)."""

from __future__ import annotations

import os
import pathlib
import stat

__all__ = ["exposed"]


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
