# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""However a bed ends, nothing of it is left; and what cannot be is refused with nothing left either."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import typing as t

import pytest

from tests.testbed import Bed, BedError, Host
from tests.testbed import bed as bed_module
from tests.testbed import image as image_module
from tests.testbed.bed import take_down
from tests.testbed.system import STATE, command, groups, wait_for

AMPLE = 90.0
NAME = "residue"
UP = [sys.executable, "-m", "tests.testbed", "--name", NAME, "up", "3"]
REPOSITORY = pathlib.Path(__file__).parents[2]
Traces = set[tuple[int, int]]


@pytest.fixture(autouse=True)
def nothing_is_left() -> t.Iterator[None]:
    yield
    if (STATE / NAME).exists():
        take_down(NAME)


def processes() -> Traces:
    """What runs, as process id and start time. What only waits to be reaped is its parent's affair."""
    found = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(") ")[2].split()
            if fields[0] != "Z":
                found.add((int(path.parent.name), int(fields[19])))
    return found


def traces() -> Traces:
    """The bed's processes. Its namespaces and mounts are held by them alone."""
    listed = [path.read_text().split() for path in groups(NAME).rglob("cgroup.procs")]
    pids = {int(pid) for pids in listed for pid in pids}
    pids |= {int((STATE / NAME / who).read_text()) for who in ("janitor", "holder")}
    return {(pid, start) for pid, start in processes() if pid in pids}


def left(before: Traces) -> list[str]:
    """What there still is of a bed that had these traces."""
    found = [f"process {pid}" for pid, _start in before & processes()]
    found += [f"mount {line}" for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if NAME in line]
    found += [str(path) for path in (STATE / NAME, groups(NAME)) if path.exists()]
    links = [link["ifname"] for link in json.loads(command("ip", "-json", "link").stdout)]
    return found + [name for name in links if NAME in name]


def gone(before: Traces) -> None:
    try:
        wait_for("a clean machine", lambda: not left(before), seconds=AMPLE)
    except BedError as exc:
        raise AssertionError("\n".join(left(before))) from exc


def test_up_and_down_by_command() -> None:
    up = subprocess.run(UP, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert up.returncode == 0, up.stderr
    assert up.stdout.startswith("3 hosts up in ")
    before = traces()
    assert len(before) > 20
    again = subprocess.run(UP, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"The bed '{NAME}' is already up. End it first: make bed-down (bed-up)\n"
    take_down(NAME)
    gone(before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("when", ["janitor", "holder", "cp"])
def test_an_interrupted_up_leaves_nothing(number: signal.Signals, when: str) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by a job in the background
    with subprocess.Popen(UP, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as up:
        wait_for("half a bed", lambda: (STATE / NAME / when).exists(), seconds=AMPLE)
        up.send_signal(number)
        up.communicate()
    assert up.returncode
    gone(set())


@pytest.mark.parametrize("who", ["holder", "user"])
def test_a_bed_whose_process_is_killed_goes_by_itself(who: str) -> None:
    code = f"from tests.testbed import Bed; Bed.up(2, name={NAME!r}); print('up', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as user:
        assert t.cast("t.IO[str]", user.stdout).readline() == "up\n"
        before = traces()
        os.kill(user.pid if who == "user" else int((STATE / NAME / "holder").read_text()), signal.SIGKILL)
        gone(before)
        user.kill()


def test_what_a_killed_janitor_leaves_goes_with_the_next_down_or_up() -> None:
    bed = Bed.up(2, name=NAME)
    before = traces()
    os.kill(int((STATE / NAME / "janitor").read_text()), signal.SIGKILL)
    bed.down()
    wait_for("the end of the hosts", lambda: not any(host.up for host in bed.hosts.values()), seconds=AMPLE)
    with pytest.raises(BedError) as caught:
        Bed.open(NAME)
    assert caught.value.code == "bed-down"
    with Bed.up(1, name=NAME) as other:
        assert list(other.hosts) == ["h1"]
    gone(before)


def refused(**about: t.Any) -> BedError:
    with pytest.raises(BedError) as caught:
        Bed.up(**{"hosts": 3, "name": NAME, **about})
    assert left(set()) == []
    return caught.value


def test_a_network_in_use_is_refused() -> None:
    with Bed.up(1, name="other") as other:
        error = refused(network=other.network)
    assert error.code == "network-in-use"
    assert "--network" in str(error)


def test_beds_that_are_made_at_once_have_networks_of_their_own() -> None:
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor() as pool:
        making = [pool.submit(Bed.up, 1, name=name) for name in (NAME, f"{NAME}2", f"{NAME}3")]
        beds = [stack.enter_context(bed.result()) for bed in making]
        assert len({bed.network for bed in beds}) == len(beds)
    assert left(set()) == []


def test_too_little_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bed_module, "HOST_MEMORY", 1 << 50)
    error = refused()
    assert error.code == "memory-short"
    assert "Ask for at most 0 hosts" in str(error)


def test_without_root_it_says_so() -> None:
    runner = "from tests.testbed import __main__ as m; import os, sys; os.setuid(65534); "
    code = f"{runner} sys.argv = {['bed', '--name', NAME, 'up', '3']!r}; sys.exit(m.main())"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, "(not-root)" in done.stderr, "Run it as root." in done.stderr) == (1, True, True)


@pytest.mark.parametrize("tool", ["ip", "mmdebstrap"])
def test_a_missing_tool_is_named_with_its_package(
    tool: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    which = shutil.which
    monkeypatch.setattr(
        "shutil.which", lambda name, *rest, **more: None if name == tool else which(name, *rest, **more)
    )
    error = refused()
    assert error.code == "tool-missing"
    assert f"{tool}" in str(error) and "apt-get install" in str(error)


def test_a_half_made_image_is_never_used(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fails(*words: t.Any, **_more: t.Any) -> t.NoReturn:
        half = next(word for word in words if ".half-" in str(word))
        (half / "etc").mkdir(parents=True)
        raise BedError("command-failed", "no more room")

    monkeypatch.setattr(image_module, "command", fails)
    (tmp_path / "relmgmt/testbed/.half-of-a-killed-run").mkdir(parents=True)
    error = refused()
    assert error.code == "command-failed"
    assert [path.name for path in (tmp_path / "relmgmt/testbed").iterdir()] == [".lock"]


def test_a_host_that_does_not_boot_is_told_with_its_console(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.testbed.bed.image", lambda: tmp_path)
    monkeypatch.setattr(Host.wait, "__defaults__", (0.5,))
    error = refused(hosts=1)
    assert error.code == "host-silent"
    assert "mount" in str(error)
