# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a rollout while it runs: a fold over its events (private).

Times are seconds of a clock that only goes forward. Nothing here draws.
"""

from __future__ import annotations

import collections.abc
import dataclasses

from ...module_utils._model import outcome
from .._safe_text import safe
from .events import HELD, Answered, Began, Closed, Event, Judged, Planned

__all__ = ["WAITING", "WORDS", "Cell", "Run", "Step", "Wave"]

WAITING = "waiting"
# What hosts are counted as, in the order in which counts are shown.
WORDS = (
    WAITING,
    outcome.STAGED,
    outcome.PROVISIONAL,
    HELD,
    outcome.CONFIRMED,
    outcome.REVERTED,
    outcome.FAILED,
    outcome.UNREACHABLE,
    outcome.UNKNOWN,
)
_SETTLED = {"none": outcome.CONFIRMED}  # by an earlier job of the rollout; who is left out, was not reached
_LOST = (outcome.FAILED, outcome.UNREACHABLE, outcome.UNKNOWN)
Cell = dict[str, int]


@dataclasses.dataclass
class Wave:
    """bake: seconds that nothing happens behind it. began, ended: None while it has not."""

    index: int
    name: str
    hosts: tuple[str, ...]
    bake: float
    began: float | None = None
    ended: float | None = None
    verdict: str = ""


@dataclasses.dataclass
class Step:
    """What is done at the moment, on the hosts of a wave (0: on all), and what those that answered said."""

    name: str
    wave: int
    words: dict[str, str] = dataclasses.field(default_factory=dict)


class Run:
    """One rollout, rollback or rehearsal."""

    def __init__(self, planned: Planned, at: float) -> None:
        rollout = planned.rollout
        self.about, self.check, self.began = rollout, planned.check, at
        self.waves = [
            Wave(wave["index"], safe(wave["name"]), tuple(wave["hosts"]), float(wave.get("bake") or 0))
            for wave in rollout["waves"]
        ]
        self._wave_of = {host: wave.index for wave in self.waves for host in wave.hosts}
        self.words = dict.fromkeys(self._wave_of, WAITING)  # host → where it stands
        self.reasons: dict[str, str] = {}
        self.sites: dict[str, str] = {}
        self.aside: dict[str, list[str]] = {}  # action → hosts that nothing happens to
        self.step: Step | None = None
        self.verdict: Judged | None = None
        self.closed: Closed | None = None
        self._taken_back: set[str] = set()
        for host, about in rollout["hosts"].items():
            self.sites[host], self.reasons[host] = safe(about["site"]), safe(about["reason"])
            if host not in self._wave_of:
                self.aside.setdefault(about["action"], []).append(host)
            elif about["action"] != "deploy":
                self.words[host] = _SETTLED.get(about["action"], outcome.UNREACHABLE)

    def apply(self, event: Event, at: float) -> None:
        """Take the event in."""
        if isinstance(event, Began):
            self._begin(event.step, self._next(event.step), at)
        elif isinstance(event, Answered):
            self._answer(event, at)
        elif isinstance(event, Judged):
            self._judge(event, at)
        else:
            self.step = None
            self.closed = event if isinstance(event, Closed) else self.closed

    def _next(self, step: str) -> int | None:
        """The wave that a step is for which begins now; None where only its hosts tell."""
        if step == "stage":
            return 0
        if step == "revert" and self.about["kind"] != "rollback":
            return None
        open_waves = [wave for wave in self.waves if wave.ended is None]
        return open_waves[0].index if open_waves else None

    def _begin(self, step: str, wave: int | None, at: float) -> None:
        if wave is None or (self.step and (self.step.name, self.step.wave) == (step, wave)):
            return
        self.step = Step(step, wave)
        here = self.wave(wave)
        if here is not None and here.began is None and step in ("activate", "revert"):
            here.began = at

    def _answer(self, event: Answered, at: float) -> None:
        index = 0 if event.step == "stage" else self._wave_of.get(event.host, 0)
        self._begin(event.step, index, at)
        self.words[event.host], self.reasons[event.host] = event.outcome, event.reason
        if event.step == "revert" and event.outcome == outcome.REVERTED:
            self._taken_back.add(event.host)
        else:
            self._taken_back.discard(event.host)
        if self.step is not None:
            self.step.words[event.host] = event.outcome

    def _judge(self, event: Judged, at: float) -> None:
        wave, last = self.wave(event.wave), self.step.name if self.step else ""
        self.verdict, self.step = event, None
        if wave is not None and (event.verdict != outcome.CONTINUE or last in ("confirm", "revert")):
            wave.ended, wave.verdict = at, event.verdict

    def wave(self, index: int) -> Wave | None:
        return next((wave for wave in self.waves if wave.index == index), None)

    def cell(self, wave: Wave, sites: collections.abc.Container[str]) -> Cell:
        """How many hosts of the wave, at these sites, stand where; in the order of ``WORDS``."""
        found = dict.fromkeys(WORDS, 0)
        for host in wave.hosts:
            if self.sites[host] in sites:
                word = self.words[host]
                found[word] = found.get(word, 0) + 1
        return {word: count for word, count in found.items() if count}

    def unwell(self) -> dict[str, str]:
        """Host of a wave → what it stands on, of those that are not where the rollout wants them."""
        return {
            host: word
            for host, word in sorted(self.words.items())
            if word in _LOST or (word == outcome.REVERTED and host not in self._taken_back)
        }

    def baking(self, at: float) -> float:
        """Seconds that are left of the bake behind the wave that ended last; 0 where there is none."""
        ended = [wave for wave in self.waves if wave.ended is not None]
        if not ended or self.closed or self.step or len(ended) == len(self.waves):
            return 0.0
        wave = ended[-1]
        if wave.verdict != outcome.CONTINUE or wave.ended is None:
            return 0.0
        return max(0.0, wave.ended + wave.bake - at)

    def left(self, at: float) -> float | None:
        """Seconds to go, from what the waves of this run took; None while none of them has ended, or one went wrong."""
        took = [wave.ended - wave.began for wave in self.waves if wave.ended is not None and wave.began is not None]
        if not took or self.closed or any(wave.verdict not in ("", outcome.CONTINUE) for wave in self.waves):
            return None
        usual = sum(took) / len(took)
        open_waves = [wave for wave in self.waves if wave.ended is None]
        begun = sum(at - wave.began for wave in open_waves if wave.began is not None)
        bakes = sum(wave.bake for wave in open_waves[:-1])
        return max(0.0, usual * len(open_waves) - begun) + bakes + self.baking(at)
