# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that others had a part in, made fit for a line of a terminal (private)."""

from __future__ import annotations

__all__ = ["safe"]

_LONG = 160


def safe(text: object, *, limit: int = _LONG) -> str:
    """The text in one line, without anything that steers a terminal: hosts and packages have a part in it."""
    words = "".join(char if char.isprintable() else " " for char in str(text)).split()
    line = " ".join(words)
    return line if len(line) <= limit else line[: limit - 1] + "…"
