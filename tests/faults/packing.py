# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which cells share a rollout, and which host each of them strikes. Pure: the same cells give the same trials."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from .boundaries import CONTROLLER, Recording
from .cells import Cell

__all__ = ["Trial", "alone", "pack"]

SHARE = 0.8  # of the hosts of a fleet that are victims at most; the others are judged too
AS_ROOT = "appends-to-own-file"  # N can do that only as root, so the whole fleet runs as root then


@dataclasses.dataclass(frozen=True)
class Trial:
    """One rollout with faults. victims: the host that each cell strikes, by its place in the order of the waves; of a
    killed controller the one that is held then, None where the controller itself is.
    """

    victims: t.Mapping[Cell, int | None]

    @property
    def cells(self) -> list[Cell]:
        return list(self.victims)

    @property
    def strategy(self) -> str:
        return self.cells[0].strategy

    @property
    def kills(self) -> bool:
        """Whether the controller is what is struck, when all that are to be held are held."""
        return self.cells[0].kind.of_controller

    @property
    def as_root(self) -> bool:
        return self.cells[0].fault == AS_ROOT

    @property
    def id(self) -> str:
        """The name of its first cell stands for all."""
        return self.cells[0].id

    @property
    def hash(self) -> bytes:
        """That of its first cell: its turn comes with that one's."""
        return min(cell.hash for cell in self.cells)


def pack(cells: t.Iterable[Cell], recording: Recording) -> list[Trial]:
    """The trials of the cells of one strategy, in the order of a hash, so that any part is spread over everything."""
    ranked = sorted(cells, key=lambda cell: cell.hash)
    boxes: list[_Box] = []
    for cell in ranked:
        for box in boxes:
            if box.take(cell):
                break
        else:
            boxes.append(_Box(cell, recording))
    trials = [Trial(dict(box.victims)) for box in boxes]
    return sorted(trials, key=lambda trial: trial.hash)


def alone(cell: Cell, recording: Recording) -> Trial:
    """The cell in a rollout of its own; it strikes the first host that it can."""
    held = cell.boundary.place == CONTROLLER and cell.kind.of_controller
    return Trial({cell: None if held else cell.victims(recording)[0]})


class _Box:
    """A trial that is being filled, begun with the cell."""

    def __init__(self, cell: Cell, recording: Recording) -> None:
        self._recording = recording
        self._closed, self._kind = False, _kind(cell)
        self._free = _room(recording)
        self.victims: dict[Cell, int | None] = {}
        self._closed = not self.take(cell)
        if self._closed:
            self.victims.update(alone(cell, recording).victims)

    def take(self, cell: Cell) -> bool:
        """Whether there is a host left for the cell, which then is its own."""
        if self._closed or _kind(cell) != self._kind:
            return False
        if cell.kind.of_controller and cell.boundary.place == CONTROLLER:
            if self.victims:
                return False
            self.victims[cell] = None
            return True
        stands = self._recording.stands
        fit = [rank for rank in cell.victims(self._recording) if self._free[stands[rank].wave] > 0]
        if cell.kind.of_controller and self.victims:  # held together, so in one wave
            first = next(rank for rank in self.victims.values() if rank is not None)
            fit = [rank for rank in fit if stands[rank].wave == stands[first].wave]
        fit = [rank for rank in fit if rank not in self.victims.values()]
        if not fit:
            return False
        rank = fit[int.from_bytes(cell.hash[:4], "big") % len(fit)]
        self.victims[cell] = rank
        self._free[stands[rank].wave] -= 1
        return True


def _kind(cell: Cell) -> tuple[t.Any, ...]:
    """Cells share a trial only with those of the same kind."""
    if cell.kind.of_controller:
        return ("kill", cell.boundary.place, cell.boundary.verb if cell.boundary.place != CONTROLLER else cell.id)
    return ("strike", cell.fault == AS_ROOT)


def _room(recording: Recording) -> dict[int, int]:
    """How many hosts of each wave may be victims: one stays well, since a wave without any is the end of a rollout."""
    sizes = collections.Counter(stand.wave for stand in recording.stands)
    return {wave: min(size - 1, int(SHARE * size)) if size > 1 else 0 for wave, size in sizes.items()}
