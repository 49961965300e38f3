# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad days of a rollout, on the application of the guide: a host that fails late, a controller that is killed."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import typing as t

import pytest

from .conftest import LIMIT, Reader, wait_for, write_files

HOSTS = ("web-1", "web-2", "web-3")
ROLL_OUT = "ansible-playbook -i hosts.yml relmgmt.release.rollout -e relmgmt_target=web -e relmgmt_package=web/hello"
PUBLISH = (
    "ansible-playbook relmgmt.release.package -e relmgmt_release_file=release.yml -e relmgmt_layout=build/{0}",
    "ansible-playbook relmgmt.release.promote -e relmgmt_package=web/hello -e relmgmt_version={0}"
    " -e relmgmt_environment=prod",
)


@pytest.fixture
def fleet(reader: Reader) -> Reader:
    """Three hosts on 1.0.0; 1.1.0 is promoted."""
    write_files(reader)
    waiver = "relmgmt_rehearsal: waived\n    relmgmt_rehearsal_reason: the guide tells of rehearsals"
    reader.edit("hosts.yml", "relmgmt_site: home", f"relmgmt_site: home\n    {waiver}")
    reader.run('ansible localhost -m relmgmt.release.dml_repository -a "teams=web environments=prod"')
    for version in ("1.0.0", "1.1.0"):
        reader.edit("release.yml", "version: 1.0.0", f"version: {version}")
        for command in PUBLISH:
            reader.run(command.format(version))
    reader.run(f"{ROLL_OUT} -e relmgmt_version=1.0.0")
    return reader


def running(reader: Reader) -> list[str]:
    """The version on each host, as its engine says it."""
    command = "python3 hosts/{0}/web/hello/main/bin/*/relmgmt-host.pyz status"
    return [reader.run(command.format(host)).partition(", deployment")[0].partition(": ")[2] for host in HOSTS]


def rollouts(reader: Reader) -> list[dict[str, t.Any]]:
    answer = reader.run("ansible localhost -m relmgmt.release.rollout_info -a package=web/hello")
    return list(json.loads(answer.partition("=>")[2])["rollouts"])


def heartbeats(reader: Reader) -> list[str]:
    """Processes beside the reader's runs that keep their leases."""
    home, found = f"HOME={reader.environment['HOME']}".encode(), []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            mine = home in (process / "environ").read_bytes().split(b"\0")
            if mine and b"heartbeat import main" in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found


def wait_for_silence(reader: Reader) -> None:
    deadline = time.monotonic() + LIMIT
    while heartbeats(reader):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_host_that_fails_in_the_last_wave_takes_everybody_back(fleet: Reader) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens yet, so staging finds it free
        inventory = (fleet.work / "hosts.yml").read_text()
        port = inventory.rpartition("port: ")[2].partition("}")[0]
        fleet.edit("hosts.yml", f"port: {port}", f"port: {taken.getsockname()[1]}")
        shown = fleet.run(ROLL_OUT, code=2)
    assert "canary: continue" in shown and "rest: revert_all, web-3" in shown
    assert running(fleet) == ["CONFIRMED, version 1.0.0"] * 3
    (last, *_before) = rollouts(fleet)
    assert last["result"] == "failed"
    assert {row["host"]: row["outcome"] for row in last["deployments"]} == dict.fromkeys(HOSTS, "reverted")
    assert {row["version_after"] for row in last["deployments"]} == {"1.0.0"}


def test_a_controller_that_is_killed_resumes_with_the_same_command(fleet: Reader) -> None:
    began = subprocess.Popen(
        ROLL_OUT.split(), cwd=fleet.work, env=fleet.environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    journal = fleet.work / "hosts" / "web-1" / "web" / "hello" / "main" / "journal"
    wait_for(lambda: journal.read_text().count('"confirmed"') == 2, began)
    assert len(heartbeats(fleet)) == 1
    os.killpg(began.pid, signal.SIGKILL)
    began.wait()
    wait_for_silence(fleet)
    (cut, *_before) = rollouts(fleet)
    fleet.run(ROLL_OUT)
    wait_for_silence(fleet)
    assert running(fleet) == ["CONFIRMED, version 1.1.0"] * 3
    (last, *before) = rollouts(fleet)
    assert (last["id"], last["result"], len(before)) == (cut["id"], "succeeded", 1)
    assert {row["version_before"] for row in last["deployments"]} == {"1.0.0"}
    assert list(pathlib.Path("/dev/shm").glob(f"relmgmt-*/{last['id']}")) == []


@pytest.mark.nightly
def test_a_release_that_falls_while_it_bakes_goes_back_though_the_controller_was_killed_meanwhile(
    fleet: Reader,
) -> None:
    """The second controller waits for the rest alone."""
    bake, out = 40, fleet.work / "out"
    said = "s of its bake are left"

    def begin() -> subprocess.Popen[bytes]:
        command = f"{ROLL_OUT} -e relmgmt_bake={bake}".split()
        with out.open("w") as stream:
            began = subprocess.Popen(
                command, cwd=fleet.work, env=fleet.environment, stdout=stream, stderr=stream, start_new_session=True
            )
        wait_for(lambda: said in out.read_text(), began)
        return began

    first = begin()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    (cut, *_before) = rollouts(fleet)
    (canary,) = next(wave["hosts"] for wave in cut["waves"] if wave["name"] == "canary")
    second = begin()
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"hosts/{canary}/".encode() in (line := path.read_bytes()) and b"server.py" in line:
                os.kill(int(path.parent.name), signal.SIGKILL)
    assert second.wait() == 2
    shown = " ".join(out.read_text().split())
    assert int(shown.partition(f" {said}")[0].rpartition(" ")[2]) < bake
    assert f"canary: revert_all, {canary}: it is not healthy any more" in shown
    assert running(fleet) == ["CONFIRMED, version 1.0.0"] * 3
    (last, *_before) = rollouts(fleet)
    assert (last["id"], [wave["verdict"] for wave in last["waves"]]) == (cut["id"], ["continue", "revert_all"])


@pytest.mark.nightly
def test_a_registry_that_goes_in_mid_rollout_stops_nobody_and_learns_of_it_later(fleet: Reader) -> None:
    began = subprocess.Popen(ROLL_OUT.split(), cwd=fleet.work, env=fleet.environment, stdout=subprocess.PIPE)
    journal = fleet.work / "hosts" / "web-1" / "web" / "hello" / "main" / "journal"
    wait_for(lambda: journal.read_text().count('"confirmed"') == 2, began)
    registry = pathlib.Path(fleet.environment["RELMGMT_REGISTRY"]).parent
    registry.rename(registry.with_name("away"))
    shown = began.communicate()[0]
    assert began.returncode == 0, shown.decode()
    assert not registry.exists()
    assert running(fleet) == ["CONFIRMED, version 1.1.0"] * 3
    registry.with_name("away").rename(registry)
    assert rollouts(fleet)[0]["result"] == "running"
    fleet.run(ROLL_OUT)
    (last, *_before) = rollouts(fleet)
    assert last["result"] == "succeeded"
    assert [wave["verdict"] for wave in last["waves"]] == ["continue"] * 3
    assert {row["outcome"] for row in last["deployments"]} == {"confirmed"}


def test_a_rehearsal_that_is_killed_begins_anew_from_where_it_came(fleet: Reader) -> None:
    rehearse = (
        "ansible-playbook -i hosts.yml relmgmt.release.rehearse -e relmgmt_target=web-1 -e relmgmt_package=web/hello"
    )
    began = subprocess.Popen(
        rehearse.split(), cwd=fleet.work, env=fleet.environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    journal = fleet.work / "hosts" / "web-1" / "web" / "hello" / "main" / "journal"
    wait_for(lambda: journal.read_text().count('"confirmed"') == 2, began)
    os.killpg(began.pid, signal.SIGKILL)
    began.wait()
    (cut, *_before) = rollouts(fleet)
    assert "rehearsed and signed" in fleet.run(rehearse)
    assert running(fleet) == ["CONFIRMED, version 1.0.0"] * 3
    (last, *_before) = rollouts(fleet)
    assert (last["id"], last["kind"], last["result"]) == (cut["id"], "rehearsal", "succeeded")
    assert "rehearsed from 1.0.0" in fleet.run(f"{ROLL_OUT} -e relmgmt_rehearsal=required")
