# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short scenarios: what a host was before, and what is done with it while it is struck."""

from __future__ import annotations

import typing as t

from .explore import Act
from .play import Play
from .strikes import Strike
from .world import GOOD, REFUSES, SICK

__all__ = ["SCENARIOS", "Scenario"]


class Scenario(t.NamedTuple):
    """``before`` makes the host. ``nightly``: too much like another one for every day."""

    before: t.Callable[[], Play]
    act: Act
    nightly: bool = False


def _absent(kind: str, **how: bool) -> Play:
    play = Play(**how)
    play.stage(kind)
    return play


def _final(count: int, *turned: str, **how: bool) -> Play:
    """Deployments that were confirmed one after the other, then turned bad."""
    play = Play(**how)
    for number in range(1, count + 1):
        play.activate(play.stage(version=str(number)))
        play.confirm()
    for deployment, kind in enumerate(turned, start=1):
        play.turns(deployment, kind)
    return play


def _staged(kind: str, **how: bool) -> Play:
    play = _final(1, **how)
    play.stage(kind)
    return play


def _provisional(before: int = 1, **how: bool) -> Play:
    play = _final(before, **how)
    play.activate(play.stage())
    play.world.now += 10
    return play


def _chain(kind: str) -> Play:
    """A third deployment is there while the second one is provisional."""
    play = _provisional()
    play.stage(kind)
    return play


def _again() -> Play:
    """What was adopted was given back once, and is to go a second time."""
    play = _final(1, adopted=True)
    play.revert()
    play.stage()
    return play


def _accompanied(kind: str = GOOD, *, confirming: bool = False, **how: bool) -> Play:
    """What is coming would re-seal the two that are held."""
    play = _final(2, **how)
    play.stage(kind, accompanied=True)
    if confirming:
        play.activate(3)
    return play


def _resealed() -> Play:
    play = _accompanied(confirming=True)
    play.confirm()
    return play


def _booting(kind: str = GOOD, **how: bool) -> Play:
    play = _final(1, **how)
    play.stage(kind, boots=True)
    return play


def _booted(*turned: str, confirmed: bool = False) -> Play:
    """What stands took effect by a boot."""
    play = _booting()
    play.activate(2)
    if confirmed:
        play.confirm()
    for deployment, kind in enumerate(turned, start=1):
        play.turns(deployment, kind)
    return play


def _adopted_boot() -> Play:
    play = Play(adopted=True)
    play.stage(SICK, boots=True)
    return play


def _frozen(play: Play) -> Play:
    """Nothing leads behind the newest deployment any more."""
    play.freeze(max(play.world.kinds))
    return play


def _frozen_onward(kind: str) -> Play:
    """A third deployment is there while the second one is sick, and has no way back."""
    play = _frozen(_staged(kind))
    _activate(play)
    play.stage(kind)
    return play


def _dead() -> Play:
    play = _final(1)
    play.service_dies()
    return play


def _activate(play: Play, *strikes: Strike) -> None:
    play.activate(max(play.world.kinds), *strikes)


def _keep(play: Play, *strikes: Strike) -> None:
    play.activate(play.model.stand.current, *strikes)


def _freeze(play: Play, *strikes: Strike) -> None:
    play.freeze(max(play.world.kinds), *strikes)


def _roll_back(play: Play, *strikes: Strike) -> None:
    play.revert_to("1", *strikes)


def _roll_back_to_number(play: Play, *strikes: Strike) -> None:
    play.revert_to_number(1, *strikes)


SCENARIOS = {
    "first": Scenario(lambda: _absent(GOOD), _activate),
    "first-sick": Scenario(lambda: _absent(SICK), _activate),
    "first-confirm": Scenario(lambda: _provisional(0), Play.confirm, nightly=True),
    "upgrade": Scenario(lambda: _staged(GOOD), _activate),
    "upgrade-sick": Scenario(lambda: _staged(SICK), _activate),
    "upgrade-refuses": Scenario(lambda: _staged(REFUSES, traffic=False), _activate, nightly=True),
    "upgrade-alone": Scenario(lambda: _staged(SICK, units=False), _activate),
    "reload": Scenario(lambda: _staged(GOOD, reloads=True), _activate),
    "reload-sick": Scenario(lambda: _staged(SICK, reloads=True), _activate),
    "reload-refuses": Scenario(lambda: _staged(REFUSES, reloads=True, traffic=False), _activate),
    "reload-expire": Scenario(lambda: _provisional(reloads=True), Play.time_passes, nightly=True),
    "confirm": Scenario(_provisional, Play.confirm),
    "confirm-quietly": Scenario(lambda: _provisional(traffic=False), Play.confirm),
    "hold": Scenario(_provisional, Play.hold),
    "revert": Scenario(_provisional, Play.revert),
    "expire": Scenario(_provisional, Play.time_passes, nightly=True),
    "dark": Scenario(_provisional, Play.power_fails),
    "over-provisional": Scenario(lambda: _chain(SICK), _activate),
    "rollback": Scenario(lambda: _final(2, traffic=False), Play.revert, nightly=True),
    "rollback-to": Scenario(lambda: _final(3), _roll_back),
    "rollback-to-number": Scenario(lambda: _final(3), _roll_back_to_number, nightly=True),
    "rollback-to-sick": Scenario(lambda: _final(2, SICK), Play.revert),
    "all-sick": Scenario(lambda: _final(2, SICK, REFUSES), Play.revert, nightly=True),
    "boot": Scenario(_booting, _activate),
    "boot-sick": Scenario(lambda: _booting(SICK), _activate),
    "boot-quietly": Scenario(lambda: _booting(traffic=False), _activate, nightly=True),
    "boot-expire": Scenario(_booted, Play.time_passes),
    "boot-dark": Scenario(_booted, Play.power_fails),
    "boot-revert": Scenario(lambda: _booted(confirmed=True), Play.revert),
    "boot-revert-to-sick": Scenario(lambda: _booted(SICK, confirmed=True), Play.revert, nightly=True),
    "keep": Scenario(_dead, _keep),
    "keep-provisional": Scenario(_provisional, _keep),
    "adopted": Scenario(lambda: _absent(GOOD, adopted=True), _activate),
    "adopted-sick": Scenario(lambda: _absent(SICK, adopted=True), _activate),
    "adopted-refuses": Scenario(lambda: _absent(REFUSES, adopted=True, traffic=False), _activate, nightly=True),
    "adopted-alone": Scenario(lambda: _absent(SICK, adopted=True, units=False), _activate, nightly=True),
    "adopted-confirm": Scenario(lambda: _provisional(0, adopted=True), Play.confirm, nightly=True),
    "adopted-revert": Scenario(lambda: _provisional(0, adopted=True), Play.revert),
    "adopted-expire": Scenario(lambda: _provisional(0, adopted=True), Play.time_passes, nightly=True),
    "adopted-dark": Scenario(lambda: _provisional(0, adopted=True), Play.power_fails),
    "adopted-rollback": Scenario(lambda: _final(1, adopted=True), Play.revert, nightly=True),
    "adopted-again": Scenario(_again, _activate, nightly=True),
    "adopted-upgrade": Scenario(lambda: _staged(SICK, adopted=True), _activate, nightly=True),
    "adopted-boot": Scenario(_adopted_boot, _activate, nightly=True),
    "replaces": Scenario(lambda: _absent(GOOD, replaces=True), _activate),
    "replaces-sick": Scenario(lambda: _absent(SICK, replaces=True), _activate),
    "replaces-alone": Scenario(lambda: _absent(SICK, replaces=True, units=False), _activate, nightly=True),
    "replaces-confirm": Scenario(lambda: _provisional(0, replaces=True), Play.confirm, nightly=True),
    "replaces-revert": Scenario(lambda: _provisional(0, replaces=True), Play.revert, nightly=True),
    "replaces-expire": Scenario(lambda: _provisional(0, replaces=True), Play.time_passes, nightly=True),
    "replaces-dark": Scenario(lambda: _provisional(0, replaces=True), Play.power_fails, nightly=True),
    "replaces-rollback": Scenario(lambda: _final(1, replaces=True), Play.revert, nightly=True),
    "replaces-upgrade": Scenario(lambda: _staged(SICK, replaces=True), _activate, nightly=True),
    "reseal": Scenario(lambda: _accompanied(confirming=True), Play.confirm),
    "reseal-quietly": Scenario(lambda: _accompanied(confirming=True, traffic=False), Play.confirm, nightly=True),
    "reseal-alone": Scenario(lambda: _accompanied(confirming=True, units=False), Play.confirm, nightly=True),
    "reseal-sick": Scenario(lambda: _accompanied(SICK), _activate),
    "reseal-revert": Scenario(lambda: _accompanied(confirming=True), Play.revert, nightly=True),
    "reseal-dark": Scenario(lambda: _accompanied(confirming=True), Play.power_fails, nightly=True),
    "resealed-revert": Scenario(_resealed, Play.revert, nightly=True),
    "resealed-frozen": Scenario(lambda: _frozen(_accompanied(confirming=True)), Play.time_passes, nightly=True),
    "freeze": Scenario(lambda: _staged(GOOD), _freeze),
    "frozen-upgrade": Scenario(lambda: _frozen(_staged(GOOD)), _activate),
    "frozen-upgrade-sick": Scenario(lambda: _frozen(_staged(SICK)), _activate),
    "frozen-upgrade-alone": Scenario(lambda: _frozen(_staged(GOOD, units=False)), _activate),
    "frozen-expire": Scenario(lambda: _frozen(_provisional()), Play.time_passes),
    "frozen-dark": Scenario(lambda: _frozen(_provisional()), Play.power_fails),
    "frozen-onward": Scenario(lambda: _frozen_onward(SICK), _activate),
}
