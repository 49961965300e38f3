# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All at once (private)."""

from __future__ import annotations

from .spread import numbered, pieces
from .wave import Group, Options, Sites

__all__ = ["big_bang"]


def big_bang(hosts: Sites, options: Options) -> list[Group]:
    """One wave."""
    return numbered("all", pieces(hosts, options))
