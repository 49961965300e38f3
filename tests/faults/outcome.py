# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of trials, and the file of JSON lines that they are kept in, so that a sweep can go on where it ended."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

from .cells import FAULTS
from .observer import States

__all__ = ["NOT_PASSED", "PHASES", "UNHARMED", "Ledger", "Outcome", "Possible"]

PHASES = ("wait", "return", "again", "back")
NOT_PASSED = "the boundary was not passed"
UNHARMED = "no fault"  # instead of a cell, for the hosts that nothing befell


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a trial. Phases: ``wait``, ``return``, ``again`` and, where N appended to its own file, ``back``.

    cells: to the victim, empty where it is the controller. errors: of those that could not be carried out, why.
    phases: phase to host to state. seconds: host to seconds until it was safe; None if it never was. codes: exit codes
    of the playbooks by phase; None for one that had to be killed.
    """

    product: str
    strategy: str
    cells: dict[str, str]
    errors: dict[str, str]
    phases: dict[str, States]
    seconds: dict[str, float | None]
    codes: dict[str, int | None]
    duration: float

    @property
    def done(self) -> list[str]:
        """The cells that were carried out."""
        return [cell for cell in self.cells if cell not in self.errors]

    @property
    def blames(self) -> dict[str, str]:
        """Every host, and the cell that it was the victim of; all hosts suffer if the controller dies."""
        killed = next((cell for cell in self.cells if FAULTS[cell.rpartition(":")[2]].of_controller), UNHARMED)
        hosts = {host for states in self.phases.values() for host in states}
        return {
            **dict.fromkeys(sorted(hosts), killed),
            **{victim: cell for cell, victim in self.cells.items() if victim},
        }

    def to_dict(self) -> dict[str, t.Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Possible:
    """What there is to be done: cells of a strategy, how many cannot occur, how many boundaries are like another; with
    so many hosts, of which each is given ``wait`` seconds."""

    product: str
    strategy: str
    cells: tuple[str, ...]
    left_out: int
    merged: int
    hosts: int
    wait: float


class Ledger:
    """The file. Lines are added as outcomes come, so a sweep that is killed loses the trial that it was at."""

    def __init__(self, path: pathlib.Path, *, resume: bool = False) -> None:
        self._path = path
        if not resume:
            path.unlink(missing_ok=True)

    def add(self, entry: Outcome | Possible) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps({"kind": type(entry).__name__, **dataclasses.asdict(entry)}) + "\n")

    def read(self) -> tuple[list[Outcome], list[Possible]]:
        """All outcomes, and of each strategy what was possible when it was last looked at."""
        outcomes: list[Outcome] = []
        possible: dict[tuple[str, str], Possible] = {}
        text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        for line in text.splitlines():
            entry = json.loads(line)
            if entry.pop("kind") == Outcome.__name__:
                outcomes.append(Outcome(**entry))
            else:
                entry["cells"] = tuple(entry["cells"])
                possible[entry["product"], entry["strategy"]] = Possible(**entry)
        return outcomes, list(possible.values())
