# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure how long a host takes to go back by itself, with nobody left to ask."""

from __future__ import annotations

import argparse
import collections.abc
import concurrent.futures
import itertools
import json
import os
import pathlib
import sys

from tests.bench.machine import describe
from tests.testbed import Bed, BedError

from .figures import met, table, with_section
from .measure import CAUSES, Sample, prepare, round_trip
from .site import BALANCER, Place, furnish

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = REPOSITORY / ".cache/wayback/samples.json"


def go(place: Place, rounds: int, first: int) -> list[Sample]:
    """All ways back of one host, the causes in turn."""
    prepare(place)
    causes = itertools.islice(itertools.cycle(CAUSES), first, first + rounds)
    return [round_trip(place, cause) for cause in causes]


def measure(hosts: int, rounds: int) -> list[Sample]:
    names = {BALANCER: "edge", **{f"h{number}": "here" for number in range(1, hosts + 1)}}
    with Bed.up(names, name="wayback") as bed, concurrent.futures.ThreadPoolExecutor(hosts) as pool:
        places = furnish(bed)
        runs = pool.map(go, places, itertools.repeat(rounds), range(hosts))
        return [sample for run in runs for sample in run]


def main(arguments: collections.abc.Sequence[str]) -> int:
    """0 where the figures keep what is promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.wayback", description=__doc__)
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=26, help="ways back of each host")
    parser.add_argument("--page", type=pathlib.Path, help="the page whose section is written, if it is to be")
    options = parser.parse_args(arguments)
    machine = describe()
    try:
        samples = measure(options.hosts, options.rounds)
    except (BedError, RuntimeError) as exc:
        print(f"It was not measured: {exc}", file=sys.stderr)
        return 1
    machine["after"] = f"{os.getloadavg()[0]:.1f}"
    SAMPLES.parent.mkdir(parents=True, exist_ok=True)
    SAMPLES.write_text(json.dumps([sample._asdict() for sample in samples], indent=1))
    section = table(samples, hosts=options.hosts, machine=machine)
    if options.page:
        options.page.write_text(with_section(options.page.read_text(), section))
    print(section)
    return 0 if met(samples) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
