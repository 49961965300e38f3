# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a variable's value was written: file and line, as far as ansible-core knows (private).

It knows of values that it read from YAML, until they become plain; of what a template made it may not. What it tells
is for people alone.
"""

from __future__ import annotations

import collections.abc
import re
import typing as t

from ansible.errors import AnsibleError

from ._where import Where

__all__ = ["where_in"]

_ORIGIN = re.compile(r"Origin: (.+?)(?::(\d+)(?::\d+)?)?$", re.MULTILINE)


def where_in(variables: collections.abc.Mapping[str, t.Any]) -> Where:
    """A function of a variable's name and a path in its value. The variables are those that Ansible holds, not plain;
    they are looked at when it is called."""

    def where(name: str, path: collections.abc.Sequence[str | int]) -> str:
        value: t.Any = variables.get(name)
        found = _place(value)
        for part in path:
            try:
                value = value[part]
            except (LookupError, TypeError):
                break
            found = _place(value) or found
        return found

    return where


def _place(value: t.Any) -> str:
    """``file:line`` of one value; empty where nobody knows."""
    position = getattr(value, "ansible_pos", None)  # core before 2.19
    if position:
        return f"{position[0]}:{position[1]}"
    # Core formats where the object of an error comes from; the error is never raised.
    match = _ORIGIN.search(str(getattr(AnsibleError("", obj=value), "_formatted_source_context", None) or ""))
    if match is None or "unknown" in match[1]:
        return ""
    return f"{match[1]}:{match[2]}" if match[2] else match[1]
