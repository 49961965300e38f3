# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured: which tree, on how many hosts, how often."""

from __future__ import annotations

import collections.abc
import dataclasses

from .error import BenchError
from .trees import ANSIBLE, DJANGO, Tree

__all__ = ["EVERY", "SCENARIOS", "Scenario", "choose"]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A measurement under a name; one without hosts measures building and fetching of packages alone."""

    name: str
    tree: Tree
    hosts: int
    repetitions: int
    disk: str = ""  # size of a host's disk

    @property
    def title(self) -> str:
        if self.hosts:
            return f"{self.tree.title} on {self.hosts} hosts"
        return f"building and fetching the package of {self.tree.name} {self.tree.new.number}"


SCENARIOS = (
    Scenario("django-20", DJANGO, 20, 3, "256M"),
    Scenario("ansible-3", ANSIBLE, 3, 3, "2G"),
    Scenario("django-5", DJANGO, 5, 3, "256M"),
    Scenario("django-60", DJANGO, 60, 1, "256M"),
    Scenario("package-django", DJANGO, 0, 3),
    Scenario("package-ansible", ANSIBLE, 0, 3),
)
_QUICK = (
    Scenario("django-3", DJANGO, 3, 1, "256M"),
    Scenario("package-django", DJANGO, 0, 1),
)
EVERY = (*SCENARIOS, _QUICK[0])


def choose(
    *, quick: bool, only: collections.abc.Collection[str] = (), repetitions: int | None = None
) -> tuple[Scenario, ...]:
    """The scenarios of a run, each repeated as often as it says itself if nothing else is wished.

    Raises:
        BenchError: one is asked for that there is not.
    """
    every = _QUICK if quick else SCENARIOS
    names = [scenario.name for scenario in every]
    for name in only:
        if name not in names:
            raise BenchError(f"there is no scenario {name}: choose among {', '.join(names)}")
    chosen = [scenario for scenario in every if not only or scenario.name in only]
    return tuple(dataclasses.replace(s, repetitions=repetitions or s.repetitions) for s in chosen)
