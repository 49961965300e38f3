# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says that its failure speaks against: the release that was tried on it, or itself."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import service_command
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError

from .engine import Package
from .test_guard import Guarded

ONE, TWO = Package("1.0.0"), Package("2.0.0")
DIES = Package("2.0.0", {"server.py": b"raise SystemExit('no')\n"})
Answer = t.Dict[str, t.Any]


@pytest.fixture
def host(tmp_path: pathlib.Path) -> t.Iterator[Guarded]:
    made = Guarded(tmp_path / "root")
    yield made
    made.stop()


def activated(host: Guarded, package: Package = TWO, **about: t.Any) -> Answer:
    return host.ask("activate", deployment=host.stage(package, **about)["deployment"])


def told(answer: Answer) -> tuple[str, str | None]:
    return answer["outcome"], answer.get("cause")


@pytest.mark.parametrize(
    ("package", "status"), [pytest.param(TWO, 500, id="a red probe"), pytest.param(DIES, 200, id="a dead service")]
)
def test_what_is_found_unhealthy_speaks_against_the_release(host: Guarded, package: Package, status: int) -> None:
    host.deploy(ONE)
    assert told(activated(host, package, status=status)) == ("reverted", "release")
    assert host.last["cause"] == "release"


def test_what_goes_well_speaks_against_nobody(host: Guarded) -> None:
    assert told(activated(host)) == ("provisional", None)
    assert told(host.ask("confirm", deployment=1)) == ("confirmed", None)
    assert told(host.ask("revert", deployment=1)) == ("reverted", None)


def test_a_service_of_the_release_before_that_does_not_end_speaks_against_the_host(
    host: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_driver: t.Any) -> None:
        monkeypatch.undo()
        raise BackendError("service-stop-failed", "it does not end")

    host.deploy(ONE)
    monkeypatch.setattr(service_command.CommandDriver, "stop", refuse)
    assert told(activated(host)) == ("reverted", "host")


def test_a_host_on_which_nothing_ran_before_the_release_came_does_not_speak_against_it(host: Guarded) -> None:
    host.deploy(ONE)
    host.sicken(1, 500)
    host.ask_driver(1)
    assert told(host.ask("activate", deployment=1)) == ("failed", "release"), "it was well when it was activated"
    assert host.instance.history().sick
    assert told(activated(host, status=500)) == ("failed", "host")


def test_a_release_that_ruins_what_was_well_before_speaks_against_itself(host: Guarded) -> None:
    host.deploy(ONE)
    host.sicken(1, 500)  # from its next start on, as if the new release had spoilt its data
    assert told(activated(host, status=500)) == ("failed", "release")


def test_what_died_before_it_was_confirmed_speaks_against_the_release(host: Guarded) -> None:
    host.deploy(ONE)
    two = host.provisional()
    host.ask_driver(two)
    assert told(host.ask("confirm", deployment=two)) == ("reverted", "release")


@pytest.mark.parametrize(("late", "cause"), [(True, "host"), (False, "release")])
def test_whoever_asks_later_is_told_why_the_guard_went_back(host: Guarded, late: bool, cause: str) -> None:
    host.deploy(ONE)
    two = host.provisional()
    if late:
        host.hours.skipped = 101
    else:
        host.ask_driver(two)
    host.guard.watch()
    answer = host.ask("confirm", deployment=two)
    assert told(answer) == ("reverted", cause)
    assert ("not confirmed in time" if late else "not healthy any more") in answer["reason"]


def test_an_activation_that_was_cut_short_speaks_against_the_host(host: Guarded) -> None:
    host.deploy(ONE)
    two = int(host.stage(TWO)["deployment"])
    host.instance.journal.write("switch", **{"from": 1, "to": two, "verb": "activate", "reason": ""})
    host.guard.watch()
    assert told(host.ask("confirm", deployment=two)) == ("reverted", "host")
