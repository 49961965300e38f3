# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the collection side by side with a plain playbook and the bare minimum, on real hosts of this machine."""

from __future__ import annotations

import argparse
import collections.abc
import pathlib
import shutil
import sys
import tempfile
import time

from tests.testbed import BedError

from . import course, packaging
from .command import REPOSITORY
from .error import BenchError
from .machine import describe
from .material import Material, prepare
from .ours import Ours
from .results import Results
from .sample import Sample
from .scenarios import EVERY, SCENARIOS, Scenario, choose
from .table import page
from .trees import Tree, TreeFigures

WHEELS = REPOSITORY / ".cache/bench/wheels"
SAMPLES = REPOSITORY / ".cache/bench/samples.json"
PAGE = REPOSITORY / "collections/ansible_collections/relmgmt/release/docs/benchmarks.md"


def parse(arguments: collections.abc.Sequence[str]) -> argparse.Namespace:
    """The command line. Only a whole run writes the page in ``docs/`` by itself."""
    names = ", ".join(scenario.name for scenario in SCENARIOS)
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one repetition on three hosts, for development")
    parser.add_argument("--only", metavar="NAME", action="append", default=[], help=f"this scenario alone: {names}")
    parser.add_argument("--repetitions", metavar="N", type=int, help="how often all is measured, if not as usual")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, default=SAMPLES, help="where all samples are kept")
    parser.add_argument("--from", metavar="FILE", type=pathlib.Path, dest="samples", help="measure nothing, show these")
    parser.add_argument("--table", metavar="FILE", type=pathlib.Path, help="where the page is written")
    options = parser.parse_args(arguments)
    if options.repetitions is not None and options.repetitions < 1:
        parser.error("--repetitions: at least 1")
    try:
        options.scenarios = choose(quick=options.quick, only=options.only, repetitions=options.repetitions)
    except BenchError as exc:
        parser.error(str(exc))
    if options.table is None and not (options.quick or options.only or options.samples):
        options.table = PAGE
    return options


def run(scenarios: collections.abc.Iterable[Scenario], work: pathlib.Path, results: Results) -> None:
    """Measure one scenario after the other; what is to be delivered is made once for each tree."""
    materials: dict[Tree, Material] = {}
    for scenario in scenarios:
        say(scenario.title)
        if scenario.tree not in materials:
            materials[scenario.tree] = prepare(scenario.tree, WHEELS, work / scenario.tree.name, port=Ours.PORT)
        material = materials[scenario.tree]
        results.trees[scenario.tree.name] = TreeFigures.of(*map(material.unpacked, scenario.tree.versions))

        def tell(sample: Sample) -> None:
            results.samples.append(sample)
            say(f"  {sample.repetition + 1}. {sample.contestant:15} {sample.phase:17} {sample.cost.seconds:7.2f} s")

        if scenario.hosts:
            course.run(scenario, material, work / scenario.name, tell)
        else:
            packaging.run(scenario, material, WHEELS, work / scenario.name, tell)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure_all(scenarios: collections.abc.Iterable[Scenario], results: Results) -> None:
    """Measure in a directory that is gone when this returns; how long it took is a result too."""
    began = time.monotonic()
    work = pathlib.Path(tempfile.mkdtemp(prefix="relmgmt-bench-"))
    try:
        run(scenarios, work, results)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        results.seconds = time.monotonic() - began


def main(arguments: collections.abc.Sequence[str]) -> int:
    """The exit code. Samples are kept also if the run does not come to its end."""
    options = parse(arguments)
    if options.samples:
        results = Results.read(options.samples)
    else:
        results = Results(describe())
        try:
            measure_all(options.scenarios, results)
        except (BenchError, BedError) as exc:
            say(f"The benchmark failed: {exc}")
            return 1
        except KeyboardInterrupt:
            say("The benchmark was interrupted.")
            return 130
        finally:
            results.write(options.json)
    text = page(results, EVERY)
    if options.table:
        options.table.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
