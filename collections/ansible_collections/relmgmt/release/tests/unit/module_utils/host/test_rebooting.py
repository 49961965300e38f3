# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases that take effect by a boot of the host: there, and back."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import stage
from ansible_collections.relmgmt.release.plugins.module_utils._host.arming import DETACHED, SYSTEMD
from ansible_collections.relmgmt.release.plugins.module_utils._host.guard import Guard
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Completed
from ansible_collections.relmgmt.release.plugins.module_utils._host.switch import Switching
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import ConflictError, InputError

from .engine import Package
from .test_guard import Boots, Guarded

ONE, TWO, THREE = Package("1.0.0"), Package("2.0.0"), Package("3.0.0")
REBOOT = {"command": ["start-anew"], "timeout": 200}


class Power(Boots):
    """Notes when the host is to be started anew; ``code``: what came of asking for it."""

    def __init__(self) -> None:
        super().__init__()
        self.orders, self.code = 0, 0

    def run(self, argv: t.Sequence[str], **how: t.Any) -> Completed:
        if argv[0] != "start-anew":
            return super().run(argv, **how)
        self.orders += 1
        return Completed(self.code, "it is refused" if self.code else "")


class Rebooting(Guarded):
    """A host whose releases take effect by a boot, and whose guard and boot unit the test is."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__(root)
        self.power = Power()
        self.tools = self.tools._replace(runner=self.power)
        self._guard = Guard(self.instance, self.tools)

    def begin(self, package: Package = TWO, **about: t.Any) -> int:
        """Activate it; the host waits for its boot."""
        number = int(self.stage(package, reboot=REBOOT, **about)["deployment"])
        answer = self.ask("activate", deployment=number, confirm_timeout=100)
        assert (answer["outcome"], answer["awaits"] > 200) == ("unknown", True)
        return number

    def look(self, seconds: float = 0.0) -> None:
        self.hours.skipped += seconds
        self._guard.look()

    def order(self) -> None:
        self.look()
        self.look(10)

    def boot(self) -> str | None:
        """Down, and up again to where the boot unit has run."""
        for number in self.instance.deployments():
            self.ask_driver(number)
        self.power.boot += "+"
        self._guard = Guard(self.instance, self.tools)
        return Switching(self.instance, self.tools).boot()

    def deploy_by_boot(self) -> int:
        number = self.begin()
        self.boot()
        self.look()
        assert self.ask("confirm", deployment=number)["outcome"] == "confirmed"
        return number

    @property
    def state(self) -> tuple[int, str]:
        history = self.instance.history()
        return history.current, history.state


@pytest.fixture(autouse=True)
def systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "kind_of_guard", lambda: SYSTEMD)


@pytest.fixture
def host(tmp_path: pathlib.Path) -> t.Iterator[Rebooting]:
    made = Rebooting(tmp_path / "root")
    yield made
    made.stop()


def test_it_is_started_by_the_boot_and_its_time_to_be_confirmed_counts_from_there(host: Rebooting) -> None:
    host.deploy(ONE)
    two = host.begin()
    assert host.instance.disk.target("current") == f"deployments/{two}"
    host.order()
    host.look(1)
    assert host.power.orders == 1
    host.hours.skipped += 120  # longer than there is to confirm it
    said = host.boot()
    assert said is not None and f"deployment {two} is to run" in said
    host.look()
    assert host.says == "2.0.0"
    assert host.state == (two, "provisional")
    deadline = host.instance.history().deadline
    assert deadline is not None and deadline.boot == host.power.boot
    assert 60 < deadline.at - host.hours.now() <= 100
    assert host.ask("confirm", deployment=two)["outcome"] == "confirmed"


def test_the_verb_can_answer_before_the_host_goes_down(host: Rebooting) -> None:
    host.deploy(ONE)
    host.begin()
    host.look()
    host.look(0.5)
    assert host.power.orders == 0


def test_until_then_no_verb_touches_anything(host: Rebooting) -> None:
    host.deploy(ONE)
    two = host.begin()
    for verb in ("confirm", "revert", "activate"):
        with pytest.raises(ConflictError) as caught:
            host.ask(verb, deployment=two)
        assert caught.value.code == "host-rebooting"
    assert host.ask("info")["release"]["interrupted"]


def test_a_second_boot_before_it_is_confirmed_goes_back_and_takes_no_third(host: Rebooting) -> None:
    one = host.deploy(ONE)
    host.begin()
    host.boot()
    host.look()
    host.boot()
    assert host.instance.disk.target("current") == f"deployments/{one}"
    host.look()
    assert host.says == "1.0.0"
    assert (host.state, host.power.orders) == ((one, "confirmed"), 0)
    assert "started anew before it was confirmed" in host.last["reason"]


def test_a_second_boot_before_it_is_judged_goes_back(host: Rebooting) -> None:
    one = host.deploy(ONE)
    host.begin()
    host.boot()
    host.boot()
    host.look()
    assert (host.state, host.power.orders) == ((one, "confirmed"), 0)


@pytest.mark.parametrize("cause", ["sick", "late"])
def test_what_took_effect_by_a_boot_is_left_by_one(host: Rebooting, cause: str) -> None:
    one = host.deploy(ONE)
    host.begin(status=500 if cause == "sick" else 200)
    host.boot()
    host.look()
    host.look(101)
    host.order()
    assert host.power.orders == 1
    assert host.instance.disk.target("current") == f"deployments/{one}"
    host.boot()
    host.look()
    assert host.says == "1.0.0"
    assert host.state == (one, "confirmed")


def test_a_confirmed_one_is_left_by_a_boot_and_a_later_one_that_needs_none_is_not(host: Rebooting) -> None:
    one = host.deploy(ONE)
    two = host.deploy_by_boot()
    three = host.deploy(THREE)
    assert host.ask("revert", deployment=three)["outcome"] == "reverted"
    assert host.ask("revert", deployment=two, check=True)["reason"] == "starts the host anew"
    assert host.ask("revert", deployment=two)["awaits"]
    host.boot()
    assert host.ask("hold", deployment=two, seconds=0)["outcome"] == "reverted"
    assert host.state == (one, "confirmed")


@pytest.mark.parametrize("cause", ["refused", "nothing happens"])
def test_without_the_boot_it_goes_back_without_one(host: Rebooting, cause: str) -> None:
    one = host.deploy(ONE)
    host.begin()
    host.power.code = int(cause == "refused")
    host.order()
    host.look(201)
    assert host.says == "1.0.0"
    assert host.state == (one, "confirmed")
    assert ("it is refused" if cause == "refused" else "not started anew in time") in host.last["reason"]


def test_where_the_boot_unit_did_not_run_the_next_verb_finishes(host: Rebooting) -> None:
    host.deploy(ONE)
    two = host.begin()
    host.power.boot += "+"
    assert host.ask("hold", deployment=two, seconds=0)["outcome"] == "provisional"
    assert host.says == "2.0.0"


def test_without_systemd_such_a_release_is_not_staged(host: Rebooting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "kind_of_guard", lambda: DETACHED)
    with pytest.raises(InputError) as caught:
        host.stage(TWO, reboot=REBOOT)
    assert caught.value.code == "reboot-needs-systemd"
