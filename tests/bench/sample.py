# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sample: what one phase of one contestant cost, on the controller and on each host."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

__all__ = ["Cost", "HostCost", "Phase", "Sample"]


class Phase(enum.StrEnum):
    """What is timed. The first five are done in this order, with the same hosts."""

    FIRST = "first deployment"
    UPGRADE = "upgrade"
    AGAIN = "converged re-run"
    DRIFT = "look for drift"
    REVERT = "revert"
    BUILD = "build"
    FETCH = "fetch"


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of a command on the controller, with all that it started: ``peak`` is of its largest process, in KiB."""

    seconds: float
    cpu: float
    peak: int


@dataclasses.dataclass(frozen=True)
class HostCost:
    """Of a host: commands that ran there as root, bytes in and out of its network card, processor time in seconds."""

    runs: int
    received: int
    sent: int
    cpu: float


@dataclasses.dataclass(frozen=True)
class Sample:
    """One figure of the benchmark, and where it belongs."""

    scenario: str
    contestant: str
    phase: Phase
    repetition: int
    cost: Cost
    hosts: t.Mapping[str, HostCost] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> t.Self:
        """The sample that ``dataclasses.asdict`` made this of."""
        hosts = {name: HostCost(**cost) for name, cost in data["hosts"].items()}
        return cls(**{**data, "phase": Phase(data["phase"]), "cost": Cost(**data["cost"]), "hosts": hosts})
