# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of a declaration that several parts of it have: seconds, commands, environments, names of units (private)."""

from __future__ import annotations

import re
import typing as t

from .errors import InputError

__all__ = ["UNIT", "argv", "environment", "seconds"]

Data = t.Mapping[str, t.Any]
UNIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.@\\-]{0,200}\.(?:service|socket|target|timer|path)\Z")  # its full name


def seconds(data: Data, key: str, default: float, *, what: str) -> float:
    value = data.get(key, default)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 <= number <= 86400:
        raise InputError("seconds-malformed", f"{what}.{key}: {value!r} is not a number of seconds from 0 to 86400")
    return number


def argv(value: t.Any, *, what: str) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(item, str) for item in value):
        raise InputError("command-malformed", f"{what}: a command is a list of strings, not {value!r}")
    return tuple(value)


def environment(data: Data) -> tuple[tuple[str, str], ...]:
    """Variables of ``environment``, in the order of their names."""
    return tuple(sorted((str(name), str(value)) for name, value in (data.get("environment") or {}).items()))
