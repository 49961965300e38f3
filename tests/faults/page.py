# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results as a page for people: the two products side by side, by strategy and by fault."""

from __future__ import annotations

import collections.abc
import typing as t

from .cells import FAULTS
from .outcome import PHASES
from .report import Figures, Report
from .trial import RETURN

__all__ = ["page"]

_HEAD = """\
# Faults

The promise: after a fault at any step of a rollout, a host is healthy and in traffic on the new release, N, or
healthy and in traffic on the one before, N-1. This page counts the hosts that were neither.

A *cell* is a boundary between two steps of a rollout and a fault that strikes there. {hosts} real hosts of one
machine, each with systemd, sshd, a disk and an address of its own, run N-1; a rollout of N begins; a host that has
reached its boundary is held there, the fault is done from outside, and the rollout goes on. Somebody outside then
asks every host what it runs, with which bytes, and whether the balancer may send to it:

- **wait**: {wait:g} s after the fault. Nobody did anything. A host that the fault makes unreachable, and one that
  is not safe while the rollout is still at work, count later.
- **return**: the fault has ended (power, network, life or space are back), and so has the rollout; at most {back:g}
  s after that. A release that is ill stays ill.
- **again**: the same command was run again.
- **back**: only where N appends to one of its own files: a rollback was run, and N-1 must be back with every byte.

One rollout carries up to 16 cells, each on a host of its own; the hosts without a fault are judged too. If the
controller is what dies, all hosts are. Seconds are those for which a struck host was not safe at a stretch, the
longest one, from the fault, or from its end where it made the host unreachable; asked twice a second. Percentiles
are by nearest rank.

- **relmgmt** is `relmgmt.release.rollout` with `relmgmt_confirm_timeout: 30`. The fate of one host is not to be
  that of the others, so the failure budget is 100%.
- **plain playbook** is `tests/faults/plain`: unarchive into a directory of the version, templates, link, restart,
  uri, and a `rescue` that points the link back, restarts and asks again; `serial`, and `max_fail_percentage: 100`
  for the same reason. It takes the host out of traffic by the same file, and can be run again at any time. Its
  boundaries are those between tasks; relmgmt's are also those inside of its steps on the controller and on the
  hosts.
"""
_TAIL = """
## How to reproduce it

On Debian, as root, in a clone of the repository:

```
make faults-all                       # everything, for both; many hours. Begun again, it goes on where it ended
.venv/bin/python -m tests.faults --all --resume --minutes 60                   # an hour of it
.venv/bin/python -m tests.faults --all --resume --product plain --minutes 60
.venv/bin/python -m tests.faults --docs docs/faults.md                         # this page, from .cache/faults/*.jsonl
```

Any part of a sweep is spread over everything: trials come in the order of a hash. `tests/faults/README.md` says how
boundaries are found and faults are done.

## What it does not show

- Two faults on one host, or a fault of a host together with the death of the controller.
- What a power loss does to writes that are not flushed: the hosts share a kernel with the machine. The engine's own
  tests lose such writes, at every step.
- What a rollout does whose failure budget is spent: here it is not. Tests of the rollout show that.
- Times of other machines: {hosts} hosts and the controller share two processors here.
"""
_LEGEND = {
    "controller-killed": "the controller's processes are killed",
    "ssh-cut": "the host's cable is pulled",
    "power-loss": "the host's power is cut",
    "reboot": "the host is rebooted",
    "frozen": "every process of the host stops",
    "disk-full": "no byte is free below the root of the releases",
    "service-will-not-start": "N does not start",
    "dies-after-probes": "N dies after it was found healthy",
    "appends-to-own-file": "N changes one of its own files",
}
_NAMES = {"ours": "relmgmt", "plain": "plain playbook"}
_NONE = "–"


def page(reports: t.Mapping[str, Report]) -> str:
    """Of the reports by product."""
    measured = {product: report for product, report in reports.items() if report.outcomes}
    hosts = max((each.hosts for report in measured.values() for each in report.possible), default=0)
    wait = max((each.wait for report in measured.values() for each in report.possible), default=0.0)
    parts = [_HEAD.format(hosts=hosts, wait=wait, back=RETURN), *_tables(measured), _TAIL.format(hosts=hosts)]
    return "\n".join(parts)


def _tables(reports: t.Mapping[str, Report]) -> collections.abc.Iterator[str]:
    yield from _missing(reports)
    yield "## By strategy\n\nHosts that were neither, of those judged then; seconds until a struck host was safe.\n"
    yield _table(
        ("", "strategy", "cells", "of", "hosts", *PHASES, "p50", "p90", "p99"),
        [
            (_NAMES[product], each.strategy, *_counts(report.figures(each.strategy)))
            for product, report in reports.items()
            for each in report.possible
        ],
    )
    yield "\n## By fault\n\nStruck hosts that were neither; where the controller is killed, all hosts are struck.\n"
    rows = [
        (f"{fault}: {_LEGEND[fault]}", _NAMES[product], *_counts(figures))
        for fault in FAULTS
        for product, report in reports.items()
        if (figures := report.by_fault(fault)).cells
    ]
    yield _table(("fault", "", "cells", "of", "hosts", *PHASES, "p50", "p90", "p99"), rows)
    yield "\n## The slowest\n\nThe cells whose struck host was not safe for longest.\n"
    slowest = [
        (_NAMES[product], f"`{cell}`", f"{seconds:.1f}")
        for product, report in reports.items()
        for seconds, cell in report.worst()[:5]
    ]
    yield _table(("", "cell", "seconds"), slowest)


def _missing(reports: t.Mapping[str, Report]) -> collections.abc.Iterator[str]:
    """What everybody must know who reads the figures of a part."""
    for product, report in reports.items():
        figures = [report.figures(each.strategy) for each in report.possible]
        done, possible = sum(each.cells for each in figures), sum(each.possible for each in figures)
        if done < possible:
            yield f"**Of {_NAMES[product]}, only {done:,} of {possible:,} cells were carried out so far.**\n"


def _counts(figures: Figures) -> tuple[str, ...]:
    unsafe = [
        f"**{figures.unsafe[phase]}** of {figures.judged[phase]}" if figures.judged[phase] else _NONE
        for phase in PHASES
    ]
    times = [figures.percentile(percent) for percent in (50, 90, 99)]
    return (str(figures.cells), str(figures.possible), str(figures.hosts), *unsafe, *times)


def _table(head: t.Sequence[str], rows: t.Iterable[t.Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
