# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After a point of no return nothing leads behind it: what would go back goes forward, and says so loudly."""

from __future__ import annotations

import dataclasses
import pathlib
import syslog
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import alarm
from ansible_collections.relmgmt.release.plugins.module_utils._host.capsule import Capsule
from ansible_collections.relmgmt.release.plugins.module_utils._host.guard import boot
from ansible_collections.relmgmt.release.plugins.module_utils._host.health import Judgement
from ansible_collections.relmgmt.release.plugins.module_utils._host.running import Running
from ansible_collections.relmgmt.release.plugins.module_utils._host.serving import Serving
from ansible_collections.relmgmt.release.plugins.module_utils._host.switch import Switching
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, RelmgmtError

from .engine import Package
from .person import Person
from .test_guard import Guarded

ONE, TWO, THREE = Package("1.0.0"), Package("2.0.0"), Package("3.0.0")
WHY = "version 2 drops a table"
TRAFFIC = {"driver": "readiness_file", "drain_time": 0.1}


class Frozen(Guarded):
    """A host on which version 1 runs, and that is frozen at version 2. ``alerts``: what was said aloud."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__(root)
        self.alerts: list[str] = []

    def two(self, *, freeze: bool = True, **about: t.Any) -> int:
        self.deploy(ONE)
        number = int(self.stage(TWO, **about)["deployment"])
        if freeze:
            assert self.freeze(number)["outcome"] == "frozen"
        return number

    def freeze(self, deployment: int, **how: t.Any) -> dict[str, t.Any]:
        return self.ask("freeze", **{"deployment": deployment, "reason": WHY, "state": "present", **how})

    def activate(self, deployment: int, **how: t.Any) -> dict[str, t.Any]:
        return self.ask("activate", deployment=deployment, confirm_timeout=100, **how)

    def interrupted(self, deployment: int) -> None:
        """Somebody was killed while the deployment was activated."""
        now = self.instance.history().current
        self.instance.journal.write("switch", **{"from": now, "to": deployment, "verb": "activate"})

    def refused(self, verb: str, **how: t.Any) -> RelmgmtError:
        with pytest.raises(RelmgmtError) as caught:
            self.ask(verb, **how)
        return caught.value

    @property
    def stands(self) -> tuple[int, str]:
        history = self.instance.history()
        assert self.instance.disk.target("current") == f"deployments/{history.current}"
        return history.current, history.state


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Frozen]:
    made = Frozen(tmp_path / "root")
    module = "ansible_collections.relmgmt.release.plugins.module_utils._host.guard"
    monkeypatch.setattr(module + ".alert", made.alerts.append)
    yield made
    made.stop()


def test_what_is_not_healthy_stays_and_says_why(host: Frozen) -> None:
    two = host.two(status=500)
    answer = host.activate(two)
    assert answer["outcome"] == "failed"
    assert "there is no way back" in answer["reason"] and WHY in answer["reason"]
    assert [probe["healthy"] for probe in answer["probes"]] == [False]
    assert host.stands == (two, "failed")
    assert (host.last["event"], host.last["stands"]) == ("failed", two)


def test_what_stayed_is_final_and_in_traffic_as_soon_as_it_is_healthy(host: Frozen) -> None:
    two = host.two(status=500, traffic=TRAFFIC)
    host.activate(two)
    assert host.guard.look()
    assert host.stands == (two, "failed")
    assert host.ask("info")["release"]["traffic"] == "out"
    host.sicken(two, 200)
    host.ask_driver(two)
    host.guard.watch()
    assert host.stands == (two, "confirmed")
    assert host.ask("info")["release"]["traffic"] == "in"


def test_the_same_rollout_once_more_finishes_what_stayed(host: Frozen) -> None:
    two = host.two(status=500)
    host.activate(two)
    again = host.stage(TWO, status=500)
    assert (again["outcome"], again["deployment"], again["changed"]) == ("staged", two, False)
    assert host.activate(two)["outcome"] == "failed"
    host.sicken(two, 200)
    host.ask_driver(two)
    assert host.activate(two)["outcome"] == "confirmed"
    assert host.stands == (two, "confirmed")


def test_what_stayed_and_cannot_be_asked_is_not_taken_for_healthy(
    host: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = host.two(status=500)
    host.activate(two)
    judge = Running.judge

    def unasked(running: Running, deployment: int) -> Judgement:
        return dataclasses.replace(judge(running, deployment), healthy=False, inconclusive=True)

    monkeypatch.setattr(Running, "judge", unasked)
    assert host.activate(two)["outcome"] == "failed"
    assert host.stands == (two, "failed")


def test_what_is_healthy_and_not_confirmed_in_time_becomes_final_aloud(host: Frozen) -> None:
    two = host.two(traffic=TRAFFIC)
    assert host.activate(two)["outcome"] == "provisional"
    assert host.guard.look()
    assert host.stands == (two, "provisional")
    assert host.ask("info")["release"]["seconds_left"] is None
    host.hours.skipped = 101
    host.guard.watch()
    assert host.stands == (two, "confirmed")
    confirmed = [event for event in host.instance.journal.events() if event["event"] == "confirmed"][-1]
    assert "not confirmed in time; there is no way back" in confirmed["reason"]
    assert host.ask("info")["release"]["traffic"] == "in"
    assert [WHY in text and f"deployment {two} stays" in text for text in host.alerts] == [True]


def test_what_turns_red_stays_aloud_and_is_brought_up(host: Frozen) -> None:
    two = host.two()
    host.activate(two)
    host.ask_driver(two)
    host.sicken(two, 500)
    guard = host.guard
    assert guard.look()
    assert host.stands == (two, "failed")
    assert len(host.alerts) == 1
    host.sicken(two, 200)
    host.ask_driver(two)
    guard.watch()
    assert host.stands == (two, "confirmed")
    assert len(host.alerts) == 1


def test_confirming_what_is_not_healthy_any_more_does_not_go_back(host: Frozen) -> None:
    two = host.two()
    host.activate(two)
    host.ask_driver(two)
    host.sicken(two, 500)
    assert host.ask("confirm", deployment=two)["outcome"] == "failed"
    assert host.stands == (two, "failed")
    assert host.ask("confirm", deployment=two)["outcome"] == "failed"


def test_a_confirmation_is_final_as_ever_and_needs_no_alarm(host: Frozen) -> None:
    two = host.two()
    host.activate(two)
    assert host.ask("confirm", deployment=two)["outcome"] == "confirmed"
    host.guard.watch()
    assert host.stands == (two, "confirmed")
    assert host.alerts == []


def test_a_debt_to_traffic_is_paid_without_alarm(host: Frozen) -> None:
    two = host.two(traffic=TRAFFIC)
    host.activate(two)
    host.instance.journal.write("confirmed", deployment=two, serve=True)
    host.guard.watch()
    assert host.ask("info")["release"]["traffic"] == "in"
    assert host.alerts == []


def test_an_activation_that_was_killed_goes_forward_aloud(host: Frozen) -> None:
    two = host.two()
    host.interrupted(two)
    assert host.guard.look() == 0.0
    assert host.stands == (two, "confirmed")
    assert host.says == "2.0.0"
    assert len(host.alerts) == 1
    assert host.activate(two)["outcome"] == "confirmed"


def test_an_activation_that_was_killed_and_is_sick_stays(host: Frozen) -> None:
    two = host.two(status=500)
    host.interrupted(two)
    Switching(host.instance, host.tools).recover()
    assert host.stands == (two, "failed")


def test_a_boot_leaves_what_has_no_way_back(host: Frozen) -> None:
    two = host.two()
    host.activate(two)
    host.ask_driver(two)
    host.boots.boot = "second"
    boot(host.instance, host.tools)
    assert host.stands == (two, "provisional")
    host.guard.watch()
    assert host.stands == (two, "confirmed")
    assert host.says == "2.0.0"


def test_a_boot_in_the_midst_of_an_activation_goes_on_with_it(host: Frozen) -> None:
    two = host.two()
    host.interrupted(two)
    host.ask_driver(two)
    host.boots.boot = "second"
    boot(host.instance, host.tools)
    assert host.instance.disk.target("current") == f"deployments/{two}"
    host.guard.look()
    assert host.stands == (two, "confirmed")


def test_a_host_that_cannot_leave_traffic_goes_forward_all_the_same(
    host: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = host.two()

    def refuse(*_args: object) -> None:
        raise BackendError("traffic", "the disk is full")

    monkeypatch.setattr(Serving, "drain", refuse)
    assert host.activate(two)["outcome"] == "provisional"


def test_nobody_reverts_it(host: Frozen) -> None:
    two = host.two()
    host.activate(two)
    for status in ("provisional", "confirmed"):
        for how in ({"deployment": two}, {"version": "1.0.0"}):
            for check in (True, False):
                error = host.refused("revert", check=check, **how)
                assert (error.code, WHY in str(error), "thaw" in error.hint) == ("point-of-no-return", True, True)
        assert host.stands == (two, status)
        host.ask("confirm", deployment=two)


def test_nobody_activates_what_lies_behind_it(host: Frozen) -> None:
    two = host.two(freeze=False)
    three = int(host.stage(THREE)["deployment"])
    host.freeze(three)
    assert host.refused("activate", deployment=two).code == "point-of-no-return"
    assert host.refused("activate", deployment=two, check=True).code == "point-of-no-return"
    assert host.stands == (1, "confirmed")


def test_a_host_whose_turn_has_not_come_stays_on_what_it_runs(host: Frozen) -> None:
    zero = host.deploy(Package("0.9.0"))
    two = host.two()
    one = host.instance.history().current
    assert zero < one < two
    assert host.refused("revert", deployment=one).code == "point-of-no-return"
    host.ask_driver(one)
    assert host.activate(one)["outcome"] == "confirmed"
    assert host.says == "1.0.0"
    host.guard.watch()
    assert host.stands == (one, "confirmed")
    assert host.alerts == []


@pytest.mark.parametrize("status", [200, 500])
def test_a_fix_rolls_forward_over_what_stayed(host: Frozen, status: int) -> None:
    two = host.two(status=status)
    host.activate(two)
    three = int(host.stage(THREE)["deployment"])
    assert host.activate(three)["outcome"] == "provisional"
    assert host.ask("confirm", deployment=three)["outcome"] == "confirmed"
    assert host.says == "3.0.0"


def test_what_comes_after_goes_back_as_far_as_the_point_of_no_return(host: Frozen) -> None:
    two = host.two()
    host.activate(two)
    host.ask("confirm", deployment=two)
    three = int(host.stage(THREE, status=500)["deployment"])
    assert host.activate(three)["outcome"] == "reverted"
    assert host.stands == (two, "confirmed")
    four = host.deploy(Package("4.0.0"))
    assert host.ask("revert", deployment=four)["outcome"] == "reverted"
    assert host.says == "2.0.0"


def test_the_way_forward_does_not_need_the_capsule_of_what_is_left(host: Frozen) -> None:
    two = host.two()
    capsule = host.instance.disk.path(Capsule(host.instance, 1).path)
    capsule.write_bytes(b"{}")
    assert host.activate(two)["outcome"] == "provisional"


def test_freezing_is_on_record_done_once_and_never_loosened(host: Frozen) -> None:
    two = host.two()
    assert host.freeze(two, reason="again")["changed"] is False
    three = int(host.stage(THREE)["deployment"])
    assert host.freeze(three, check=True) == {"outcome": "frozen", "changed": True, "deployment": three, "reason": ""}
    assert host.instance.history().frozen == two
    assert host.freeze(three, reason="more")["changed"] is True
    assert host.freeze(two)["deployment"] == three
    assert (host.instance.history().frozen, host.instance.history().frozen_why) == (three, "more")
    assert host.refused("freeze", deployment=9, reason=WHY, state="present").code == "deployment-not-staged"
    assert host.refused("freeze", deployment=three, reason="", state="present").code == "reason-missing"
    assert host.refused("freeze", reason="", state="absent").code == "reason-missing"


def test_what_is_provisional_keeps_its_way_back_from_being_frozen_away(host: Frozen) -> None:
    two = host.two(freeze=False)
    host.activate(two)
    three = int(host.stage(THREE)["deployment"])
    assert host.refused("freeze", deployment=three, reason=WHY, state="present").code == "deployment-not-final"
    assert host.freeze(two)["changed"] is True


def test_after_a_thaw_everything_goes_back_again(host: Frozen) -> None:
    two = host.two(status=500)
    host.activate(two)
    thawed = host.ask("freeze", state="absent", reason="restored from the backup")
    assert (thawed["outcome"], thawed["changed"], thawed["deployment"]) == ("thawed", True, two)
    assert host.ask("freeze", state="absent", reason="again")["changed"] is False
    assert host.ask("revert", deployment=two)["outcome"] == "reverted"
    assert host.says == "1.0.0"
    assert host.stands == (1, "confirmed")


def test_host_info_says_that_it_is_frozen_and_why(host: Frozen) -> None:
    two = host.two()
    found = host.ask("info")["release"]
    assert (found["frozen"], found["frozen_at"]) == (WHY, two)
    assert found["current"]["migrations"] == []


# --- by hand ---


@pytest.fixture
def person(host: Frozen, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.delenv("SUDO_USER", raising=False)
    return Person(host, capsys)


def test_status_says_that_nothing_goes_back_and_what_to_do(host: Frozen, person: Person) -> None:
    two = host.two(status=500)
    said = person.types("status").out
    assert f"nothing goes back behind deployment {two}: {WHY}" in said
    assert "what runs stays" not in said
    host.activate(two)
    said = person.types("status").out
    assert "what runs stays, and is final when it is healthy" in said
    assert "roll a release forward" in said and "thaw --reason" in said
    assert " revert" not in said
    assert person.types("status", "--json").json["instances"][0]["frozen_at"] == two


@pytest.mark.parametrize("to", [[], ["--to", "1.0.0"], ["--to", "deployment 1"]])
def test_a_person_does_not_go_back_either_until_they_thaw_it(host: Frozen, person: Person, to: list[str]) -> None:
    two = host.two()
    host.activate(two)
    said = person.types("revert", "--yes", *to)
    assert said.code == 1
    assert WHY in said.err and "thaw" in said.err and "goes back" not in said.err
    assert person.types("thaw").code == 2
    thawed = person.types("thaw", "--reason", "restored")
    assert thawed.code == 0
    assert f"ways lead behind deployment {two} again" in thawed.out
    assert "by hand" in host.last["reason"] and "restored" in host.last["reason"]
    assert "it is not frozen" in person.types("thaw", "--reason", "again").out
    assert person.types("revert", "--yes", *to).code == 0
    assert host.says == "1.0.0"


def test_the_log_tells_of_it(host: Frozen, person: Person) -> None:
    two = host.two()
    host.ask("freeze", state="absent", reason="restored")
    said = person.types("log").out
    assert f"at deployment {two} (2.0.0): {WHY}" in said
    assert "ways lead back again: restored" in said


# --- the alarm ---


@pytest.mark.parametrize("kind", ["systemd", "detached"])
def test_an_alarm_has_the_priority_alert(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[tuple[int, str]] = []
    monkeypatch.setattr(alarm, "kind_of_guard", lambda: kind)
    monkeypatch.setattr(syslog, "syslog", lambda priority, text: said.append((priority, text)))
    alarm.alert("look here")
    out = capsys.readouterr().out
    if kind == "systemd":
        assert (out, said) == ("<1>look here\n", [])
    else:
        assert (out, said) == ("look here\n", [(syslog.LOG_ALERT, "look here")])
