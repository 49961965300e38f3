# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sweep: a bed, a product, fleets on their starting point, a recording of each strategy, then trial after trial."""

from __future__ import annotations

import collections.abc
import concurrent.futures
import contextlib
import itertools
import pathlib
import queue
import shutil
import tempfile
import typing as t

from tests.testbed import Bed, Host
from tests.testbed.layout import SITES

from .application import AFTER, BEFORE, PORT, Patience, Product, digest, write_sources
from .cells import Cell, cells
from .controller import Controller
from .fleet import PLAIN, ROOT, Fleet, equip, inventory
from .observer import SAFE, Observer, Version
from .ours import Ours
from .outcome import NOT_PASSED, Outcome, Possible
from .packing import Trial, alone, pack
from .plain import Plain
from .trial import carry_out

__all__ = ["FLEETS", "PRODUCTS", "STRATEGIES", "Sweep", "opened", "side_by_side"]

FLEETS = "abcdefgh"
STRATEGIES = ("canary", "rolling", "big_bang")
PRODUCTS: dict[str, t.Callable[[pathlib.Path, Patience], Product]] = {"ours": Ours, "plain": Plain}
Told = t.Callable[[str], None]
Thing = t.TypeVar("Thing")
Result = t.TypeVar("Result")


class Sweep:
    """Everything that stands while trials are carried out. cells: of all strategies."""

    def __init__(self, fleets: t.Sequence[Fleet], work: pathlib.Path) -> None:
        self._fleets, self._work = fleets, work
        self._ready = {PLAIN}
        self.cells: list[Cell] = []
        self.possible: list[Possible] = []
        for strategy, recording in fleets[0].recordings.items():
            found, left_out = cells(strategy, recording)
            names = tuple(cell.id for cell in found)
            hosts = len(fleets[0].hosts)
            self.possible.append(
                Possible(
                    fleets[0].product.name, strategy, names, left_out, recording.merged, hosts, fleets[0].patience.wait
                )
            )
            self.cells += found

    def trials(self, chosen: t.Sequence[Cell]) -> list[Trial]:
        """The cells in trials, in an order that spreads any part of it over all of it."""
        recordings = self._fleets[0].recordings
        trials = [
            trial
            for strategy, recording in recordings.items()
            for trial in pack([cell for cell in chosen if cell.strategy == strategy], recording)
        ]
        return sorted(trials, key=lambda trial: trial.hash)

    def run(
        self, trials: t.Sequence[Trial], *, logs: pathlib.Path, go_on: t.Callable[[], bool]
    ) -> collections.abc.Iterator[Outcome]:
        """Carry the trials out, one at a time on each fleet; outcomes as they come. ``go_on`` is asked before each.

        A cell whose boundary was not passed, because of the fate of another one, has one of its own after all others.
        """
        if any(trial.as_root for trial in trials):
            self._prepare(ROOT)
        logs.mkdir(parents=True, exist_ok=True)
        free: queue.SimpleQueue[Fleet] = queue.SimpleQueue()
        for fleet in self._fleets:
            free.put(fleet)

        def one(trial: Trial) -> Outcome:
            fleet = free.get()
            try:
                return carry_out(trial, fleet, logs)
            finally:
                free.put(fleet)

        missed: list[Cell] = []
        for outcome, trial in side_by_side(one, trials, len(self._fleets), go_on):
            missed += [cell for cell in trial.cells if outcome.errors.get(cell.id, "").startswith(NOT_PASSED)]
            yield outcome
        once_more = [alone(cell, self._fleets[0].recordings[cell.strategy]) for cell in missed]
        for outcome, _trial in side_by_side(one, once_more, len(self._fleets), go_on):
            yield outcome

    def _prepare(self, user: str) -> None:
        """The starting point of those cells in which N runs as somebody else."""
        if user not in self._ready:
            deploy(self._fleets, self._work, user=user)
            self._ready.add(user)


def side_by_side(
    work: t.Callable[[Thing], Result], things: t.Iterable[Thing], jobs: int, go_on: t.Callable[[], bool]
) -> collections.abc.Iterator[tuple[Result, Thing]]:
    """Do so many at a time, and hand out each result when it comes. What has begun comes to its end, whatever go_on
    says."""
    waiting = iter(things)
    running: dict[concurrent.futures.Future[Result], Thing] = {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        while True:
            while len(running) < jobs and go_on() and (thing := next(waiting, None)) is not None:
                running[pool.submit(work, thing)] = thing
            if not running:
                return
            for done in concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                yield done.result(), running.pop(done)


@contextlib.contextmanager
def opened(
    product: str, strategies: t.Sequence[str], *, fleets: int, size: int, patience: Patience, tell: Told
) -> collections.abc.Iterator[Sweep]:
    """A sweep with so many fleets of so many hosts; nothing is left of it afterwards."""
    names = [f"{letter}{number:02}" for letter, number in itertools.product(FLEETS[:fleets], range(1, size + 1))]
    with contextlib.ExitStack() as stack:
        work = pathlib.Path(tempfile.mkdtemp(prefix="relmgmt-faults-"))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        write_sources(work / "source")
        means = PRODUCTS[product](work, patience)
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(8))
        bed = stack.enter_context(Bed.up(dict(zip(names, itertools.cycle(SITES))), name="faults"))
        hosts = list(bed.hosts.values())
        prepared = pool.submit(means.prepare)
        list(pool.map(equip, hosts))
        prepared.result()
        tell(f"{len(hosts)} hosts are up, the release is made")
        standing = _fleets(bed, work, means, patience)
        deploy(standing, work, user=PLAIN)
        for strategy in strategies:
            logs = [work / f"{fleet.name}-{strategy}.log" for fleet in standing]
            list(pool.map(Fleet.record, standing, itertools.repeat(strategy), logs))
            tell(f"a rollout is recorded: {strategy}")
        yield Sweep(standing, work)


def deploy(fleets: t.Sequence[Fleet], work: pathlib.Path, *, user: str) -> None:
    """Make the starting point: N-1, its service as this user, for good on every host of every fleet; and keep it."""
    with concurrent.futures.ThreadPoolExecutor(len(fleets)) as pool:
        list(pool.map(lambda fleet: fleet.restore("nothing"), fleets))
        maker = Controller(work, work / "golden" / user, fleets[0].controller.inventories)
        everybody = ":".join(fleet.name for fleet in fleets)
        product = fleets[0].product
        maker.play(product.roll_out(everybody, BEFORE, strategy="big_bang", user=user, patient=True))
        list(pool.map(lambda fleet: fleet.save(user), fleets))


def _fleets(bed: Bed, work: pathlib.Path, product: Product, patience: Patience) -> list[Fleet]:
    """The hosts of the bed, under names that the inventory knows."""
    groups: dict[str, dict[str, Host]] = {}
    for host in bed.hosts.values():
        groups.setdefault(f"fleet_{host.name[0]}", {})[host.name] = host
    inventories = [bed.directory / "inventory.yml", inventory(work / "fleets.json", groups)]
    trees = {number: digest(work / "source" / number / "app") for number in (AFTER, BEFORE)}
    versions = [Version(state, *tree) for state, tree in zip(SAFE, trees.items(), strict=True)]
    return [
        Fleet(
            name,
            hosts,
            Controller(work, work / name, inventories),
            Observer({host.name: host.address for host in hosts.values()}, PORT, versions),
            product,
            patience,
        )
        for name, hosts in groups.items()
    ]
