# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong with a bed, told with a code and the next step."""

from __future__ import annotations

__all__ = ["BedError"]


class BedError(Exception):
    """A bed cannot be made, or a host does not do what was asked of it.

    ``code`` is stable. The text says what, where, and the next step.
    """

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code
