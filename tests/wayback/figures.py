# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures of all ways back, as text, and the section of the page that shows them."""

from __future__ import annotations

import collections.abc
import math

from .measure import CAUSES, Sample

__all__ = ["LIMITS", "met", "percentile", "table", "with_section"]

LIMITS = {"started": 1.0, "served": 10.0}  # seconds: of all, and of 99 of 100
HEADING = "## Measured"


def percentile(values: collections.abc.Iterable[float], part: float) -> float:
    """The smallest value that so many of a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part / 100 * len(ordered)) - 1)]


def met(samples: collections.abc.Sequence[Sample]) -> bool:
    started = max(sample.started for sample in samples)
    return started <= LIMITS["started"] and percentile((s.served for s in samples), 99) <= LIMITS["served"]


def table(samples: collections.abc.Sequence[Sample], *, hosts: int, machine: collections.abc.Mapping[str, str]) -> str:
    """The section, its heading included."""
    rows = [_row(cause, [s for s in samples if s.cause == cause]) for cause in CAUSES]
    return "\n".join(
        [
            HEADING,
            "",
            f"{len(samples)} ways back on {hosts} real hosts with systemd, which go back at the same time on one"
            f" machine ({machine['processor']}, {machine['load']}, {machine['after']} at its end). N is",
            "provisional; the controller's process has ended, and there is no DML and no Vault. Seconds from the"
            " guard's decision, as the journal has it: until the process of",
            "N-1 is started, and until users of a real HAProxy, which checks twice a second, get an answer of N-1:"
            " after a second of green probes, as `min_healthy_time` asks.",
            "",
            "| what happened | ways back | N-1 started, p50 | p99 | longest | N-1 in traffic, p50 | p99 | longest |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            _row("all", samples),
            "",
            "`make return` does it again, and writes this section.",
            "",
        ]
    )


def _row(what: str, samples: collections.abc.Sequence[Sample]) -> str:
    cells = [what, str(len(samples))]
    for values in ([sample.started for sample in samples], [sample.served for sample in samples]):
        cells += [f"{percentile(values, part):.2f}" for part in (50, 99, 100)] if values else ["–"] * 3
    return "| " + " | ".join(cells) + " |"


def with_section(page: str, section: str) -> str:
    """The page, with the section in place of the one that it has, or at its end."""
    before, found, rest = page.partition(f"\n{HEADING}\n")
    if not found:
        return page.rstrip("\n") + "\n\n" + section
    _old, more, after = rest.partition("\n## ")
    return before + "\n" + section + (f"\n## {after}" if more else "")
