# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of a sweep: figures, JSON, a table; and what of it nobody knew yet."""

from __future__ import annotations

import collections.abc
import dataclasses
import fnmatch
import pathlib
import typing as t

from .observer import BUSY, DEAD, States, unsafe
from .trial import PHASES, WAIT, Outcome

__all__ = ["Report", "Shortfalls"]

KNOWN = pathlib.Path(__file__).with_name("shortfalls.txt")
# How far a fleet gets within the wait depends on the speed of the machine; how the phases after it end does not.
GATED = tuple(phase for phase in PHASES if phase != "wait")


class Shortfalls:
    """What the product is known not to fulfil yet: lines of a phase and a pattern of cells."""

    def __init__(self, text: str) -> None:
        lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
        self._patterns = [(phase, pattern) for phase, pattern in lines]

    @classmethod
    def known(cls) -> Shortfalls:
        return cls(KNOWN.read_text())

    def names(self, phase: str, cell: str) -> bool:
        """Whether it is known that the cell leaves an unsafe host in the phase."""
        return any(named == phase and fnmatch.fnmatchcase(cell, pattern) for named, pattern in self._patterns)


@dataclasses.dataclass(frozen=True)
class Report:
    """The outcomes of the cells that were carried out, out of so many that there are."""

    outcomes: t.Sequence[Outcome]
    possible: int
    left_out: int
    merged: int
    seconds: float

    @property
    def figures(self) -> dict[str, int]:
        """Phase to the number of hosts that were judged and not safe."""
        return {phase: sum(len(unsafe(o.phases.get(phase, {}))) for o in self.outcomes) for phase in PHASES}

    @property
    def errors(self) -> dict[str, str]:
        """Cell to why it could not be carried out."""
        return {outcome.cell: outcome.error for outcome in self.outcomes if outcome.error}

    def unknown(self, shortfalls: Shortfalls) -> list[str]:
        """Cells and phases with an unsafe host that the list of known shortfalls does not name."""
        return [
            f"{outcome.cell} ({phase})"
            for outcome in self.outcomes
            for phase in GATED
            if unsafe(outcome.phases.get(phase, {})) and not shortfalls.names(phase, outcome.cell)
        ]

    def to_dict(self) -> dict[str, t.Any]:
        """As JSON."""
        return {
            "wait_seconds": WAIT,
            "cells": {
                "possible": self.possible,
                "left_out": self.left_out,
                "equal_boundaries": self.merged,
                "carried_out": len(self.outcomes) - len(self.errors),
                "errors": self.errors,
            },
            "unsafe_hosts": self.figures,
            "hosts": sum(len(outcome.seconds) for outcome in self.outcomes),
            "duration_seconds": round(self.seconds),
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }

    def table(self) -> str:
        """For people: a line a cell, then the figures."""
        rows: list[tuple[str, ...]] = [("boundary", "fault", *PHASES, "seconds", "")]
        rows += [self._row(outcome) for outcome in self.outcomes]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, "", *self._summary()]) + "\n"

    @staticmethod
    def _row(outcome: Outcome) -> tuple[str, ...]:
        boundary, _colon, fault = outcome.cell.rpartition(":")
        seconds = " ".join("-" if value is None else f"{value:g}" for value in outcome.seconds.values())
        return (boundary, fault, *(_phase(outcome.phases.get(p)) for p in PHASES), seconds, _remark(outcome))

    def _summary(self) -> collections.abc.Iterator[str]:
        yield (
            f"{len(self.outcomes) - len(self.errors)} cells carried out of {self.possible} that there are, in"
            f" {self.seconds:.0f} s; {self.left_out} cannot occur, {len(self.errors)} failed."
        )
        hosts = sum(len(outcome.seconds) for outcome in self.outcomes)
        yield f"Hosts neither healthy and in traffic on N nor on N-1, of {hosts}:"
        after = (f"{WAIT:g} s after the fault", "when the fault and the run have ended", "after the same command again")
        for phase, when in zip(PHASES, (*after, "after the rollback"), strict=True):
            yield f"{self.figures[phase]:6d}  {when} ({phase})"


def _phase(states: States | None) -> str:
    if states is None:
        return ""
    counts = {"UNSAFE": len(unsafe(states))}
    counts.update({word: sum(state.startswith(word) for state in states.values()) for word in (BUSY, DEAD)})
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "safe"


def _remark(outcome: Outcome) -> str:
    """Why it failed, what the first unsafe host said, playbooks that had to be ended."""
    if outcome.error:
        return f"ERROR {outcome.error.splitlines()[0]}"
    states = {host: state for phase in outcome.phases.values() for host, state in phase.items()}
    said = [f"{host} {phase[host]}" for phase in outcome.phases.values() for host in states if host in unsafe(phase)]
    hung = [f"{phase} had to be killed" for phase, code in outcome.codes.items() if code is None]
    failed = ["again failed"] if outcome.codes.get("again") and not unsafe(outcome.phases.get("again", {})) else []
    return "; ".join([*said[:1], *hung, *failed])
