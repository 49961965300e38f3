# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that holds secrets leaves no image of itself when it crashes (private)."""

from __future__ import annotations

import contextlib
import resource

__all__ = ["no_core_dump"]


def no_core_dump() -> None:
    """For this process, and for those that it starts."""
    with contextlib.suppress(ValueError, OSError):  # a system may not know the limit
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
