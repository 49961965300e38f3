# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random lives of an instance: verbs, bad luck, and kills and power losses in the middle of anything."""

from __future__ import annotations

import typing as t

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from ansible_collections.relmgmt.release.plugins.module_utils._model import outcome

from .play import Play
from .strikes import Strike
from .world import DIES, GOOD, KINDS, SICK

__all__ = ["Life", "Tally", "strike"]

VERSIONS = ("1", "2")
_MOST_STEPS = 60  # hardly a verb makes more; a strike after its last step hits nothing
_KINDS = st.sampled_from((GOOD, GOOD, *KINDS))
_LOSS = st.integers(0, 9999).map(lambda number: tuple(map(int, str(number))))


def strike(number: int) -> Strike:
    """A strike of one number: Hypothesis is quicker with that than with its parts."""
    rest, at = divmod(number, _MOST_STEPS)
    rest, how = divmod(rest, 4)
    return Strike(at, power=bool(how & 1), loss=tuple(map(int, str(rest))), verb=bool(how & 2))


_STRIKES = st.lists(st.integers(0, _MOST_STEPS * 4 * 1000 - 1).map(strike), max_size=3)
_BOOTS = st.sampled_from((False, False, True))
_BEFORE = st.sampled_from(("", "adopted", "replaces"))  # what runs there first
_PICK = st.integers(0, 9)


class Tally(t.NamedTuple):
    """What was done: verbs and events; steps of the engine."""

    rules: int = 0
    steps: int = 0


class Life(RuleBasedStateMachine):
    """One instance. The rules check everything themselves; see ``play.Play``."""

    tally = Tally()

    @initialize(units=st.booleans(), traffic=st.booleans(), reloads=st.booleans(), before=_BEFORE)
    def begin(self, units: bool, traffic: bool, reloads: bool, before: str) -> None:
        found = {before: True} if before else {}
        self.play = Play(units=units, traffic=traffic, reloads=reloads, **found)

    def teardown(self) -> None:
        if hasattr(self, "play"):
            Life.tally = Life.tally._replace(steps=Life.tally.steps + self.play.world.steps)

    def _count(self) -> None:
        Life.tally = Life.tally._replace(rules=Life.tally.rules + 1)

    def _startable(self) -> list[int]:
        status = self.play.history.status
        return [number for number, state in status.items() if state in (outcome.STAGED, outcome.CONFIRMED)]

    @rule(kind=_KINDS, version=st.sampled_from(VERSIONS), boots=_BOOTS, accompanied=_BOOTS, strikes=_STRIKES)
    def stage(self, kind: str, version: str, boots: bool, accompanied: bool, strikes: list[Strike]) -> None:
        self._count()
        self.play.stage(kind, version, *strikes, boots=boots, accompanied=accompanied)

    @rule(kind=_KINDS, version=st.sampled_from(VERSIONS), boots=_BOOTS, accompanied=_BOOTS, strikes=_STRIKES)
    def roll_out(self, kind: str, version: str, boots: bool, accompanied: bool, strikes: list[Strike]) -> None:
        self._count()
        self.play.activate(self.play.stage(kind, version, boots=boots, accompanied=accompanied), *strikes)

    @precondition(lambda self: self._startable())
    @rule(pick=_PICK, strikes=_STRIKES)
    def activate(self, pick: int, strikes: list[Strike]) -> None:
        self._count()
        startable = self._startable()
        self.play.activate(startable[pick % len(startable)], *strikes)

    @precondition(lambda self: self.play.model.stand.current)
    @rule(strikes=_STRIKES)
    def keep(self, strikes: list[Strike]) -> None:
        self._count()
        self.play.activate(self.play.model.stand.current, *strikes)

    @precondition(lambda self: self.play.model.stand.current)
    @rule(strikes=_STRIKES)
    def confirm(self, strikes: list[Strike]) -> None:
        self._count()
        self.play.confirm(*strikes)

    @precondition(lambda self: self.play.model.stand.current)
    @rule(strikes=_STRIKES)
    def revert(self, strikes: list[Strike]) -> None:
        self._count()
        self.play.revert(*strikes)

    @rule(version=st.sampled_from(VERSIONS), strikes=_STRIKES)
    def revert_to(self, version: str, strikes: list[Strike]) -> None:
        if any(self.play.world.versions[number] == version for number in self.play.model.stand.proven):
            self._count()
            self.play.revert_to(version, *strikes)

    @precondition(lambda self: self.play.model.stand.proven)
    @rule(pick=_PICK, strikes=_STRIKES)
    def revert_to_number(self, pick: int, strikes: list[Strike]) -> None:
        self._count()
        proven = sorted(self.play.model.stand.proven)
        self.play.revert_to_number(proven[pick % len(proven)], *strikes)

    @precondition(lambda self: self.play.world.staged)
    @rule(pick=_PICK, strikes=_STRIKES)
    def freeze(self, pick: int, strikes: list[Strike]) -> None:
        self._count()
        newest = sorted(self.play.history.staged)[-3:]
        self.play.freeze(newest[pick % len(newest)], *strikes)

    @precondition(lambda self: self.play.model.stand.provisional)
    @rule(strikes=_STRIKES)
    def hold(self, strikes: list[Strike]) -> None:
        self._count()
        self.play.hold(*strikes)

    @rule(loss=_LOSS, strikes=_STRIKES)
    def power_fails(self, loss: tuple[int, ...], strikes: list[Strike]) -> None:
        self._count()
        self.play.power_fails(*strikes, loss=loss)

    @precondition(lambda self: self.play.model.stand.provisional)
    @rule(strikes=_STRIKES)
    def time_passes(self, strikes: list[Strike]) -> None:
        self._count()
        self.play.time_passes(*strikes)

    @precondition(lambda self: self.play.world.running)
    @rule(strikes=_STRIKES)
    def service_dies(self, strikes: list[Strike]) -> None:
        self._count()
        self.play.service_dies(*strikes)

    @precondition(lambda self: self.play.world.kinds)
    @rule(pick=_PICK, kind=st.sampled_from((GOOD, SICK, DIES)), strikes=_STRIKES)
    def turns(self, pick: int, kind: str, strikes: list[Strike]) -> None:
        self._count()
        kinds = sorted(self.play.world.kinds)
        self.play.turns(kinds[pick % len(kinds)], kind, *strikes)
