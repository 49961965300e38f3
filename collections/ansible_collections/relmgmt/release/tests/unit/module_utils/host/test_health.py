# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Healthy is: the service stays up, every required probe stays green for long enough, in time, then the smoke tests."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.astray import Astray
from ansible_collections.relmgmt.release.plugins.module_utils._host.health import Judgement, judge
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Completed, Runner
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Runtime

HEALTH = {"min_healthy_time": 2, "healthy_deadline": 10, "interval": 1}
GREEN, RED, ABSENT = True, False, None


class World(Runner):
    """A simulator of commands and of time. A command's first word picks its script: what it answers, one a time, the
    last one for ever; a number of seconds instead of an answer: it takes so long."""

    def __init__(self, **scripts: t.Sequence[bool | float | None]) -> None:
        super().__init__()
        self.now = 1000.0
        self.waited: list[float] = []
        self.asked: list[tuple[str, float]] = []
        self.users: set[str] = set()
        self._scripts = {name: list(script) for name, script in scripts.items()}

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.waited.append(seconds)
        self.now += seconds

    def run(self, argv: t.Sequence[str], *, timeout: float, user: str = "", **_more: t.Any) -> Completed:
        script = self._scripts[argv[0]]
        answer = script.pop(0) if len(script) > 1 else script[0]
        self.asked.append((argv[0], self.now - 1000))
        self.users.add(user)
        if answer is None:
            return Completed(127, f"{argv[0]} cannot be run")
        if isinstance(answer, bool):
            return Completed(0 if answer else 1, "" if answer else f"{argv[0]} says no")
        self.now += min(answer, timeout)
        return Completed(-9 if answer > timeout else 0, "", timed_out=answer > timeout)


class Service:
    """A simulator of a driver: active for so many questions."""

    def __init__(self, questions: int = 1000) -> None:
        self.left = questions

    def active(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def astray(self) -> list[Astray]:
        return []

    def describe(self) -> str:
        return "app has ended; it said last:\nport 5232 is taken"

    def require_own(self, adopted: t.Collection[str]) -> None:
        raise AssertionError("a judge does not act")

    def start(self) -> None:
        raise AssertionError("a judge does not act")

    stop = remove = reload = start


def judged(
    world: World,
    *,
    probes: t.Sequence[str] = (),
    wanted: t.Sequence[str] = (),
    smoke: t.Sequence[str] = (),
    service: Service | None = None,
    health: t.Mapping[str, float] | None = None,
    **more: t.Any,
) -> Judgement:
    declared = [{"name": name, "kind": "command", "command": [name]} for name in probes]
    declared += [{"name": name, "kind": "command", "command": [name], "level": "wanted"} for name in wanted]
    smokes = [{"name": name, "kind": "command", "command": [name]} for name in smoke]
    runtime = Runtime.from_dict({"probes": declared, "smoke": smokes, "health": health or HEALTH, **more})
    return judge(runtime, driver=service, runner=world, clock=world.clock, wait=world.wait)


def test_nothing_to_ask_is_healthy_at_once() -> None:
    world = World()
    assert judged(world) == Judgement(True, "healthy", (), 0.0)
    assert world.waited == []


def test_green_for_the_whole_time_is_healthy() -> None:
    world = World(web=[GREEN])
    judgement = judged(world, probes=["web"])
    assert (judgement.healthy, judgement.seconds) == (True, 2.0)
    assert world.asked == [("web", 0.0), ("web", 1.0), ("web", 2.0)]


def test_a_slow_start_is_healthy_if_it_comes_in_time() -> None:
    judgement = judged(World(web=[RED] * 8 + [GREEN]), probes=["web"])
    assert (judgement.healthy, judgement.seconds) == (True, 10.0)


def test_a_start_that_cannot_be_in_time_any_more_ends_it() -> None:
    judgement = judged(World(web=[RED] * 9 + [GREEN]), probes=["web"])
    assert (judgement.healthy, judgement.seconds) == (False, 9.0)
    assert judgement.reason == "not healthy within 10 s: all is green now, but too late to stay so for 2 s"


def test_flapping_begins_again_each_time() -> None:
    judgement = judged(World(web=[GREEN, GREEN, RED, GREEN, GREEN, GREEN]), probes=["web"])
    assert (judgement.healthy, judgement.seconds) == (True, 5.0)


def test_flapping_for_ever_is_not_healthy() -> None:
    judgement = judged(World(web=[GREEN, GREEN, RED] * 100), probes=["web"])
    assert not judgement.healthy
    assert judgement.reason.startswith("it flaps: 3 times green and then not; the last time probe web is red: ")
    assert judgement.seconds < 10


def test_a_fall_or_two_on_the_way_up_are_no_flapping() -> None:
    assert judged(World(web=[RED, GREEN, RED, GREEN, RED, *[GREEN] * 100]), probes=["web"]).healthy


def test_probes_that_cannot_be_asked_say_nothing_against_the_release() -> None:
    judgement = judged(World(web=[GREEN], login=[ABSENT]), probes=["web", "login"])
    assert (judgement.healthy, judgement.inconclusive) == (False, True)
    assert "probe login could not be asked: " in judgement.reason


def test_one_that_is_red_says_enough() -> None:
    judgement = judged(World(web=[RED], login=[ABSENT]), probes=["web", "login"])
    assert (judgement.healthy, judgement.inconclusive) == (False, False)


def test_all_required_probes_are_green_together() -> None:
    world = World(one=[GREEN, RED] * 50, two=[RED, GREEN] * 50)
    judgement = judged(world, probes=["one", "two"])
    assert not judgement.healthy
    assert "is red: exit code 1: " in judgement.reason


def test_the_reason_names_the_probe_and_what_it_said() -> None:
    judgement = judged(World(web=[GREEN], login=[RED]), probes=["web", "login"])
    assert judgement.reason == "not healthy within 10 s: probe login is red: exit code 1: login says no"
    assert [(result.name, result.healthy) for result in judgement.results] == [("web", True), ("login", False)]


def test_wanted_probes_only_warn() -> None:
    judgement = judged(World(web=[GREEN], metrics=[RED]), probes=["web"], wanted=["metrics"])
    assert judgement.healthy
    assert judgement.warnings == ("metrics: exit code 1: metrics says no",)
    assert judgement.to_dict()["warnings"] == list(judgement.warnings)


def test_wanted_probes_alone_are_asked_once() -> None:
    world = World(metrics=[RED])
    assert judged(world, wanted=["metrics"]).healthy
    assert world.asked == [("metrics", 0.0)]


def test_a_probe_that_hangs_does_not_hold_beyond_the_deadline() -> None:
    judgement = judged(World(web=[1000.0]), probes=["web"])
    assert (judgement.healthy, judgement.seconds) == (False, 10.0)
    assert "no end within" in judgement.reason


def test_a_service_without_probes_stays_up_for_the_whole_time() -> None:
    world = World()
    assert judged(world, service=Service()).seconds == 2.0
    judgement = judged(world, service=Service(questions=2))
    assert (judgement.healthy, judgement.seconds) == (False, 2.0)


@pytest.mark.parametrize("questions", [0, 1, 2, 3, 4])
def test_a_service_that_ends_ends_it_at_once_with_what_it_said(questions: int) -> None:
    """Before the first probe, between two, after the last one, and by the smoke test."""
    judgement = judged(World(web=[GREEN], caldav=[GREEN]), probes=["web"], smoke=["caldav"], service=Service(questions))
    assert (judgement.healthy, judgement.seconds) == (False, min(questions, 2.0))
    assert judgement.reason == "the service does not stay up: " + Service().describe()


def test_smoke_tests_run_once_after_the_probes() -> None:
    world = World(web=[RED, GREEN], caldav=[GREEN])
    judgement = judged(world, probes=["web"], smoke=["caldav"], service=Service())
    assert judgement.healthy
    assert [name for name, _at in world.asked] == ["web"] * 4 + ["caldav"]
    assert [result.name for result in judgement.results] == ["web", "caldav"]


def test_a_smoke_test_that_fails_is_not_asked_again_nor_are_those_after_it() -> None:
    world = World(web=[GREEN], caldav=[RED], more=[GREEN])
    judgement = judged(world, probes=["web"], smoke=["caldav", "more"])
    assert (judgement.healthy, judgement.reason) == (False, "smoke test caldav failed: exit code 1: caldav says no")
    assert [name for name, _at in world.asked][3:] == ["caldav"]


def test_smoke_tests_do_not_run_where_the_probes_are_red() -> None:
    world = World(web=[RED], caldav=[GREEN])
    assert not judged(world, probes=["web"], smoke=["caldav"]).healthy
    assert "caldav" not in dict(world.asked)


def test_commands_run_as_the_services_user_unless_they_name_one() -> None:
    world = World(web=[GREEN], caldav=[GREEN])
    runtime = Runtime.from_dict(
        {
            "service": {"command": ["radicale"], "user": "radicale"},
            "probes": [{"kind": "command", "command": ["web"]}],
            "smoke": [{"name": "caldav", "command": ["caldav"], "user": "monitor"}],
            "health": HEALTH,
        }
    )
    judge(runtime, driver=Service(), runner=world, clock=world.clock, wait=world.wait)
    assert world.users == {"radicale", "monitor"}


def test_no_interval_does_not_mean_no_pause() -> None:
    world = World(web=[GREEN])
    judged(world, probes=["web"], health={**HEALTH, "interval": 0})
    assert min(world.waited[:-1]) >= 0.05


def test_what_can_never_be_asked_is_said_before_anything_is() -> None:
    world = World(web=[GREEN])
    runtime = Runtime.from_dict({"probes": [{"kind": "command", "command": ["web"]}, {"kind": "icmp"}]})
    with pytest.raises(InputError) as caught:
        judge(runtime, driver=None, runner=world, clock=world.clock, wait=world.wait)
    assert (caught.value.code, world.asked) == ("probe-kind-unknown", [])
