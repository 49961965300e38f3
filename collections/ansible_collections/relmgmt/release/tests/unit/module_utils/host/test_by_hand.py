# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Confirm and revert by somebody on the host: what is meant, who it was, and that it is done once."""

from __future__ import annotations

import os
import signal
import threading
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import by_hand, lock, status
from ansible_collections.relmgmt.release.plugins.module_utils._host.answers import switched
from ansible_collections.relmgmt.release.plugins.module_utils._host.cli_commands import EXIT
from ansible_collections.relmgmt.release.plugins.module_utils._host.switch import Switching
from ansible_collections.relmgmt.release.plugins.module_utils._model import outcome

from .engine import Host, Package
from .person import Person, Terminal, activate, working
from .test_engine import V1, V2, answers

V3 = Package("3.0.0")


def last(host: Host) -> dict[str, t.Any]:
    return dict(host.instance.journal.events()[-1])


# --- confirm ----------------------------------------------------------------------------------------------------------


def test_confirm_makes_it_final_and_may_be_repeated(person: Person) -> None:
    activate(person.host, V1)
    said = person.types("confirm")
    assert said.code == 0
    assert said.out.startswith("CONFIRMED: deployment 1 is final now, and stays.\n")
    assert person.host.instance.history().state == "confirmed"
    again = person.types("confirm")
    assert (again.code, "was final before" in again.out) == (0, True)


def test_confirm_tells_the_journal_who_did(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "anna")
    activate(person.host, V1)
    assert person.types("confirm", "--reason", "looks good").code == 0
    confirmed = next(event for event in person.host.instance.journal.events() if event["event"] == "confirmed")
    assert confirmed["reason"] == f"by hand, by anna as {by_hand.who().partition(' as ')[2]}: looks good"


def test_confirm_after_it_went_back_is_refused_as_reverted(person: Person) -> None:
    person.host.deploy(V1)
    number = activate(person.host, V2)
    person.host.ask("revert", deployment=number)
    before = person.host.instance.journal.events()
    said = person.types("confirm")
    assert said.code == EXIT["reverted"]
    assert said.out.startswith("REVERTED: deployment 2 was taken back before; too late to confirm it.\n")
    assert person.types("confirm", "--json").json["outcome"] == "reverted"
    assert person.host.instance.journal.events() == before


def test_confirm_of_another_deployment_confirms_nothing(person: Person) -> None:
    person.host.deploy(V1)
    activate(person.host, V2)
    said = person.types("confirm", "--deployment", "7")
    assert said.code == EXIT["unknown"]
    assert person.host.instance.history().state == "provisional"


def test_confirm_of_what_is_sick_takes_it_back(person: Person) -> None:
    person.host.deploy(V1)
    number = activate(person.host, V2)
    person.host.ask_driver(number)
    said = person.types("confirm")
    assert said.code == EXIT["reverted"]
    assert said.out.startswith("REVERTED: deployment 2 was not healthy any more, and was taken back now.\n")
    assert answers(person.host) == "1.0.0"


def test_confirm_of_what_cannot_be_asked_leaves_it_provisional(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    activate(person.host, V1)
    unsure = switched(1, outcome.PROVISIONAL, changed=False, reason="probe web could not be asked")
    monkeypatch.setattr(Switching, "confirm", lambda self, deployment, **about: unsure)
    said = person.types("confirm")
    assert (said.code, said.out.partition(":")[0]) == (EXIT["provisional"], "PROVISIONAL")
    assert "probe web could not be asked" in said.out


def test_confirm_where_nothing_was_activated_is_refused(person: Person) -> None:
    person.host.stage(V1)
    said = person.types("confirm")
    assert (said.code, "no deployment was ever activated here" in said.err) == (1, True)


# --- revert -----------------------------------------------------------------------------------------------------------


def test_revert_goes_back_and_tells_the_journal_who_did(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "anna\n\x1b[2J")
    person.host.deploy(V1)
    person.host.deploy(V2)
    said = person.types("revert", "--reason", "shop is down")
    assert said.code == 0
    assert said.out.startswith("REVERTED: back on deployment 1 (version 1.0.0).\n")
    assert "goes back" in said.err and "deployment 2 (version 2.0.0)" in said.err
    user = by_hand.who().partition(" as ")[2]
    assert last(person.host)["reason"] == f"by hand, by anna[2J as {user}: shop is down"
    assert answers(person.host) == "1.0.0"


def test_the_same_revert_again_does_not_go_back_a_second_step(person: Person) -> None:
    for package in (V1, V2, V3):
        person.host.deploy(package)
    assert person.types("revert").code == 0
    again = person.types("revert")
    assert (again.code, "Nothing was done: it already is back on deployment 2" in again.out) == (0, True)
    assert answers(person.host) == "2.0.0"


def test_any_deployment_that_was_confirmed_here_can_be_named(person: Person) -> None:
    for package, secret in ((V1, ""), (V1, "another"), (V2, ""), (V3, "")):
        person.host.deploy(package, secret=secret)
    assert person.types("revert", "--to", "deployment 1", "--yes").code == 0
    assert person.host.instance.history().current == 1
    again = person.types("revert", "--to", "deployment 1", "--yes")
    assert (again.code, "Nothing was done" in again.out) == (0, True)
    assert person.types("revert", "--to", "3").code == 0
    assert answers(person.host) == "2.0.0"


def test_what_was_never_confirmed_is_not_gone_back_to(person: Person) -> None:
    person.host.deploy(V1)
    number = activate(person.host, V2)
    person.host.ask("revert", deployment=number)
    person.host.deploy(V3)
    said = person.types("revert", "--to", f"deployment {number}")
    assert (said.code, f"deployment {number} was never confirmed" in said.err) == (1, True)
    assert "Confirmed deployments here: 1 (version 1.0.0), 3 (version 3.0.0)." in said.err
    assert answers(person.host) == "3.0.0"


def test_two_people_who_revert_at_once_do_it_once(person: Person) -> None:
    for package in (V1, V2, V3):
        person.host.deploy(package)
    ways = [by_hand.way_back(person.host.instance, "") for _person in range(2)]
    said: list[str] = []
    hand = by_hand.Hand(person.host.tools, b"engine", said.append, "")
    outcomes: list[str] = []

    def go(way: by_hand.Way) -> None:
        outcomes.append(by_hand.revert(person.host.instance, hand, way)["outcome"])

    threads = [threading.Thread(target=go, args=(way,)) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["reverted", "reverted"]
    assert answers(person.host) == "2.0.0"


def test_who_has_to_wait_is_told_for_whom_and_gives_up(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    activate(person.host, V1)
    monkeypatch.setattr(lock, "LOCK_INTERVAL", 0.01)
    for owner in ("main", "by_hand"):
        monkeypatch.setattr(f"{by_hand.__package__}.{owner}.LOCK_WAIT", 0.05)
        monkeypatch.setattr(f"{by_hand.__package__}.{owner}.patience", lambda instance: 0.05)
    with working(person.host):
        for verb in ("confirm", "revert"):
            said = person.types(verb)
            assert said.code == 1
            assert f"is in use by process {os.getpid()}; waiting up to 0.05 s" in said.err
            assert "Wait for it to end, then run the same command again." in said.err
    assert person.host.instance.history().state == "provisional"


def test_revert_of_the_first_deployment_that_is_final_is_not_a_way_back(person: Person) -> None:
    person.host.deploy(V1)
    said = person.types("revert")
    assert said.code == 1
    assert "there is nothing to go back to" in said.err and "revert --to absent" in said.err
    assert answers(person.host) == "1.0.0"
    assert person.types("revert", "--to", "absent").code == 0
    assert person.types("status").code == EXIT["absent"]


def test_revert_of_the_first_deployment_that_is_provisional_leaves_nothing(person: Person) -> None:
    activate(person.host, V1)
    assert person.types("revert").code == 0
    assert person.types("status").code == EXIT["absent"]


@pytest.mark.parametrize("to", ["1.0.0", "1", "version 1.0.0", "deployment 1", "deployment=1"])
def test_revert_to_a_version_or_a_deployment(person: Person, to: str) -> None:
    for package in (V1, V2, V3):
        person.host.deploy(package)
    for _again in range(2):
        assert person.types("revert", "--to", to).code == 0
        assert answers(person.host) == "1.0.0"


def test_revert_to_what_was_never_confirmed_here_is_refused_with_what_was(person: Person) -> None:
    person.host.deploy(V1)
    person.host.stage(V2)
    for to in ("2.0.0", "2", "9", "frob nicate"):
        said = person.types("revert", "--to", to)
        assert (said.code, "Confirmed deployments here: 1 (version 1.0.0)." in said.err) == (1, True), to


def test_a_number_that_is_also_a_version_is_asked_about(person: Person) -> None:
    person.host.deploy(Package("2"))
    person.host.deploy(V1)
    assert "is a version and a deployment" in person.types("revert", "--to", "2").err
    assert person.types("revert", "--to", "version 2").code == 0
    assert answers(person.host) == "2"


def test_a_revert_that_ends_on_nothing_healthy_is_failed(person: Person) -> None:
    person.host.deploy(V1)
    number = activate(person.host, V2)
    person.host.sicken(1, 503)
    said = person.types("revert")
    assert said.code == EXIT["failed"]
    assert said.out.startswith("NOT DONE") and "probe web is red" in said.out
    assert person.host.instance.history().sick and number == 2


def test_a_revert_finishes_first_what_was_interrupted_and_goes_no_further(person: Person) -> None:
    for package in (V1, V2):
        person.host.deploy(package)
    number = person.host.stage(V3)["deployment"]
    person.host.instance.journal.write("switch", **{"from": 2, "to": number, "verb": "activate", "reason": ""})
    said = person.types("revert")
    assert said.code == 0, said
    assert "before it" in said.out
    assert answers(person.host) == "2.0.0"


def test_at_a_terminal_it_says_what_it_is_going_to_do_and_asks(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in (V1, V2):
        person.host.deploy(package)
    for typed in ("n\n", "\n", ""):
        monkeypatch.setattr("sys.stdin", Terminal(typed))
        said = person.types("revert")
        assert (said.code, "Nothing was done" in said.err) == (1, True)
        assert "to            deployment 1 (version 1.0.0)" in said.err
    assert answers(person.host) == "2.0.0"
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert person.types("revert").code == 0
    monkeypatch.setattr("sys.stdin", Terminal(""))
    assert person.types("revert", "--to", "2.0.0", "--yes").code == 0


def test_somebody_else_than_the_owner_is_refused(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    activate(person.host, V1)
    other = os.geteuid() + 1
    for verb in ("confirm", "revert"):
        with monkeypatch.context() as patch:
            patch.setattr(os, "geteuid", lambda: other)
            said = person.types(verb)
        assert (said.code, "belongs to" in said.err and "sudo" in said.err) == (1, True)


def test_what_systemd_knows_under_another_path_is_not_switched(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.host.deploy(V1)
    person.host.deploy(V2)
    monkeypatch.setattr(by_hand, "unit_elsewhere", lambda instance, deployment: "/srv/old/test/app/main/current/x")
    said = person.types("revert")
    assert (said.code, "is not where its unit leads: /srv/old" in said.err) == (1, True)
    assert answers(person.host) == "2.0.0"


def test_neither_a_lost_connection_nor_ctrl_c_ends_what_has_begun(person: Person) -> None:
    for package in (V1, V2):
        person.host.deploy(package)
    tools = person.host.tools

    def wait(seconds: float) -> None:
        if status.holder(person.host.instance):
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGINT)
        tools.wait(seconds)

    person.host.tools = tools._replace(wait=wait)
    said = person.types("revert")
    assert said.code == 0
    assert "It has begun and is not interrupted" in said.err
    assert answers(person.host) == "1.0.0"


def test_ctrl_c_before_it_has_begun_ends_it(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    activate(person.host, V1)

    class Interrupted(Terminal):
        def readline(self, *_size: t.Any) -> t.NoReturn:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted())
    said = person.types("revert")
    assert (said.code, "interrupted; nothing was done" in said.err) == (130, True)
    assert person.host.instance.history().state == "provisional"
