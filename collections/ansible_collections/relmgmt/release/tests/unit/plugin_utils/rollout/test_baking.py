# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, ConflictError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Order, Registry, RolloutRow
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import Bake, Wave, wait

from .fleet import plan

NOON = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)


class Time:
    """A clock that goes on when somebody sleeps, and what was said and looked at meanwhile."""

    def __init__(self, why: t.Callable[[float], str] = lambda now: "") -> None:
        self.now = 1000.0
        self.said: list[float] = []
        self.looked: list[float] = []
        self._why = why

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def look(self) -> str:
        self.looked.append(self.now - 1000)
        return self._why(self.now - 1000)

    def wait(self, seconds: float) -> str:
        return wait(seconds, look=self.look, say=self.said.append, clock=lambda: self.now, sleep=self.sleep)


def test_it_waits_as_long_as_it_was_told_and_says_so_every_minute() -> None:
    time = Time()
    assert time.wait(150) == ""
    assert time.now == 1150
    assert time.said == [150, 90, 30]
    assert max(after - before for before, after in zip(time.looked, time.looked[1:], strict=False)) <= 10


@pytest.mark.parametrize("seconds", [0, 0.5, 7])
def test_what_is_short_is_looked_at_too(seconds: float) -> None:
    time = Time()
    assert time.wait(seconds) == ""
    assert time.now == 1000 + seconds
    assert time.looked[-1] == seconds, "an order that was given at the end is not missed"


def test_it_ends_within_seconds_when_there_is_a_reason_to() -> None:
    time = Time(lambda now: "ann asks" if now >= 25 else "")
    assert time.wait(3600) == "ann asks"
    assert time.now <= 1035


class World:
    """A registry with a rollout that has begun, whose first wave bakes for ten minutes."""

    def __init__(self, path: pathlib.Path) -> None:
        self.now, self.there = NOON, True
        self._path = str(path / "registry.db")
        wave = Wave(1, "canary", ("a",), bake=600.0)
        self.plan = dataclasses.replace(plan({"a": "deploy"}, waves=(wave,)), id="r1")
        with self.open() as registry:
            scope = (self.plan.package, self.plan.environment, self.plan.instance)
            self.lease = registry.acquire(*scope, Holder.run(), ttl=900)
            about = {name: getattr(self.plan, name) for name in ("id", "kind", "package", "version", "digest")}
            row = RolloutRow(**about, environment="prod", instance="main", strategy="canary", plan={}, token=1)
            registry.begin_rollout(row)
        self.bake = Bake(self.plan, wave, self.open, {"registry": self.lease.registry, "token": self.lease.token})

    def open(self) -> Registry:
        if not self.there:
            raise BackendError("registry-failed", "the database is away")
        return Registry.open(self._path, clock=lambda: self.now)

    def later(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)

    def confirm(self) -> None:
        with self.open() as registry:
            registry.record_wave("r1", 1, name="canary", hosts=["a"], verdict="continue")

    def order(self, kind: str) -> None:
        with self.open() as registry:
            registry.give_order("r1", Order(kind, "ann", "ticket 7"))


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize(("passed", "left"), [(0, 600), (100, 500), (600, 0), (9000, 0), (-50, 600)])
def test_a_run_that_is_started_again_waits_for_the_rest(world: World, passed: float, left: float) -> None:
    world.confirm()
    world.later(passed)
    assert world.bake.left(world.now) == left, "never longer than it was meant, whatever the clocks say"


def test_where_nobody_knows_when_it_was_confirmed_it_waits_for_all_of_it(world: World) -> None:
    assert (world.bake.left(world.now), world.bake.warning) == (600, "")
    world.confirm()
    world.later(100)
    world.there = False
    assert world.bake.left(world.now) == 600
    assert "the database is away" in world.bake.warning


def test_the_lease_is_kept_for_as_long_as_it_bakes(world: World) -> None:
    other = Holder("elsewhere", "", 1, "")
    scope = (world.plan.package, world.plan.environment, world.plan.instance)
    for _minute in range(60):
        assert world.bake.look() == ""
        world.later(60)
    with world.open() as registry, pytest.raises(ConflictError):
        registry.acquire(*scope, other, ttl=900)
    with world.open() as registry:
        registry.release(world.lease)
        registry.acquire(*scope, other, ttl=900)
    assert "was taken over" in world.bake.look()


def test_the_newest_order_counts(world: World) -> None:
    world.order("pause")
    assert world.bake.look() == "ann asks to pause the rollout: ticket 7"
    world.order("resume")
    assert world.bake.look() == ""
    world.order("revert")
    assert world.bake.look().startswith("ann asks to revert the rollout")


def test_a_registry_that_is_away_does_not_end_it_and_is_told(world: World) -> None:
    world.order("pause")
    world.there = False
    assert world.bake.look() == ""
    assert "the database is away" in world.bake.warning
