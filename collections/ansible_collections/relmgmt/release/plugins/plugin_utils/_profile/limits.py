# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much rendering may cost (private)."""

from __future__ import annotations

import dataclasses

__all__ = ["Limits"]


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds of the child that works on a package's schema and templates.

    ``step_seconds`` is processor time for one template, or one host's values; ``cpu_seconds`` and ``wall_seconds`` are
    for all of them. ``memory`` bounds the address space, in bytes. ``file_bytes`` is for one rendered file or string,
    ``total_bytes`` for all that the child answers. ``range_length`` bounds the template function ``range``.
    """

    step_seconds: float = 2.0
    cpu_seconds: int = 120
    wall_seconds: float = 300.0
    memory: int = 1 << 30
    file_bytes: int = 1 << 20
    total_bytes: int = 128 << 20
    range_length: int = 10_000
