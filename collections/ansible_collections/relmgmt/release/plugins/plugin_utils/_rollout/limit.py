# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``--limit`` may ask of a rollout (private)."""

from __future__ import annotations

import collections.abc
import re

from ...module_utils._model.errors import InputError
from .unfinished import NEW

__all__ = ["require_fit_limit"]

_PATTERN = re.compile(r"[*?\[\]!&~@]")  # what makes more of a word than a name


def require_fit_limit(limit: str, rollout: str, known: collections.abc.Container[str]) -> None:
    """rollout: the id of the one that is joined; known: the names of hosts and groups in the inventory.

    Raises:
        InputError: it names no rollout to join (``rollout-limited``), or a host that is not there (``limit-unknown``).
    """
    if not limit:
        return
    if rollout in ("", NEW):
        raise InputError(
            "rollout-limited",
            f"--limit {limit} would move hosts between waves",
            hint="Choose the hosts by relmgmt_target, or join an open rollout with them: -e relmgmt_rollout_id=ID.",
        )
    names = [name.strip() for name in re.split(r"[,;]", limit) if name.strip()]
    unknown = [name for name in names if not _PATTERN.search(name) and name not in known]
    if unknown:
        raise InputError(
            "limit-unknown",
            f"--limit names {', '.join(unknown)}, which the inventory does not have",
            hint="See ansible-inventory --graph.",
        )
