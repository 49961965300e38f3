# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host finds the way back alone: what was interrupted, not confirmed in time, or not healthy any more."""

from __future__ import annotations

import json
import pathlib
import shutil
import sys
import time
import typing as t
import urllib.request

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.arming import Arming
from ansible_collections.relmgmt.release.plugins.module_utils._host.capsule import Capsule
from ansible_collections.relmgmt.release.plugins.module_utils._host.guard import Guard
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Tools
from ansible_collections.relmgmt.release.plugins.module_utils._host.lock import locked
from ansible_collections.relmgmt.release.plugins.module_utils._host.main import boottime
from ansible_collections.relmgmt.release.plugins.module_utils._host.post import guarded
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Runner
from ansible_collections.relmgmt.release.plugins.module_utils._host.switch import Switching
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError

from .engine import AMPLE, Host, Package

UTILS = pathlib.Path(__file__).parents[4] / "plugins" / "module_utils"
ONE, TWO = Package("1.0.0"), Package("2.0.0")


class Boots(Runner):
    """Says which boot of the machine this is."""

    boot = "first"

    def boot_id(self) -> str:
        return self.boot


class Hours:
    """The time since the boot, which tests let go by."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def now(self) -> float:
        return boottime() + self.skipped


class Guarded(Host):
    """A host on which the test is the guard."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__(root)
        self.hours, self.boots = Hours(), Boots()
        self.tools = Tools(self.hours.now, time.sleep, self.boots)

    def provisional(self, package: Package = TWO, **about: t.Any) -> int:
        number = int(self.stage(package, **about)["deployment"])
        assert self.ask("activate", deployment=number, confirm_timeout=100)["outcome"] == "provisional"
        return number

    @property
    def guard(self) -> Guard:
        return Guard(self.instance, self.tools)

    @property
    def says(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=AMPLE) as answer:
            return str(answer.read().decode())

    @property
    def last(self) -> dict[str, t.Any]:
        return self.instance.journal.events()[-1]


@pytest.fixture
def host(tmp_path: pathlib.Path) -> t.Iterator[Guarded]:
    made = Guarded(tmp_path / "root")
    yield made
    made.stop()


def test_what_is_not_confirmed_in_time_goes_back(host: Guarded) -> None:
    one = host.deploy(ONE)
    two = host.provisional()
    assert host.guard.look()
    assert host.instance.history().current == two
    host.hours.skipped = 101
    assert host.guard.watch()
    assert host.instance.history().current == one
    assert host.says == "1.0.0"
    assert "not confirmed in time" in host.last["reason"]


def test_the_first_release_of_all_goes_back_to_absent(host: Guarded) -> None:
    host.provisional(ONE)
    host.hours.skipped = 101
    host.guard.watch()
    assert host.instance.history().state == "absent"
    assert not host.instance.disk.exists("current")


def test_a_confirmation_in_time_ends_the_guard(host: Guarded) -> None:
    two = host.provisional()
    assert host.ask("confirm", deployment=two)["outcome"] == "confirmed"
    host.hours.skipped = 101
    host.guard.watch()
    assert host.instance.history().state == "confirmed"


def test_a_confirmation_after_the_guard_went_back_says_so(host: Guarded) -> None:
    host.deploy(ONE)
    two = host.provisional()
    host.hours.skipped = 101
    host.guard.watch()
    answer = host.ask("confirm", deployment=two)
    assert (answer["outcome"], answer["changed"]) == ("reverted", False)
    assert host.says == "1.0.0"


def test_a_confirmation_that_comes_too_late_goes_back_where_no_guard_did(host: Guarded) -> None:
    host.deploy(ONE)
    two = host.provisional()
    host.hours.skipped = 101
    answer = host.ask("confirm", deployment=two)
    assert (answer["outcome"], answer["changed"]) == ("reverted", True)
    assert host.says == "1.0.0"


def test_a_confirmation_of_what_died_goes_back(host: Guarded) -> None:
    host.deploy(ONE)
    two = host.provisional()
    host.ask_driver(two)
    answer = host.ask("confirm", deployment=two)
    assert answer["outcome"] == "reverted"
    assert "not healthy any more" in answer["reason"]
    assert host.says == "1.0.0"


def test_a_provisional_service_that_dies_goes_back_at_once(host: Guarded) -> None:
    host.deploy(ONE)
    two = host.provisional()
    host.ask_driver(two)
    host.guard.watch()
    assert host.says == "1.0.0"
    assert "not healthy any more" in host.last["reason"]


def test_a_probe_that_stays_red_goes_back_and_one_that_was_red_once_does_not(host: Guarded) -> None:
    host.deploy(ONE)
    two = host.provisional(secret="a profile of its own")
    profile = host.instance.disk.path("deployments", str(two), "profile", "profile.json")
    before = profile.read_text()
    red = json.loads(before)
    red["runtime"]["probes"][0]["status"] = [418]
    guard = host.guard
    profile.write_text(json.dumps(red))
    assert guard.look()
    profile.write_text(before)
    assert guard.look()
    assert host.instance.history().current == two
    profile.write_text(json.dumps(red))
    guard.watch()
    assert host.says == "1.0.0"


def test_what_nobody_can_ask_stays_provisional_until_its_deadline(host: Guarded) -> None:
    host.deploy(ONE)
    two = int(host.stage(TWO, secret="a profile of its own")["deployment"])
    path = host.instance.disk.path("deployments", str(two), "profile", "profile.json")
    rendered = json.loads(path.read_text())
    rendered["runtime"]["probes"] = [{"name": "login", "kind": "command", "command": ["/nonexistent/login"]}]
    rendered["runtime"]["health"]["healthy_deadline"] = 0.3
    path.write_text(json.dumps(rendered))
    Capsule(host.instance, two).seal()
    answer = host.ask("activate", deployment=two, confirm_timeout=100)
    assert (answer["outcome"], answer["inconclusive"]) == ("provisional", True)
    assert "login could not be asked" in answer["reason"]
    assert host.ask("confirm", deployment=two)["outcome"] == "provisional"
    assert host.guard.look()
    host.hours.skipped = 101
    host.guard.watch()
    assert host.says == "1.0.0"


def test_contact_and_holding_move_the_deadline_up_to_its_limit(host: Guarded) -> None:
    two = host.provisional()
    host.hours.skipped = 99
    assert host.ask("activate", deployment=two, confirm_timeout=100)["outcome"] == "provisional"
    host.hours.skipped = 190
    assert host.ask("hold", deployment=two, seconds=10**6, reason="a person looks at it")["changed"]
    deadline = host.instance.history().deadline
    assert deadline is not None and deadline.at == deadline.limit
    assert not host.ask("hold", deployment=two, seconds=10**6)["changed"]
    assert host.guard.look()
    host.hours.skipped = 1801
    host.guard.watch()
    assert host.instance.history().state == "absent"


def test_holding_what_went_back_says_so(host: Guarded) -> None:
    two = host.provisional()
    host.ask("revert", deployment=two)
    assert host.ask("hold", deployment=two, seconds=5)["outcome"] == "reverted"


def test_an_activation_that_was_killed_goes_back(host: Guarded) -> None:
    host.deploy(ONE)
    two = int(host.stage(TWO)["deployment"])
    host.instance.journal.write("switch", **{"from": 1, "to": two, "verb": "activate"})
    host.instance.disk.point(f"deployments/{two}", "current")
    host.ask_driver(1)
    host.guard.watch()
    assert host.says == "1.0.0"
    assert host.instance.history().settled


def test_a_verb_at_work_is_left_alone(host: Guarded) -> None:
    host.deploy(ONE)
    host.provisional()
    host.hours.skipped = 101
    with locked(host.instance.disk, clock=boottime, wait=time.sleep):
        assert host.guard.look()
        assert host.says == "2.0.0"
    host.guard.watch()
    assert host.says == "1.0.0"


def test_what_a_verb_has_mended_meanwhile_is_left_alone(host: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    host.deploy(ONE)
    host.provisional()
    monkeypatch.setattr(Guard, "_why", lambda *_args: "it is not healthy any more")
    assert host.guard.look()
    assert host.says == "2.0.0"


def test_there_is_one_guard_and_whoever_has_the_lock_can_tell(host: Guarded) -> None:
    host.deploy(ONE)
    seen: list[tuple[bool, bool]] = []

    def wait(seconds: float) -> None:
        if not host.hours.skipped:
            host.hours.skipped = 101
            seen.append((bool(guarded(host.instance)), host.guard.watch()))
        time.sleep(seconds)

    host.provisional()
    host.tools = host.tools._replace(wait=wait)
    assert host.guard.watch()
    assert seen == [(True, False)]
    assert not guarded(host.instance)


def test_what_is_sick_comes_up_when_the_cause_has_gone(host: Guarded) -> None:
    one = host.deploy(ONE)
    host.sicken(one, 500)
    host.ask_driver(one)
    two = int(host.stage(TWO, status=500)["deployment"])
    assert host.ask("activate", deployment=two)["outcome"] == "failed"
    assert host.guard.look()
    assert host.instance.history().sick
    host.sicken(one, 200)
    host.ask_driver(one)
    host.guard.watch()
    assert host.says == "1.0.0"
    assert host.instance.history().settled


def test_a_boot_while_provisional_lets_the_one_before_run(host: Guarded) -> None:
    one = host.deploy(ONE)
    two = host.provisional()
    host.ask_driver(two)
    host.boots.boot = "second"
    said = Switching(host.instance, host.tools).boot()
    assert said is not None and f"deployment {one} is to run" in said
    assert host.instance.disk.target("current") == f"deployments/{one}"
    assert Switching(host.instance, host.tools).boot()
    host.guard.watch()
    assert host.says == "1.0.0"
    assert "started anew" in host.last["reason"]
    assert Switching(host.instance, host.tools).boot() is None


def test_a_boot_in_the_midst_of_an_activation_lets_the_one_before_run(host: Guarded) -> None:
    host.deploy(ONE)
    two = int(host.stage(TWO)["deployment"])
    host.instance.journal.write("switch", **{"from": 1, "to": two, "verb": "activate"})
    host.instance.disk.point(f"deployments/{two}", "current")
    Switching(host.instance, host.tools).boot()
    assert host.instance.disk.target("current") == "deployments/1"


def test_a_root_that_is_gone_ends_the_guard(host: Guarded) -> None:
    host.provisional()
    host.stop()
    shutil.rmtree(str(host.root), ignore_errors=True)
    assert host.guard.watch()
    assert not host.root.exists()


def engine_file(directory: pathlib.Path) -> bytes:
    """The engine as a host gets it."""
    package = directory / "relmgmt_host"
    for name in ("_host", "_model"):
        shutil.copytree(str(UTILS / name), str(package / name), ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").write_text("")
    main = "import sys\nfrom relmgmt_host._host.cli import command\nsys.exit(command(sys.argv))\n"
    (directory / "__main__.py").write_text(main)
    archive = shutil.make_archive(str(directory), "zip", str(directory))
    return pathlib.Path(archive).read_bytes()


def armed(host: Host, tmp_path: pathlib.Path) -> None:
    runner = Runner()
    arming = Arming(engine_file(tmp_path / "engine"), runner, boottime, time.sleep)
    host.tools = Tools(boottime, time.sleep, runner, arming)


def wait_until(condition: t.Callable[[], bool]) -> None:
    end = time.monotonic() + AMPLE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="hosts run Linux")
def test_a_guard_that_was_armed_goes_back_when_nobody_speaks_any_more(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ansible_collections.relmgmt.release.plugins.module_utils._host.arming.kind_of_guard", str)
    host = Host(tmp_path / "root")
    armed(host, tmp_path)
    try:
        one = host.deploy(ONE)
        wait_until(lambda: not guarded(host.instance))
        two = int(host.stage(TWO)["deployment"])
        assert host.ask("activate", deployment=two, confirm_timeout=0.5)["outcome"] == "provisional"
        assert guarded(host.instance)
        wait_until(lambda: host.instance.history().settled)
        assert host.instance.history().current == one
        wait_until(lambda: not guarded(host.instance))
    finally:
        host.stop()


def test_without_a_guard_nothing_is_touched(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "ansible_collections.relmgmt.release.plugins.module_utils._host.arming"
    monkeypatch.setattr(module + ".kind_of_guard", str)
    monkeypatch.setattr(module + "._PATIENCE", 0.2)
    host = Host(tmp_path / "root")
    host.tools = Tools(boottime, time.sleep, Runner(), Arming(b"no zip", Runner(), boottime, time.sleep))
    number = int(host.stage(ONE)["deployment"])
    with pytest.raises(BackendError) as caught:
        host.ask("activate", deployment=number)
    assert caught.value.code == "guard-not-armed"
    assert "guard.log" in str(caught.value)
    assert host.instance.history().status == {number: "staged"}
