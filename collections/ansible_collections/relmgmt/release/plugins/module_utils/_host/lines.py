# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pattern in the lines of a text that somebody else writes (private).

A pattern is plain text in which ``*`` stands for anything within a line: to look for it takes time in proportion to the
text, whatever both are, which a regular expression does not promise. Nothing of the text is ever shown.
"""

from __future__ import annotations

import os
import stat
import typing as t

from .asking import NotAsked

__all__ = ["MAX_READ", "found", "opened"]

MAX_READ = 4 << 20


def found(pattern: str, text: bytes) -> bool:
    """Whether one line of the text holds the pattern."""
    parts = [part for part in pattern.encode("utf-8").split(b"*") if part]
    return any(_holds(parts, line) for line in text.split(b"\n"))


def _holds(parts: t.Sequence[bytes], line: bytes) -> bool:
    at = 0
    for part in parts:
        at = line.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def opened(path: str) -> tuple[int, os.stat_result] | None:
    """A plain file to read, and what it is; None where there is none. Nothing is waited for, such as a pipe's writer.

    Raises:
        NotAsked: it is something else, or may not be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise NotAsked(f"{path}: {exc.strerror}") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise NotAsked(f"{path} is no plain file")
    return handle, status
