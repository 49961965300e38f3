# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lookup gave to Ansible in this process (private).

The one state of a module: Ansible makes a lookup anew for each expression, and the plan, which resolves the hosts'
variables in its own process, has to know afterwards which values are secrets.
"""

from __future__ import annotations

import collections.abc

from .secret import Secret

__all__ = ["hand_out", "handed_out"]

_GIVEN: dict[tuple[str, str], Secret] = {}


def hand_out(
    references: collections.abc.Sequence[str],
    *,
    store: str,
    read: collections.abc.Callable[[list[str]], collections.abc.Mapping[str, Secret]],
) -> list[Secret]:
    """The secrets, each read once in this process.

    Args:
        store: what tells secrets of the same reference apart, such as a digest of the settings of the stores.
        read: gives those that are new here.

    Raises:
        RelmgmtError: what ``read`` raises.
    """
    new = [reference for reference in dict.fromkeys(references) if (store, reference) not in _GIVEN]
    if new:
        found = read(new)
        _GIVEN.update({(store, reference): found[reference] for reference in new})
    return [_GIVEN[store, reference] for reference in references]


def handed_out() -> list[Secret]:
    """Everything that was given in this process."""
    return list(_GIVEN.values())
