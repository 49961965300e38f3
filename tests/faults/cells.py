# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cells of the sweep: a boundary and a fault that strikes there. What cannot occur is left out by rule."""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from .boundaries import HOST, Boundary, Recording, Stand

__all__ = ["FAULTS", "Cell", "Kind", "cells", "sample"]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A fault. deadly: nobody can reach the host while it lasts. of_release: it is what N is like, so it never ends.

    of_controller: it strikes the controller and no host.
    strikes: whether it makes sense at a boundary, for a host whose turn came then.
    """

    deadly: bool = False
    of_release: bool = False
    of_controller: bool = False
    strikes: t.Callable[[Boundary, Stand], bool] = lambda boundary, stand: True


def _before_start(boundary: Boundary, stand: Stand) -> bool:
    """N is told not to start, so it must not have started."""
    return boundary.time < stand.started


def _after_start(boundary: Boundary, stand: Stand) -> bool:
    """N does it itself, so it must run."""
    return boundary.time > stand.started


def _after_probes(boundary: Boundary, stand: Stand) -> bool:
    """Dying earlier is what its probes are there for: that is how a service that will not start looks. Dying later is
    nothing that a rollout could take back: its release is final, and the service manager's to look after."""
    return stand.judged <= boundary.time < stand.confirmed


FAULTS: dict[str, Kind] = {
    "controller-killed": Kind(of_controller=True),
    "ssh-cut": Kind(deadly=True),
    "power-loss": Kind(deadly=True),
    "reboot": Kind(),
    "frozen": Kind(deadly=True),
    "disk-full": Kind(),
    "service-will-not-start": Kind(of_release=True, strikes=_before_start),
    "dies-after-probes": Kind(of_release=True, strikes=_after_probes),
    "appends-to-own-file": Kind(of_release=True, strikes=_after_start),
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One fault at one boundary of a rollout by one strategy."""

    strategy: str
    boundary: Boundary
    fault: str

    @property
    def id(self) -> str:
        return f"{self.strategy}/{self.boundary.id}:{self.fault}"

    @property
    def kind(self) -> Kind:
        return FAULTS[self.fault]

    @property
    def hash(self) -> bytes:
        """Its place in an order that has nothing to do with what it is."""
        return hashlib.sha256(self.id.encode()).digest()

    def victims(self, recording: Recording) -> list[int]:
        """The hosts that it can strike, by their place in the order of the waves."""
        if self.boundary.place == HOST:  # every host passes it in its own time
            return list(range(len(recording.stands))) if self.kind.strikes(self.boundary, recording.reference) else []
        return [rank for rank, stand in enumerate(recording.stands) if self.kind.strikes(self.boundary, stand)]


def cells(strategy: str, recording: Recording) -> tuple[list[Cell], int]:
    """All cells, in the order in which a rollout passes them, and how many were left out because they cannot occur."""
    possible = [Cell(strategy, boundary, fault) for boundary in recording.boundaries for fault in FAULTS]
    found = [cell for cell in possible if cell.victims(recording)]
    return found, len(possible) - len(found)


def sample(found: t.Sequence[Cell], size: int) -> list[Cell]:
    """A choice of cells that stays the same while the boundaries do, spread over faults and verbs.

    Cells are taken in the order of a hash of their id: first those that bring a fault, a verb of a host or the
    controller where it is not yet there, then whatever comes, up to ``size``.
    """
    traits: tuple[t.Callable[[Cell], str], ...] = (
        lambda cell: cell.fault,
        lambda cell: cell.boundary.verb if cell.boundary.place == HOST else "",
    )
    ranked = sorted(found, key=lambda cell: cell.hash)
    chosen: list[Cell] = []
    for trait in traits:
        for cell in ranked:
            if trait(cell) not in {trait(other) for other in chosen}:
                chosen.append(cell)
    chosen += [cell for cell in ranked if cell not in chosen][: max(0, size - len(chosen))]
    return [cell for cell in found if cell in chosen]
