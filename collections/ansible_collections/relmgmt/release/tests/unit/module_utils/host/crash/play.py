# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verbs on the simulated host, struck where somebody chooses, and what must hold when the host was left alone."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.relmgmt.release.plugins.module_utils._host.companions import (
    Companions,
    companion_name,
    split_name,
)
from ansible_collections.relmgmt.release.plugins.module_utils._host.freezing import freeze
from ansible_collections.relmgmt.release.plugins.module_utils._host.journal import History
from ansible_collections.relmgmt.release.plugins.module_utils._host.switch import Switching
from ansible_collections.relmgmt.release.plugins.module_utils._host.traffic_readiness import READY
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import ConflictError

from .model import Model, Stand
from .strikes import Broken, Strike
from .world import CONFIRM_TIMEOUT, GOOD, World

__all__ = ["Play"]

Answer = t.Dict[str, t.Any]
Verb = t.Callable[[Switching], Answer]
_REFUSED = "refused"
_SETTLING = 3.0  # seconds that the guard may wait until the host is at rest


class Play:
    """One instance from its first deployment on.

    Each verb takes strikes: the first hits it, the others its recovery. After the last one that hits, the host is left
    alone, and then judged.
    """

    def __init__(
        self,
        *,
        units: bool = True,
        traffic: bool = True,
        reloads: bool = False,
        adopted: bool = False,
        replaces: bool = False,
    ) -> None:
        self.world = World(units=units, traffic=traffic, reloads=reloads, adopted=adopted, replaces=replaces)
        self.model = Model(self._healthy)
        self._boot = self.world.boot
        self._down = False  # the service of a final deployment ended, and nobody was to start it
        self._freezing = 0  # where the host may be frozen already

    def copy(self) -> Play:
        other = Play()
        other.world, other._boot, other._down = self.world.copy(), self._boot, self._down
        other._freezing, other.model.frozen = self._freezing, self.model.frozen
        other.model.stand, other.model.over = self.model.stand, set(self.model.over)
        other.model.origin = dict(self.model.origin)
        return other

    @property
    def history(self) -> History:
        return self.world.look_at(lambda instance: instance.history())

    def _healthy(self, deployment: int) -> bool:
        return not deployment or self.world.kinds[deployment] == GOOD

    # --- verbs ---

    def stage(
        self,
        kind: str = GOOD,
        version: str = "1",
        *strikes: Strike,
        boots: bool = False,
        accompanied: bool = False,
    ) -> int:
        """accompanied: everything that was ever confirmed has a companion."""
        number = max(self.world.kinds, default=0) + 1
        companions = sorted(self.model.stand.proven) if accompanied else []
        self.world.put(number, kind, version, boots=boots, companions=companions)
        self.world.expect(strikes)
        if self.world.attempt(lambda: self.world.stage(number)) is None:
            self._rest({self.model.stand})
        self.world.calm()
        return number

    def activate(self, deployment: int, *strikes: Strike) -> None:
        """What is provisional and of another deployment is left first: the way back leads to what was confirmed."""
        stood = self.model.stand
        if deployment != stood.current and self.model.barred(deployment):
            return self._refused(lambda switching: switching.activate(deployment, check=False), strikes)
        if stood.provisional and stood.current != deployment:
            if stood.current in self.world.boots:  # to leave it takes a boot, and that ends the verb
                self._ask(
                    lambda switching: switching.activate(deployment, check=False), self.model.left(), {stood}, strikes
                )
                return
            self.model.stand = self.model.left()
        stand, expected = self.model.stand, self.model.activated(deployment)
        others = {stood, stand, self.model.left()}
        if deployment != stand.current:
            self.model.origin[deployment] = stand.current
            self.model.over.discard(deployment)
            others = {stood, stand, self.model.gone_back(deployment, stand.current)}
        fresh = deployment if deployment != stand.current and deployment in self.world.boots else 0
        answer = self._ask(
            lambda switching: switching.activate(deployment, check=False), expected, others, strikes, fresh
        )
        kept = deployment == stand.current and not stand.provisional
        self._told(answer, expected, deployment, "confirmed" if kept else "provisional", stand.current)
        return None

    def confirm(self, *strikes: Strike) -> None:
        stand, deployment = self.model.stand, self.model.stand.current
        expected = self.model.confirmed(healthy=self.world.answers())
        others = {stand, self.model.left()} if stand.provisional else {stand}
        answer = self._ask(lambda switching: switching.confirm(deployment, check=False), expected, others, strikes)
        if deployment:
            self._told(answer, expected, deployment, "confirmed", self.model.origin[deployment])

    def revert(self, *strikes: Strike) -> None:
        """Leave what stands for the one before it."""
        self._revert(self.model.previous(), {"deployment": self.model.stand.current}, strikes)

    def revert_to(self, version: str, *strikes: Strike) -> None:
        """Leave what stands for the newest proven deployment of the version."""
        target = max(number for number in self.model.stand.proven if self.world.versions[number] == version)
        self._revert(target, {"version": version}, strikes)

    def revert_to_number(self, target: int, *strikes: Strike) -> None:
        """Leave what stands for a proven deployment."""
        self._revert(target, {"to": target}, strikes)

    def _revert(self, target: int, how: dict[str, t.Any], strikes: t.Sequence[Strike]) -> None:
        stand = self.model.stand
        keeps = target == stand.current

        def ask(switching: Switching) -> Answer:
            return switching.revert(**how, reason="", check=False)

        if not keeps and self.model.barred(target):
            return self._refused(ask, strikes)
        expected = self.model.kept() if keeps else self.model.gone_back(stand.current, target)
        answer = self._ask(ask, expected, {stand}, strikes)
        self._told(answer, expected, stand.current if keeps else -1, "confirmed", target)
        return None

    def freeze(self, deployment: int, *strikes: Strike) -> None:
        """From now on, nothing leads behind the deployment."""
        stand, self._freezing = self.model.stand, max(self.model.frozen, deployment)

        def ask(_switching: Switching) -> Answer:
            return freeze(self.world.instance(), deployment, reason="a point of no return", check=False)

        if stand.provisional and stand.current != deployment:
            self._refused(ask, strikes, code="deployment-not-final")
        elif self._ask(ask, stand, set(), strikes) is not None:
            self._require(self.model.frozen == self._freezing, "it was answered that it is frozen")
        self._freezing = self.model.frozen

    def _refused(self, verb: Verb, strikes: t.Sequence[Strike], *, code: str = "point-of-no-return") -> None:
        """The verb must not do anything, and say so."""

        def ask(switching: Switching) -> Answer:
            try:
                return verb(switching)
            except ConflictError as exc:
                return {"outcome": _REFUSED if exc.code == code else exc.code}

        answer = self._ask(ask, self.model.stand, set(), strikes)
        self._require(answer is None or answer["outcome"] == _REFUSED, "it was not refused: {}", answer)

    def hold(self, *strikes: Strike) -> None:
        """Contact: what is provisional may stay so for longer."""
        stand = self.model.stand

        def ask(switching: Switching) -> Answer:
            return switching.hold(stand.current, seconds=CONFIRM_TIMEOUT, reason="contact", check=False)

        self._ask(ask, stand, set(), strikes)

    def _told(self, answer: Answer | None, expected: Stand, stays: int, outcome: str, back: int) -> None:
        """The answer must be true: ``outcome`` where it is to stand on ``stays``, else that it went ``back``, or
        neither."""
        if answer is not None:
            if expected.current == stays and not expected.sick:
                wanted = outcome
            else:
                wanted = "reverted" if expected.current == back and not expected.sick else "failed"
            self._require(answer["outcome"] == wanted, "the answer was {}, not {}", answer["outcome"], wanted)

    # --- what happens by itself ---

    def power_fails(self, *strikes: Strike, loss: t.Sequence[int] = ()) -> None:
        """While nothing is done."""
        self.world.expect(strikes)
        self.world.fail(loss)
        self._rest({self.model.stand})

    def time_passes(self, *strikes: Strike) -> None:
        """Until what is provisional should have been confirmed."""
        self.world.now += 2 * CONFIRM_TIMEOUT
        self.model.over |= set(self.world.kinds)
        self._left_alone(strikes)

    def service_dies(self, *strikes: Strike) -> None:
        self.world.running = 0
        self._changed(strikes)

    def turns(self, deployment: int, kind: str, *strikes: Strike) -> None:
        """Something outside of the host makes a deployment good or bad."""
        self.world.running = self.world.running if self.world.alive() else 0
        self.world.kinds[deployment] = kind
        self._changed(strikes)

    def _changed(self, strikes: t.Sequence[Strike]) -> None:
        self._down = not self.world.alive()
        possible = {self.model.stand}
        if self.model.stand.provisional and not self.world.answers():
            possible = {self.model.left(), *(() if self.world.units else possible)}
        self._left_alone(strikes, *possible)

    def _left_alone(self, strikes: t.Sequence[Strike], *possible: Stand) -> None:
        self.world.expect(strikes)
        self._rest(set(possible) or {self.model.stand})

    # --- what must hold ---

    def _ask(
        self, verb: Verb, expected: Stand, others: set[Stand], strikes: t.Sequence[Strike], fresh: int = 0
    ) -> Answer | None:
        """Ask as the front door does; the answer, None if nobody got one that says what came of it. fresh: what is to
        become current by a boot."""

        def ask() -> Answer:
            switching = self.world.switching()
            switching.recover()
            return verb(switching)

        self.world.expect(strikes)
        answer = self.world.attempt(ask)
        if answer is not None and "awaits" not in answer[0]:
            self.world.calm()
            self._learn()
            self._judge({expected})
            return answer[0]
        self._rest({expected, *others}, fresh)
        if not self.world.hits:
            self._require(self.model.stand == expected, "it stands as {}, not as {}", self.model.stand, expected)
        return None

    def _rest(self, possible: set[Stand], fresh: int = 0) -> None:
        """Leave the host alone, which stands as one of those, but for the strikes to come."""
        world = self.world
        while True:
            self._boot_up()
            beyond = _beyond(self.history)
            guard = world.guarded and not (world.hits and world.hits[-1].verb)
            if world.attempt(self._guard if guard else self._recover) is not None:
                break
            world.guarded = world.guarded and (world.armed or not guard)
        world.calm()
        while world.guarded and world.attempt(self._guard) is None:
            self._boot_up()
        if world.boot != self._boot:  # what was provisional in another boot is over
            self._boot, self._down = world.boot, False
            self.model.over |= set(world.kinds)
            deadline = self.history.deadline
            if deadline is not None and deadline.boot == world.boot_id():
                self.model.over.discard(fresh)
        self._learn()
        self._require(not beyond or _beyond(self.history), "it went behind the point of no return")
        self._judge({end for stand in possible for end in self.model.alone(stand, guarded=world.units)})

    def _boot_up(self) -> None:
        """Start the host, if it is off. What was not judged, or not confirmed, must not run then."""
        world = self.world
        if world.off:
            history, never = self.history, 0
            if history.unfinished is None:
                never = history.current if history.provisional and not history.no_return else 0
            elif (
                history.unfinished.verb == "activate"
                and history.unfinished.origin >= history.frozen
                and (history.reboot is None or history.reboot.came)
            ):
                never = history.unfinished.target
            beyond = _beyond(history)
            if world.start():
                self._require(not never or world.running != never, "deployment {} ran unjudged after the boot", never)
                behind = beyond and 0 < world.running < history.frozen
                self._require(not behind, "deployment {} ran behind the point of no return", world.running)

    def _guard(self) -> None:
        self.world.watch(_SETTLING)

    def _recover(self) -> None:
        """What the next verb does first."""
        with contextlib.suppress(ConflictError):  # it waits for a boot
            self.world.switching().recover()

    def _learn(self) -> None:
        """Whether it is frozen where it was to be."""
        frozen = self.history.frozen
        self._require(frozen in (self.model.frozen, self._freezing), "it is frozen at {}", frozen)
        self.model.frozen = frozen

    def _judge(self, possible: set[Stand]) -> None:
        world, history = self.world, self.history
        stand = Stand(history.current, history.provisional, history.sick, frozenset(history.proven))
        self._require(stand in possible, "it stands as {}, not as one of {}", stand, sorted(possible))
        self.model.stand = stand
        current = stand.current
        self._require(world.staged <= set(history.staged), "only {} are known to be here", sorted(history.staged))
        world.staged = set(history.staged)
        self._require(history.unfinished is None, "the journal says that a switch is not finished")
        self._require(world.link() == current, "current names {}, the journal {}", world.link(), current)
        self._require(world.running in (0, current), "{} runs, not {}", world.running, current)
        self._down = self._down and not world.alive()
        if not stand.sick and self._healthy(current) and not self._down:
            self._require(world.running == current, "deployment {} does not run", current)
        legacy = world.legacy
        if legacy is not None and current:
            self._require(legacy.aside() and not legacy.running, "what ran before is in the way")
        elif legacy is not None:
            self._require(legacy.whole(), "what ran before was not given back as it was")
            self._require(legacy.running, "what ran before does not run")
        found = world.readiness()
        serves = world.traffic and history.serves and (world.alive() or found is not None)
        self._require(found == (READY if serves else None), "the readiness file holds {}; {}", found, stand)
        if not stand.provisional and not stand.sick and world.alive():
            self._require(history.settled, "the journal says that something is in flight")
        if world.units and not stand.sick:
            self._require(history.settled or world.guarded, "nobody sees to the way back: {}", stand)
        self._judge_seals(history)
        again = world.copy()
        again.attempt(lambda: again.switching().recover())
        same = again.system.tree() == world.system.tree()
        self._require(same, "recovery did something where there was nothing to do")

    def _judge_seals(self, history: History) -> None:
        """Each deployment is as it was sealed, or as the newest one that was confirmed re-sealed it, and whole."""
        metas = self.world.look_at(lambda instance: {number: instance.meta(number) for number in history.staged})
        for number in sorted(history.staged):
            by = [coming for coming in history.proven if number in self.world.companions.get(coming, ())]
            wanted = f"sha256:{companion_name(number, max(by)) if by else number}"
            sealed = metas[number]["profile"]
            self._require(sealed == wanted, "deployment {} is sealed as {}, not as {}", number, sealed, wanted)
            known = history.staged[number]["profile"]
            self._require(known == wanted, "the journal has deployment {} as {}, not as {}", number, known, wanted)
        left = self.world.look_at(lambda instance: Companions(instance).names())
        settled = [name for name in left if (split_name(name) or (0, 0))[1] in history.proven]
        self._require(not settled, "{} are left", settled)

    def _require(self, holds: bool, what: str, *about: object) -> None:
        if not holds:
            raise Broken("; ".join([what.format(*about), "struck by", *map(str, self.world.hits)]))


def _beyond(history: History) -> bool:
    """Whether the instance is at the point of no return, or on its way to it."""
    switch = history.unfinished
    stands = history.current if switch is None else switch.target
    return bool(history.frozen) and stands >= history.frozen
