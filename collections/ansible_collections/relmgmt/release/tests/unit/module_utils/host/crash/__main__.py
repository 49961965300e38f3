# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``make crash``: every scenario struck twice in every way, and as many random lives as are asked for, on all cores."""

from __future__ import annotations

import argparse
import collections.abc
import concurrent.futures
import os
import secrets
import sys
import time
import typing as t

import hypothesis
from hypothesis.stateful import run_state_machine_as_test

from .explore import Explorer
from .machine import Life, Tally
from .scenarios import SCENARIOS

AT_ONCE = 500  # lives of one seed: few enough that it soon says so when one goes wrong


class Report(t.NamedTuple):
    """What one part did. ``wrong``: the failure, empty if there was none."""

    what: str
    tally: Tally
    wrong: str = ""


def scenario(name: str, depth: int) -> Report:
    explorer = Explorer(SCENARIOS[name].before(), SCENARIOS[name].act, all_losses=depth < 2)
    wrong = caught(lambda: explorer.explore(depth))
    return Report(f"{name}, struck {depth} times", Tally(explorer.ways, explorer.steps), wrong)


def lives(count: int, seed: int) -> Report:
    Life.tally = Tally()
    settings = hypothesis.settings(
        max_examples=count,
        stateful_step_count=20,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    machine = hypothesis.seed(seed)(type("SeededLife", (Life,), {}))
    wrong = caught(lambda: run_state_machine_as_test(machine, settings=settings))
    return Report(f"{count} lives of seed {seed}", Life.tally, wrong)


def caught(action: collections.abc.Callable[[], object]) -> str:
    """What went wrong, with what Hypothesis adds to it."""
    try:
        action()
    except Exception as exc:  # whatever it is, the other parts go on
        return "\n".join([f"{type(exc).__name__}: {exc}", *getattr(exc, "__notes__", [])])
    return ""


def main(argv: collections.abc.Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--lives", type=int, default=100_000, help="how many, of about ten verbs or events each")
    parser.add_argument("--depth", type=int, default=2, help="how often each scenario is struck")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of the first lives")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    chosen = parser.parse_args(argv)
    began, total, failures = time.monotonic(), Tally(), 0
    with concurrent.futures.ProcessPoolExecutor(chosen.jobs) as pool:
        parts = [pool.submit(scenario, name, chosen.depth) for name in SCENARIOS] if chosen.depth else []
        seeds = range(chosen.seed, chosen.seed + -(-chosen.lives // AT_ONCE))
        parts += [pool.submit(lives, min(AT_ONCE, chosen.lives), seed) for seed in seeds]
        for part in concurrent.futures.as_completed(parts):
            report = part.result()
            total = Tally(total.rules + report.tally.rules, total.steps + report.tally.steps)
            failures += bool(report.wrong)
            seconds = time.monotonic() - began
            print(f"{seconds:7.0f} s  {total.rules:>10,} verbs  {total.steps:>12,} steps  {report.what}", flush=True)
            if report.wrong:
                print(report.wrong, flush=True)
    print(f"{total.rules:,} verbs and events in {total.steps:,} steps of the engine: {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
