# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sweep faults over the boundaries of a rollout: see README.md."""

from __future__ import annotations

import argparse
import math
import pathlib
import signal
import sys
import threading
import time
import types

from tests.testbed import BedError

from .application import Patience
from .cells import Cell, sample
from .controller import ControllerError
from .outcome import Ledger
from .page import page
from .report import Report, Shortfalls
from .sweep import FLEETS, PRODUCTS, STRATEGIES, Sweep, opened

SAMPLE, SAMPLE_FLEETS, SAMPLE_SIZE = 14, 2, 8
HOSTS = 20
# A machine with two processors needs so long for a fleet.
SAMPLE_PATIENCE, PATIENCE = Patience(confirm=20, wait=30), Patience(confirm=30, wait=45)
DIRECTORY = pathlib.Path(".cache/faults")


def main() -> int:
    """0: carried out, and nothing fell short that is not known to; 1: it did; 2: it could not be carried out."""
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    if options.docs:
        found = {product: options.results.with_name(f"{product}.jsonl") for product in PRODUCTS}
        reports = {product: Report(*Ledger(path, resume=True).read()) for product, path in found.items()}
        options.docs.write_text(page(reports))
        return 0
    if options.report:
        return _conclude(options, Ledger(options.results, resume=True))
    patience = PATIENCE if options.hosts > SAMPLE_SIZE else SAMPLE_PATIENCE
    size = {"fleets": options.fleets, "size": options.hosts}
    try:
        with opened(options.product, options.strategy, **size, patience=patience, tell=_tell) as sweep:
            return _sweep(options, sweep)
    except (BedError, ControllerError, ValueError) as exc:
        _tell(f"The sweep cannot be carried out: {exc}")
        return 2


def _sweep(options: argparse.Namespace, sweep: Sweep) -> int:
    chosen = _choose(options, sweep)
    if options.list:
        print("\n".join(cell.id for cell in chosen))
        return 0
    ledger = Ledger(options.results, resume=options.resume)
    done = {cell for outcome in ledger.read()[0] for cell in outcome.done}
    for possible in sweep.possible:
        ledger.add(possible)
    trials = sweep.trials([cell for cell in chosen if cell.id not in done])
    end, interrupted = time.monotonic() + 60 * options.minutes, threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_about: interrupted.set())

    def go_on() -> bool:
        return not interrupted.is_set() and time.monotonic() < end

    for count, outcome in enumerate(sweep.run(trials, logs=options.logs, go_on=go_on), start=1):
        ledger.add(outcome)
        went = "; ".join(f"{cell}: {why.splitlines()[0]}" for cell, why in outcome.errors.items()) or "done"
        first, more = next(iter(outcome.cells)), len(outcome.cells) - 1
        _tell(f"{count}/{len(trials)} {first} and {more} more: {went} ({outcome.duration:g} s)")
    if not go_on():
        _tell("It ended before its end: --resume goes on.")
    return _conclude(options, ledger)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--sample", action="store_true", help=f"about {SAMPLE} cells of one strategy, always the same ones (default)"
    )
    which.add_argument("--all", action="store_true", help="every cell of every strategy")
    which.add_argument("--cell", action="append", metavar="ID", help="this cell; may be given again")
    which.add_argument("--report", action="store_true", help="carry nothing out, report what there is")
    which.add_argument(
        "--docs", type=pathlib.Path, metavar="FILE", help="carry nothing out, write the page for readers"
    )
    parser.add_argument("--product", choices=PRODUCTS, default="ours", help="what rolls the release out (ours)")
    parser.add_argument("--strategy", action="append", choices=STRATEGIES, help="all; for a sample the first one")
    parser.add_argument("--list", action="store_true", help="name the cells, carry none out")
    parser.add_argument("--results", type=pathlib.Path, metavar="FILE", help="JSON lines (.cache/faults/PRODUCT.jsonl)")
    parser.add_argument("--resume", action="store_true", help="leave out what the results have already")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no trial after so many minutes")
    parser.add_argument("--table", type=pathlib.Path, metavar="FILE", help="write the table, which is printed too")
    parser.add_argument("--logs", type=pathlib.Path, default=DIRECTORY, help="for the playbooks (%(default)s)")
    parser.add_argument("--hosts", type=int, help=f"of a fleet: {HOSTS}, of a sample {SAMPLE_SIZE}")
    parser.add_argument("--fleets", type=int, choices=range(1, len(FLEETS) + 1), help="trials at a time")
    options = parser.parse_args()
    small = not (options.all or options.cell)
    options.strategy = options.strategy or list(STRATEGIES[: 1 if small else None])
    options.hosts = options.hosts or (SAMPLE_SIZE if small else HOSTS)
    options.fleets = options.fleets or (SAMPLE_FLEETS if small else 1)
    options.results = options.results or DIRECTORY / f"{options.product}.jsonl"
    return options


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
    return sample(sweep.cells, SAMPLE)


def _conclude(options: argparse.Namespace, ledger: Ledger) -> int:
    report = Report(*ledger.read())
    table = report.table()
    print(table)
    if options.table is not None:
        options.table.parent.mkdir(parents=True, exist_ok=True)
        options.table.write_text(table)
    # A product to compare with is measured, not judged.
    unknown = report.unknown(Shortfalls.known()) if options.product == "ours" else []
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
