#!/usr/bin/env python3
# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether Radicale can keep what it is given: ``storage.py DIRECTORY MEBIBYTES``.

Exit code 0: the directory is writable and its file system has so much room left.
"""

from __future__ import annotations

import os
import sys


def main(directory: str, mebibytes: str) -> str:
    if not os.path.isdir(directory) or not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return f"{directory} is not a directory that can be written"
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize >> 20
    if free < int(mebibytes):
        return f"{directory} has {free} MiB left, {mebibytes} are wanted"
    return ""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) or 0)
