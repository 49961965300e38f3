# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What controller and host have to agree on beside the data itself (private)."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from .manifest import Manifest

__all__ = ["MARK", "RESERVE", "space"]

MARK = "RELMGMT-HOST "  # begins the one line of a host's output that is the answer
RESERVE = 16 << 20  # bytes that staging leaves free


def space(manifest: Manifest, held: t.Container[str]) -> int:
    """Bytes that staging needs on a host that holds these units: each missing file as object and in its tree, and the
    reserve."""
    return 2 * sum(unit.size for unit in manifest.units if unit.digest not in held) + RESERVE
