# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of a sweep: figures of each strategy, a table; and what of it nobody knew yet."""

from __future__ import annotations

import collections.abc
import dataclasses
import fnmatch
import math
import pathlib
import typing as t

from .observer import BUSY, DEAD, States, unsafe
from .outcome import PHASES, UNHARMED, Outcome, Possible

__all__ = ["Figures", "Report", "Shortfalls", "nearest_rank"]

KNOWN = pathlib.Path(__file__).with_name("shortfalls.txt")
# How far a fleet gets within the wait depends on the speed of the machine; how the phases after it end does not.
GATED = tuple(phase for phase in PHASES if phase != "wait")
WORST = 10


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


def nearest_rank(values: t.Iterable[float], percent: float) -> float | None:
    """The smallest of the values that so many percent of them do not exceed; None of none."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(percent / 100 * len(ordered))) - 1] if ordered else None


@dataclasses.dataclass(frozen=True)
class Figures:
    """Of some trials. hosts: that took part; victims: of them those that a fault befell; judged: phase to the number of
    hosts that were neither dead nor busy then; unsafe: of them those that were not safe; seconds: of victims, until
    they were safe; never: how many never were.
    """

    possible: int
    cells: int
    trials: int
    hosts: int
    victims: int
    unsafe: dict[str, int]
    judged: dict[str, int]
    seconds: tuple[float, ...]
    never: int

    @classmethod
    def of(cls, outcomes: t.Sequence[Outcome], possible: t.Collection[str], fault: str = "") -> Figures:
        """Of all outcomes, or of the victims of one fault alone."""
        hosts = [
            (outcome, host)
            for outcome in outcomes
            if outcome.done
            for host, cell in outcome.blames.items()
            if not fault or (cell in outcome.done and cell.endswith(f":{fault}"))
        ]
        looks = {
            phase: {
                f"{number} {host}": outcome.phases[phase][host]
                for number, (outcome, host) in enumerate(hosts)
                if host in outcome.phases.get(phase, {})
            }
            for phase in PHASES
        }
        harmed = [(outcome, host) for outcome, host in hosts if outcome.blames[host] in outcome.done]
        times = [outcome.seconds.get(host) for outcome, host in harmed]
        done = {cell for outcome in outcomes for cell in outcome.done if cell.endswith(f":{fault}" if fault else "")}
        return cls(
            possible=sum(cell.endswith(f":{fault}") for cell in possible) if fault else len(possible),
            cells=len(done),
            trials=sum(bool(outcome.done) for outcome in outcomes),
            hosts=len(hosts),
            victims=len(harmed),
            unsafe={phase: len(unsafe(states)) for phase, states in looks.items()},
            judged={
                phase: sum(not state.startswith((DEAD, BUSY)) for state in states.values())
                for phase, states in looks.items()
            },
            seconds=tuple(value for value in times if value is not None),
            never=sum(value is None for value in times),
        )

    def percentile(self, percent: float) -> str:
        """Of the seconds until they were safe; a host that never was takes longer than any other."""
        value = nearest_rank([*self.seconds, *[math.inf] * self.never], percent)
        return "-" if value is None else "never" if value == math.inf else f"{value:.1f}"


@dataclasses.dataclass(frozen=True)
class Report:
    """The outcomes of a product's trials, out of all that there could be."""

    outcomes: t.Sequence[Outcome]
    possible: t.Sequence[Possible]

    @property
    def errors(self) -> dict[str, str]:
        """Cell to why it could not be carried out, where no other trial has carried it out."""
        done = {cell for outcome in self.outcomes for cell in outcome.done}
        found = {cell: why for outcome in self.outcomes for cell, why in outcome.errors.items()}
        return {cell: why for cell, why in found.items() if cell not in done}

    def figures(self, strategy: str) -> Figures:
        of = [outcome for outcome in self.outcomes if outcome.strategy == strategy]
        return Figures.of(of, [cell for each in self.possible if each.strategy == strategy for cell in each.cells])

    def by_fault(self, fault: str) -> Figures:
        """Over all strategies, of the hosts that the fault struck."""
        return Figures.of(self.outcomes, [cell for each in self.possible for cell in each.cells], fault)

    def unknown(self, shortfalls: Shortfalls) -> list[str]:
        """Hosts that were unsafe after the wait, with cell and phase, that the known shortfalls do not name."""
        return [
            f"{cell} ({phase}): {host} {outcome.phases[phase][host]}"
            for outcome in self.outcomes
            if outcome.done
            for host, cell in outcome.blames.items()
            for phase in GATED
            if host in unsafe(outcome.phases.get(phase, {}))
            and not shortfalls.names(phase, cell if cell != UNHARMED else f"{outcome.strategy}/{UNHARMED}")
        ]

    def table(self) -> str:
        """For people: a line a cell, then the figures of each strategy."""
        rows: list[tuple[str, ...]] = [("boundary", "fault", "victim", *PHASES, "seconds", "")]
        rows += [row for outcome in self.outcomes for row in _rows(outcome)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, "", *self._summary()]) + "\n"

    def _summary(self) -> collections.abc.Iterator[str]:
        for each in self.possible:
            figures = self.figures(each.strategy)
            yield (
                f"{each.product}, {each.strategy}: {figures.cells} of {figures.possible} cells carried out, in"
                f" {figures.trials} trials of {each.hosts} hosts; {each.left_out} cells cannot occur."
            )
            if not figures.trials:
                continue
            yield f"  Hosts neither healthy and in traffic on N nor N-1, of {figures.hosts} ({figures.victims} struck):"
            after = (
                f"{each.wait:g} s after the fault",
                "when the fault and the run have ended",
                "after the same command again",
            )
            for phase, when in zip(PHASES, (*after, "after the rollback"), strict=True):
                yield f"  {figures.unsafe[phase]:6d} of {figures.judged[phase]:5d} judged {when} ({phase})"
            times = ", ".join(f"p{percent} {figures.percentile(percent)}" for percent in (50, 90, 99))
            yield f"  Seconds until a struck host was safe: {times} (nearest rank)."
        worst = self.worst()
        if worst:
            yield "Slowest:"
            yield from (f"  {seconds:6.1f}  {cell}" for seconds, cell in worst)
        if self.errors:
            yield "Not carried out:"
            yield from (f"  {cell}: {why.splitlines()[0]}" for cell, why in self.errors.items())

    def worst(self) -> list[tuple[float, str]]:
        """The cells whose victims took longest."""
        times = [
            (seconds, cell)
            for outcome in self.outcomes
            for host, cell in outcome.blames.items()
            if cell in outcome.done and (seconds := outcome.seconds.get(host))
        ]
        return sorted(times, reverse=True)[:WORST]


def _rows(outcome: Outcome) -> collections.abc.Iterator[tuple[str, ...]]:
    """A line for each cell; a last one for the hosts that nothing befell."""
    cells = dict.fromkeys(outcome.cells) | dict.fromkeys(outcome.blames.values())
    for cell in cells:
        hosts = [host for host, blamed in outcome.blames.items() if blamed == cell]
        boundary, _colon, fault = cell.rpartition(":")
        where = [outcome.phases.get(phase, {}) for phase in PHASES]
        looks = [{host: states[host] for host in hosts if host in states} for states in where]
        times = [outcome.seconds[host] for host in hosts if host in outcome.seconds]
        slowest = "" if not times else "-" if None in times else f"{max(value or 0.0 for value in times):g}"
        victim = hosts[0] if len(hosts) == 1 else f"{len(hosts)} hosts"
        remark = f"ERROR {outcome.errors[cell].splitlines()[0]}" if cell in outcome.errors else _remark(looks)
        yield (boundary or outcome.strategy, fault, victim, *map(_phase, looks), slowest, remark)


def _phase(states: States) -> str:
    counts = {"UNSAFE": len(unsafe(states))}
    counts.update({word: sum(state.startswith(word) for state in states.values()) for word in (BUSY, DEAD)})
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or ("safe" if states else "")


def _remark(looks: t.Iterable[States]) -> str:
    """What the first unsafe host said."""
    return next((f"{host} {states[host]}" for states in looks for host in unsafe(states)), "")
