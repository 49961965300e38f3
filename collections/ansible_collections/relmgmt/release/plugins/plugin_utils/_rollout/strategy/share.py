# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers of hosts as people write them: a count, or a percentage (private)."""

from __future__ import annotations

import re
import typing as t

from ....module_utils._model.errors import InputError

__all__ = ["Share", "budget_of", "share_of"]

_SHARE = re.compile(r"([0-9]{1,9})(%?)", re.ASCII)


class Share(t.NamedTuple):
    """So many hosts, or so many percent of them."""

    number: int
    percent: bool

    def of(self, hosts: int) -> int:
        """A percentage is rounded down."""
        return hosts * self.number // 100 if self.percent else self.number


def share_of(text: str, *, option: str, least: int = 0, code: str = "") -> Share:
    """Raises InputError (``<option>-malformed`` unless there is a code): it is neither, or less than ``least``."""
    match = _SHARE.fullmatch(text)
    share = Share(int(match[1]), bool(match[2])) if match else Share(-1, False)
    if share.number < least or (share.percent and share.number > 100):
        raise InputError(
            code or f"{option}-malformed",
            f"{option}: {text!r} is neither a number of hosts nor a percentage of them",
            hint=f"Write a number from {least}, such as {least + 2}, or a percentage from {least}% to 100%, such as"
            f" 25% (relmgmt_{option}).",
        )
    return share


def budget_of(budget: str, hosts: int, *, name: str = "failure_budget") -> int:
    """How many of so many hosts may fail: a number, or a percentage of them, rounded down. name: of the option.

    Raises:
        InputError: it is neither (``budget-malformed``).
    """
    return share_of(budget, option=name, code="budget-malformed").of(hosts)
