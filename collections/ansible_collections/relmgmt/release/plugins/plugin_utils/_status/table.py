# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Status as a table of at most 120 columns, for people (private)."""

from __future__ import annotations

import collections
import collections.abc
import itertools
import textwrap
import typing as t

from .._safe_text import safe
from .standing import Standing

__all__ = ["WIDTH", "table"]

Data = collections.abc.Mapping[str, t.Any]
WIDTH = 120
_COLUMNS = {"host": 32, "site": 10, "version": 20, "since": 17, "by": 14, "state": 12}  # the most that each may take


def table(
    standings: collections.abc.Sequence[Standing],
    rollouts: collections.abc.Iterable[Data],
) -> list[str]:
    """Lines: each package in each environment with its hosts, and below them what is not as it should be; then what is
    open."""
    lines: list[str] = []
    for (package, environment, instance), group in itertools.groupby(
        standings, key=lambda one: (one.package, one.environment, one.instance)
    ):
        here = list(group)
        counts = collections.Counter(one.version for one in here)
        on = ", ".join(f"{count} on {version}" for version, count in sorted(counts.items()))
        named = "" if instance == "main" else f", instance {instance}"
        lines += [*([""] if lines else []), safe(f"{package} in {environment}{named}: {on}", limit=WIDTH), *_rows(here)]
    for rollout in rollouts:
        lines += [*([""] if lines else []), *_open(rollout)]
    return lines or ["Nothing is known to run anywhere."]


def _rows(here: collections.abc.Sequence[Standing]) -> collections.abc.Iterator[str]:
    cells = [_cells(one) for one in here]
    widths = {name: min(most, max(len(name), *(len(row[name]) for row in cells))) for name, most in _COLUMNS.items()}
    yield _row({name: name for name in _COLUMNS}, widths)
    for one, row in zip(here, cells, strict=True):
        yield _row(row, widths)
        for note in (*(f"drifted: {text}" for text in one.drift), *one.notes):
            yield from textwrap.wrap(
                safe(note, limit=2 * WIDTH), WIDTH, initial_indent="    ! ", subsequent_indent="      ", max_lines=2
            )


def _cells(one: Standing) -> dict[str, str]:
    since = one.since[:16].replace("T", " ")
    return {
        "host": one.host,
        "site": one.site,
        "version": one.version,
        "since": since,
        "by": one.by,
        "state": one.state,
    }


def _row(cells: collections.abc.Mapping[str, str], widths: collections.abc.Mapping[str, int]) -> str:
    return "  ".join(safe(cells[name], limit=width).ljust(width) for name, width in widths.items()).rstrip()


def _open(rollout: Data) -> collections.abc.Iterator[str]:
    by = f" by {rollout['by']}" if rollout["by"] else ""
    what = f"{rollout['kind']} of {rollout['package']} {rollout['version']} to {rollout['environment']}"
    yield safe(f"open: {what}, {rollout['id']}{by}", limit=WIDTH)
    holders = "; ".join(rollout["holders"]) or "nobody"
    yield "    " + safe(f"{rollout['waves_done']} of {rollout['waves']} waves done; held by {holders}", limit=WIDTH - 4)
    if rollout["order"]:
        yield "    " + safe(rollout["order"], limit=WIDTH - 4)
