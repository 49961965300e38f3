# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts, as a message names them: a few of them, and how many more (private)."""

from __future__ import annotations

import collections.abc

__all__ = ["some"]

_SHOWN = 3


def some(hosts: collections.abc.Iterable[str]) -> str:
    """The first of the hosts, each once, and the number of the others."""
    on = list(dict.fromkeys(hosts))
    return ", ".join(on[:_SHOWN]) + (f" and {len(on) - _SHOWN} more" if len(on) > _SHOWN else "")
