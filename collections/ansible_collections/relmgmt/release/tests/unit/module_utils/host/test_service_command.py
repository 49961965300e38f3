# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plain process as a service: started once, ended whole, found again after a crash, never mistaken for another."""

from __future__ import annotations

import json
import os
import pathlib
import select
import signal
import sys
import time
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.process import START_LINE, Runner, Started
from ansible_collections.relmgmt.release.plugins.module_utils._host.service import DRIVERS, Driver, open_driver
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, InputError
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Service

LONG = 30.0
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


class House:
    """An instance directory and the services that a test runs in it."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.runner = Runner()
        self.record = root / "run" / "service.json"
        self.gate = root / "gate"
        os.mkfifo(str(self.gate))
        self._fd = os.open(str(self.gate), os.O_RDWR | os.O_NONBLOCK)

    def driver(self, program: str = "", *, stop_timeout: float = LONG, **more: t.Any) -> Driver:
        """A service that runs ``program``, then says its pid at the gate and waits for signals."""
        code = f"import os, signal, sys\n{program}\nopen({str(self.gate)!r}, 'w').write('%d ' % os.getpid())\n"
        command = [sys.executable, "-I", "-S", "-c", code + "while True: signal.pause()"]
        return self.open(Service.from_dict({"command": command, "stop_timeout": stop_timeout, **more}))

    def open(self, service: Service) -> Driver:
        return open_driver(service, instance=self.root, profile=self.root, runner=self.runner, clock=time.monotonic)

    def pids(self, count: int = 1) -> list[int]:
        """The pids of as many processes as said theirs."""
        said = ""
        while said.count(" ") < count:
            assert select.select([self._fd], [], [], LONG)[0], "the service said nothing"
            said += os.read(self._fd, 4096).decode("ascii")
        return [int(pid) for pid in said.split()]

    def lives(self, pid: int) -> bool:
        return self.runner.alive(pid, self.runner.started_of(pid) or "")

    def wait_for_end(self, driver: Driver) -> None:
        deadline = time.monotonic() + LONG
        while driver.active():
            assert time.monotonic() < deadline, "the service does not end"

    def close(self) -> None:
        for process in self.runner.marked("RELMGMT_INSTANCE", os.path.realpath(str(self.root)), uids={os.geteuid()}):
            self.runner.signal_one(process.pid, process.started, signal.SIGKILL)
        os.close(self._fd)


@pytest.fixture
def house(tmp_path: pathlib.Path) -> t.Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def test_start_runs_it_once_and_stop_ends_it(house: House) -> None:
    driver = house.driver()
    assert not driver.active()
    driver.start()
    (pid,) = house.pids()
    record = house.record.read_bytes()
    assert driver.active()
    assert json.loads(record.decode("ascii"))["pid"] == pid
    driver.start()
    assert house.record.read_bytes() == record, "a second start does nothing"
    driver.stop()
    assert (driver.active(), house.lives(pid), house.record.exists()) == (False, False, False)
    driver.stop()


def test_another_engine_process_knows_it_and_ends_it(house: House) -> None:
    house.driver().start()
    (pid,) = house.pids()
    house.runner = Runner()
    driver = house.driver()
    assert driver.active()
    driver.remove()
    assert not house.lives(pid)


def test_environment_reaches_it_and_the_mark_cannot_be_taken_away(house: House) -> None:
    program = "print(os.environ['GREETING'], os.environ['RELMGMT_INSTANCE'], flush=True)"
    driver = house.driver(program, environment={"GREETING": "hello", "RELMGMT_INSTANCE": "elsewhere"})
    driver.start()
    house.pids()
    said = (house.root / "run" / "service.log").read_text()
    assert said.endswith(f"hello {os.path.realpath(str(house.root))}\n")


def test_one_that_ignores_sigterm_is_killed_after_the_stop_timeout(house: House) -> None:
    driver = house.driver(STUBBORN, stop_timeout=0.1)
    driver.start()
    (pid,) = house.pids()
    driver.stop()
    assert not house.lives(pid)


def test_one_that_ends_in_order_is_given_the_time_for_it(house: House) -> None:
    program = "def end(*_):\n    print('saved', flush=True)\n    sys.exit()\nsignal.signal(signal.SIGTERM, end)"
    driver = house.driver(program)
    driver.start()
    house.pids()
    driver.stop()
    assert (house.root / "run/service.log").read_bytes() == START_LINE + b"saved\n"


@pytest.mark.parametrize("leader_dies_first", [False, True])
@pytest.mark.parametrize("where", ["pass", "os.setsid()"], ids=["in its session", "in a session of its own"])
def test_children_that_ignore_sigterm_end_with_it(house: House, where: str, leader_dies_first: bool) -> None:
    driver = house.driver(f"if os.fork() == 0:\n    {STUBBORN}; {where}", stop_timeout=0.1)
    driver.start()
    pids = house.pids(2)
    if leader_dies_first:
        os.kill(json.loads(house.record.read_text())["pid"], signal.SIGKILL)
        house.wait_for_end(driver)
    driver.stop()
    assert [house.lives(pid) for pid in pids] == [False, False]


def test_a_stubborn_child_with_an_environment_of_its_own_ends_with_it(house: House) -> None:
    say = f"open({str(house.gate)!r}, 'w').write('%d ' % os.getpid())"
    child = f"import os, signal; {STUBBORN}; {say}; signal.pause()"
    program = f"if os.fork() == 0: os.execve(sys.executable, ['python', '-I', '-S', '-c', {child!r}], {{}})"
    driver = house.driver(program, stop_timeout=0.1)
    driver.start()
    pids = house.pids(2)
    driver.stop()
    assert [house.lives(pid) for pid in pids] == [False, False]


def test_one_that_dies_at_once_is_not_active_and_its_log_is_named_not_quoted(house: House) -> None:
    driver = house.driver("sys.exit('no such port')")
    driver.start()
    house.wait_for_end(driver)
    assert "has ended" in driver.describe()
    assert driver.describe().endswith(str(house.root / "run" / "service.log"))
    assert "no such port" not in driver.describe()
    driver.stop()


def test_what_an_earlier_start_said_is_not_taken_for_this_one(house: House) -> None:
    driver = house.driver("sys.exit('first')")
    driver.start()
    house.wait_for_end(driver)
    driver = house.driver()
    driver.start()
    house.pids()
    assert "first" not in driver.describe()
    assert b"first" in (house.root / "run/service.log").read_bytes()


def test_a_restarted_one_is_another_process(house: House) -> None:
    driver = house.driver()
    driver.start()
    (first,) = house.pids()
    os.kill(first, signal.SIGKILL)
    house.wait_for_end(driver)
    driver.start()
    (second,) = house.pids()
    assert driver.active() and second != first


@pytest.mark.parametrize("change", [{"started": 1}, {"boot_id": "another boot"}, {"pid": os.getpid()}])
def test_a_reused_pid_is_not_the_service_and_is_left_alone(house: House, change: dict[str, t.Any]) -> None:
    """The record names a pid that another process has by now: here ourselves, whom a signal would end."""
    boot_id, _colon, ticks = (house.runner.started_of(os.getpid()) or "").rpartition(":")
    record = {"pid": os.getpid(), "started": int(ticks) + 1, "boot_id": boot_id, **change}
    house.record.parent.mkdir()
    house.record.write_text(json.dumps(record))
    driver = house.driver()
    assert not driver.active()
    driver.stop()
    driver.start()
    assert house.pids()[0] != os.getpid()


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\0" * 100,
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"17",
        b"[" * 100000,
        b'{"pid": 1, "started": 1, "boot_id": "x"}',
        b'{"pid": 0, "started": 1, "boot_id": "x"}',
        b'{"pid": -1, "started": 1, "boot_id": "x"}',
        b'{"pid": true, "started": 1, "boot_id": "x"}',
        b'{"pid": "17", "started": 1, "boot_id": "x"}',
        b'{"pid": 17, "started": "1", "boot_id": "x"}',
        b'{"pid": 17, "started": 1}',
        b'{"pid": 99999999999999999999999999, "started": 1, "boot_id": "x"}',
    ],
)
def test_a_record_of_garbage_is_no_process_and_is_replaced(house: House, garbage: bytes) -> None:
    house.record.parent.mkdir()
    house.record.write_bytes(garbage)
    driver = house.driver()
    assert not driver.active()
    driver.start()
    (pid,) = house.pids()
    assert json.loads(house.record.read_text())["pid"] == pid


def test_a_service_without_a_record_is_replaced_not_doubled(house: House) -> None:
    """What a crash between starting the process and writing its record leaves."""
    driver = house.driver()
    driver.start()
    (first,) = house.pids()
    house.record.unlink()
    assert not driver.active()
    driver.start()
    (second,) = house.pids()
    assert (house.lives(first), house.lives(second)) == (False, True)


def test_another_instance_is_left_alone(house: House, tmp_path: pathlib.Path) -> None:
    (tmp_path / "main-2").mkdir()
    other = House(tmp_path / "main-2")
    try:
        driver = other.driver()
        driver.start()
        (pid,) = other.pids()
        house.driver().stop()
        assert driver.active() and other.lives(pid)
    finally:
        other.close()


def test_a_record_that_cannot_be_written_leaves_no_process(house: House) -> None:
    driver = house.driver()
    (house.root / "run/service.json.new").mkdir(parents=True)
    with pytest.raises(BackendError) as caught:
        driver.start()
    assert caught.value.code == "service-record-failed"
    assert house.runner.marked("RELMGMT_INSTANCE", os.path.realpath(str(house.root)), uids={os.geteuid()}) == []


def test_a_command_that_does_not_exist_is_named(house: House) -> None:
    with pytest.raises(BackendError, match="/nonexistent/radicale") as caught:
        house.open(Service.from_dict({"command": ["/nonexistent/radicale"]})).start()
    assert caught.value.code == "service-start-failed"
    assert not house.record.exists()


class Immortal(Runner):
    """A simulator of processes that no signal ends (an uninterruptible wait cannot be made to order)."""

    def marked(self, name: str, value: str, *, uids: t.Collection[int]) -> list[Started]:
        return [Started(4711, "boot:1")]

    def alive(self, pid: int, started: str) -> bool:
        return pid == 4711

    def signal_one(self, pid: int, started: str, signum: int) -> bool:
        return True

    def pause(self, seconds: float) -> None:
        return


def test_one_that_cannot_be_killed_is_an_error_that_names_it(house: House) -> None:
    seconds = iter(range(10000))
    service = Service.from_dict({"command": ["/bin/true"]})
    driver = open_driver(
        service, instance=house.root, profile=house.root, runner=Immortal(), clock=lambda: float(next(seconds))
    )
    with pytest.raises(BackendError, match="process 4711") as caught:
        driver.stop()
    assert caught.value.code == "service-stop-failed"


@pytest.mark.parametrize(
    ("service", "code"),
    [({"driver": "upstart"}, "driver-unknown"), ({"driver": "command"}, "service-command-missing")],
)
def test_what_cannot_be_opened_is_refused_before_anything_happens(
    house: House, service: dict[str, t.Any], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        house.open(Service.from_dict(service))
    assert caught.value.code == code


def test_the_table_holds_the_documented_drivers() -> None:
    assert sorted(DRIVERS) == ["command", "systemd"]
