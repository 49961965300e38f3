# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tells where the value of a variable was written; who can tell is named as an argument (private)."""

from __future__ import annotations

import collections.abc

__all__ = ["Where", "nowhere"]

Where = collections.abc.Callable[[str, collections.abc.Sequence["str | int"]], str]
"""The name of a variable, and a path in its value → file and line, for people; empty where nobody knows."""


def nowhere(_name: str, _path: collections.abc.Sequence[str | int]) -> str:
    """Nobody knows."""
    return ""
