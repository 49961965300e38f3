# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All samples of a run: medians, ratios, and the file that keeps them."""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import pathlib
import statistics
import typing as t

from .sample import HostCost, Phase, Sample
from .trees import TreeFigures

__all__ = ["Results"]


@dataclasses.dataclass
class Results:
    """What was measured, where, and for how long."""

    machine: dict[str, str]
    samples: list[Sample] = dataclasses.field(default_factory=list)
    trees: dict[str, TreeFigures] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0

    def of(self, scenario: str, contestant: str, phase: Phase) -> list[Sample]:
        """The samples of all repetitions."""
        return [s for s in self.samples if (s.scenario, s.contestant, s.phase) == (scenario, contestant, phase)]

    def median(
        self, scenario: str, contestant: str, phase: Phase, pick: collections.abc.Callable[[Sample], float]
    ) -> float | None:
        """The median of a figure over the repetitions; None where there is no sample."""
        found = [pick(sample) for sample in self.of(scenario, contestant, phase)]
        return statistics.median(found) if found else None

    def per_host(
        self, scenario: str, contestant: str, phase: Phase, pick: collections.abc.Callable[[HostCost], float]
    ) -> float | None:
        """The median of a figure over repetitions and hosts."""
        found = [pick(cost) for sample in self.of(scenario, contestant, phase) for cost in sample.hosts.values()]
        return statistics.median(found) if found else None

    def ratio(self, scenario: str, phase: Phase, ours: str, theirs: str) -> float | None:
        """How many times as long ours takes: median by median."""
        mine, other = (self.median(scenario, name, phase, lambda s: s.cost.seconds) for name in (ours, theirs))
        return mine / other if mine is not None and other else None

    def write(self, path: pathlib.Path) -> None:
        """Keep every sample, as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: pathlib.Path) -> t.Self:
        """What ``write`` kept."""
        data = json.loads(path.read_text())
        trees = {name: TreeFigures(**figures) for name, figures in data["trees"].items()}
        return cls(data["machine"], [Sample.from_dict(sample) for sample in data["samples"]], trees, data["seconds"])
