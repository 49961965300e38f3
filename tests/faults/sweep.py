# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sweep: a bed, a package, fleets on their starting point, a recording of each, then cell after cell."""

from __future__ import annotations

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

from .application import AFTER, BEFORE, PORT, digest, publish
from .cells import Cell, cells
from .controller import Controller
from .fleet import PATIENT, SIZE, Fleet, equip, inventory, variables
from .observer import SAFE, Observer, Version
from .trial import PLAIN, ROOT, Outcome, carry_out

__all__ = ["MAX_JOBS", "Sweep", "opened"]

NAMES = "abcdefgh"  # of fleets
MAX_JOBS = len(NAMES)
Told = t.Callable[[str], None]


class Sweep:
    """Everything that stands while cells are carried out."""

    def __init__(self, fleets: t.Sequence[Fleet], work: pathlib.Path) -> None:
        self._fleets, self._work = fleets, work
        recordings = [fleet.recording for fleet in fleets if fleet.recording is not None]
        self.recording = recordings[0]
        self.cells, self.left_out = cells(self.recording)
        known = [{boundary.id for boundary in recording.boundaries} for recording in recordings]
        self.unstable = sorted({name for one in known for other in known for name in one - other})

    def run(self, chosen: t.Sequence[Cell], *, logs: pathlib.Path) -> t.Iterator[Outcome]:
        """Carry the cells out, one at a time on each fleet; outcomes as they come. Left early, it begins no more."""
        self._prepare(chosen)
        logs.mkdir(parents=True, exist_ok=True)
        free: queue.SimpleQueue[Fleet] = queue.SimpleQueue()
        for fleet in self._fleets:
            free.put(fleet)

        def one(cell: Cell) -> Outcome:
            fleet = free.get()
            try:
                return carry_out(cell, fleet, logs)
            finally:
                free.put(fleet)

        pool = concurrent.futures.ThreadPoolExecutor(len(self._fleets))
        try:
            for done in concurrent.futures.as_completed([pool.submit(one, cell) for cell in chosen]):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _prepare(self, chosen: t.Sequence[Cell]) -> None:
        """The starting point of those cells in which N runs as root."""
        if any(cell.fault == "appends-to-own-file" for cell in chosen):
            deploy(self._fleets, self._work, user=ROOT)


@contextlib.contextmanager
def opened(jobs: int, *, tell: Told) -> t.Iterator[Sweep]:
    """A sweep that can carry out so many cells at a time; nothing is left of it afterwards."""
    names = [f"{letter}{number}" for letter, number in itertools.product(NAMES[:jobs], range(1, SIZE + 1))]
    with contextlib.ExitStack() as stack:
        work = pathlib.Path(tempfile.mkdtemp(prefix="relmgmt-faults-"))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(8))
        bed = stack.enter_context(Bed.up(dict(zip(names, itertools.cycle(SITES))), name="faults"))
        hosts = list(bed.hosts.values())
        published = pool.submit(publish, Controller(work, work / "maker", ()))
        list(pool.map(equip, hosts))
        published.result()
        tell(f"{len(hosts)} hosts are up, the package is published")
        fleets = _fleets(bed, work)
        deploy(fleets, work, user=PLAIN)
        logs = [work / f"{fleet.name}.log" for fleet in fleets]
        for fleet, recording in zip(fleets, pool.map(Fleet.record, fleets, logs), strict=True):
            fleet.recording = recording
        tell("a rollout is recorded on each fleet")
        yield Sweep(fleets, work)


def deploy(fleets: t.Sequence[Fleet], work: pathlib.Path, *, user: str) -> None:
    """Make the starting point: N-1, its service as this user, confirmed on every host of every fleet; and keep it."""
    with concurrent.futures.ThreadPoolExecutor(len(fleets)) as pool:
        list(pool.map(lambda fleet: fleet.restore("nothing"), fleets))
        maker = Controller(work, work / "golden" / user, fleets[0].controller.inventories)
        everybody = ":".join(fleet.name for fleet in fleets)
        about = variables(everybody, BEFORE, user=user, confirm_timeout=PATIENT)
        maker.play("rollout", relmgmt_strategy="big_bang", **about)
        list(pool.map(lambda fleet: fleet.save(user), fleets))
        list(pool.map(lambda fleet: fleet.restore(user), fleets))


def _fleets(bed: Bed, work: pathlib.Path) -> list[Fleet]:
    """The hosts of the bed in threes, under names that the inventory knows."""
    groups: dict[str, list[Host]] = {}
    for host in bed.hosts.values():
        groups.setdefault(f"fleet_{host.name[0]}", []).append(host)
    inventories = [bed.directory / "inventory.yml", inventory(work / "fleets.json", groups)]
    trees = {number: digest(work / "source" / number / "app") for number in (AFTER, BEFORE)}
    versions = [Version(state, *tree) for state, tree in zip(SAFE, trees.items(), strict=True)]
    return [
        Fleet(
            name,
            tuple(hosts),
            Controller(work, work / name, inventories),
            Observer({host.name: host.address for host in hosts}, PORT, versions),
        )
        for name, hosts in groups.items()
    ]
