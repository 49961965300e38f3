# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Strategies: which hosts are switched together, and in which order. Same inputs, same waves (private).

One is a function in a file of its own, and a row of ``STRATEGIES``.
"""

from __future__ import annotations

import math
import typing as t

from ....module_utils._model.errors import InputError
from .big_bang import big_bang
from .canary import canary
from .phased import phased
from .rolling import rolling
from .share import budget_of
from .sites import site_budgets_of
from .wave import Group, Options, Sites, Wave

__all__ = ["STRATEGIES", "Options", "Wave", "budget_of", "site_budgets_of", "waves"]

STRATEGIES: dict[str, t.Callable[[Sites, Options], list[Group]]] = {
    "big_bang": big_bang,
    "canary": canary,
    "phased": phased,
    "rolling": rolling,
}


def waves(strategy: str, hosts: Sites, options: Options) -> tuple[Wave, ...]:
    """The hosts, each once, in waves; no empty wave. The last one bakes whatever the strategy is.

    Raises:
        InputError: ``strategy-unknown``, ``bake-malformed``, and what the strategy refuses.
    """
    if strategy not in STRATEGIES:
        raise InputError("strategy-unknown", f"strategy: {strategy!r} is none of {', '.join(sorted(STRATEGIES))}")
    if not 0 <= options.bake < math.inf:
        raise InputError(
            "bake-malformed", f"bake: {options.bake} is no number of seconds", hint="Write one from 0 (relmgmt_bake)."
        )
    groups = [group for group in STRATEGIES[strategy](dict(sorted(hosts.items())), options) if group.hosts]
    last = len(groups)
    return tuple(
        Wave(
            index,
            group.name,
            tuple(group.hosts),
            site=group.site,
            bake=options.bake if group.bakes or index == last else 0.0,
        )
        for index, group in enumerate(groups, start=1)
    )
