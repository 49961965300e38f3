# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sweep faults over the boundaries of a rollout: see README.md."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import sys
import time
import types

from tests.testbed import BedError

from .cells import Cell, sample
from .controller import ControllerError
from .report import Report, Shortfalls
from .sweep import MAX_JOBS, Sweep, opened
from .trial import Outcome

SAMPLE = 14


def main() -> int:
    """0: carried out, and nothing fell short that is not known to; 1: it did; 2: it could not be carried out."""
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    try:
        with opened(options.jobs, tell=_tell) as sweep:
            chosen = _choose(options, sweep)
            if options.list:
                print("\n".join(cell.id for cell in chosen))
                return 0
            outcomes = _carry_out(chosen, sweep, options.logs)
    except (BedError, ControllerError, ValueError) as exc:
        _tell(f"The sweep cannot be carried out: {exc}")
        return 2
    seconds = time.monotonic() - began
    report = Report(outcomes, len(sweep.cells), sweep.left_out, sweep.recording.merged, seconds)
    result = _conclude(options, report, sweep)
    return result if len(outcomes) == len(chosen) else 2


def _carry_out(chosen: list[Cell], sweep: Sweep, logs: pathlib.Path) -> list[Outcome]:
    """Outcomes in the order of the cells; of those that were done, if somebody interrupts."""
    order = [cell.id for cell in chosen]
    outcomes: list[Outcome] = []
    try:
        for outcome in sweep.run(chosen, logs=logs):
            outcomes.append(outcome)
            _tell(f"{len(outcomes)}/{len(chosen)} {outcome.cell}: {outcome.error or 'done'} ({outcome.duration:g} s)")
    except KeyboardInterrupt:
        _tell(f"Interrupted after {len(outcomes)} of {len(chosen)} cells.")
    return sorted(outcomes, key=lambda outcome: order.index(outcome.cell))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--sample", action="store_true", help=f"about {SAMPLE} cells, always the same ones (default)")
    which.add_argument("--all", action="store_true", help="every cell")
    which.add_argument("--every", type=int, metavar="K", help="every cell whose place in a fixed shuffle divides by K")
    which.add_argument("--cell", action="append", metavar="ID", help="this cell; may be given again")
    parser.add_argument("--list", action="store_true", help="name the cells, carry none out")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write everything as JSON")
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", help="write the table, which is printed too")
    parser.add_argument("--logs", type=pathlib.Path, default=pathlib.Path(".cache/faults"), help="for the playbooks")
    jobs = min(MAX_JOBS, 2 * (os.cpu_count() or 1))
    parser.add_argument("--jobs", type=int, default=jobs, choices=range(1, MAX_JOBS + 1), help="cells at a time")
    return parser.parse_args()


def _choose(options: argparse.Namespace, sweep: Sweep) -> list[Cell]:
    """The cells that are asked for.

    Raises:
        ValueError: there is no such cell.
    """
    if options.all:
        return sweep.cells
    if options.cell:
        known = {cell.id: cell for cell in sweep.cells}
        missing = [name for name in options.cell if name not in known]
        if missing:
            raise ValueError(f"there is no cell {missing[0]}; --all --list names them")
        return [known[name] for name in options.cell]
    return sample(sweep.cells, len(sweep.cells) // options.every if options.every else SAMPLE)


def _conclude(options: argparse.Namespace, report: Report, sweep: Sweep) -> int:
    table = report.table()
    print(table)
    for path, text in ((options.table, table), (options.json, json.dumps(report.to_dict(), indent=2) + "\n")):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if sweep.unstable:
        _tell(f"These boundaries were not passed by every rollout that was recorded: {', '.join(sweep.unstable)}")
    unknown = report.unknown(Shortfalls.known())
    if unknown:
        _tell("Unsafe hosts that shortfalls.txt does not name:\n  " + "\n  ".join(unknown))
    if report.errors:
        _tell(f"{len(report.errors)} cells could not be carried out; what their playbooks said lies in {options.logs}")
    return 1 if unknown or report.errors else 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
