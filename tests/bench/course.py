# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scenario on its hosts: every contestant goes through all phases, in turns, as often as is asked."""

from __future__ import annotations

import collections.abc
import pathlib

from tests.testbed import Bed

from .command import measure
from .contestant import Contestant
from .fleet import Fleet
from .floor import Floor, Ping
from .material import Material
from .ours import Ours
from .plain import Plain
from .sample import Sample
from .scenarios import Scenario

__all__ = ["run", "turns"]

BED = "bench"
Tell = collections.abc.Callable[[Sample], None]


def turns(contestants: collections.abc.Sequence[Contestant], repetition: int) -> list[Contestant]:
    """The order in a repetition: each time somebody else begins."""
    first = repetition % len(contestants)
    return [*contestants[first:], *contestants[:first]]


def run(scenario: Scenario, material: Material, work: pathlib.Path, tell: Tell) -> None:
    """Bring the hosts up, measure, take them down; every sample is told as it comes.

    Raises:
        BenchError: a contestant did not do its job.
        BedError: the hosts could not be had.
    """
    work.mkdir(parents=True)
    with Bed.up(scenario.hosts, name=BED, disk=scenario.disk) as bed:
        fleet = Fleet(bed)
        contestants = (Ours(material, fleet, work), Plain(material, fleet, work), Floor(material, fleet))
        ping = Ping(fleet, work)
        for repetition in range(scenario.repetitions):
            for contestant in turns((*contestants, ping), repetition):
                _one(scenario, contestant, fleet, repetition, tell)


def _one(scenario: Scenario, contestant: Contestant, fleet: Fleet, repetition: int, tell: Tell) -> None:
    """One contestant, from clean hosts to clean hosts: there is not memory for all at once."""
    for phase in contestant.phases:
        command = contestant.command(phase)
        before = fleet.read()
        cost, output = measure(command)
        hosts = fleet.costs(before)
        contestant.check(phase, output)
        tell(Sample(scenario.name, contestant.name, phase, repetition, cost, hosts))
    contestant.clean()
