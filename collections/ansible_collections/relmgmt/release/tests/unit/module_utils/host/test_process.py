# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands end in time and leave nothing behind; a pid's next owner is never taken for the process that had it."""

from __future__ import annotations

import os
import pathlib
import pwd
import select
import signal
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import account
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import (
    LIMITS,
    START_LINE,
    Runner,
    Started,
)
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, InputError

PYTHON = (sys.executable, "-I", "-S", "-c")
LONG = 30.0
NOBODY = pwd.getpwnam("nobody")


class Gate:
    """A FIFO through which a process says that it has come so far."""

    def __init__(self, path: pathlib.Path) -> None:
        os.mkfifo(str(path))
        self.path = str(path)
        self.fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def read(self) -> str:
        assert select.select([self.fd], [], [], LONG)[0], "the process said nothing"
        return os.read(self.fd, 4096).decode("ascii")


@pytest.fixture
def gate(tmp_path: pathlib.Path) -> t.Iterator[Gate]:
    gate = Gate(tmp_path / "gate")
    yield gate
    os.close(gate.fd)


@pytest.fixture
def started() -> t.Iterator[list[Started]]:
    """Processes that the test started; none outlives it."""
    processes: list[Started] = []
    yield processes
    runner = Runner()
    for process in processes:
        runner.signal_group(process.pid, process.started, signal.SIGKILL)


def gone(runner: Runner, pid: int, stamp: str) -> bool:
    """Whether the process goes away."""
    for _count in range(3000):
        if not runner.alive(pid, stamp):
            return True
        runner.pause(0.01)
    return False


def test_code_and_output_of_both_streams_are_returned() -> None:
    done = Runner().run((*PYTHON, "import sys; print('out', flush=True); sys.exit('err')"), timeout=LONG)
    assert (done.code, done.output, done.timed_out) == (1, "out\nerr\n", False)


def test_only_the_tail_of_endless_output_is_kept() -> None:
    done = Runner().run((*PYTHON, "print('x' * 1000000 + 'end')"), timeout=LONG)
    assert len(done.output) == LIMITS.output
    assert done.output.endswith("xend\n")


def test_output_that_is_not_text_is_survived() -> None:
    assert Runner().run((*PYTHON, "import os; os.write(1, b'a\\xffb')"), timeout=LONG).output == "a\ufffdb"


@pytest.mark.parametrize(
    ("argv", "code"),
    [(("/nonexistent/command",), 127), (("/etc/passwd",), 126), (("/bin/sh", "a\0b"), 126)],
)
def test_a_command_that_cannot_be_run_is_an_answer(argv: tuple[str, ...], code: int) -> None:
    done = Runner().run(argv, timeout=LONG)
    assert (done.code, done.timed_out) == (code, False)
    assert argv[0] in done.output


def test_there_is_no_standard_input_and_the_surroundings_are_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELMGMT_SECRET_OF_THE_CALLER", "s3cret")
    before = os.umask(0o077)
    try:
        done = Runner().run(
            (
                *PYTHON,
                "import os, sys; print(repr(sys.stdin.read()), os.getcwd(), oct(os.umask(0)), sorted(os.environ))",
            ),
            timeout=LONG,
            env={"MINE": "1"},
        )
    finally:
        os.umask(before)
    names = ["HOME", "LANG", "LOGNAME", "MINE", "PATH", "PYTHONDONTWRITEBYTECODE", "USER"]
    assert done.output.strip() == f"'' / 0o22 {names}"


def test_time_limit_ends_the_whole_group_even_if_it_ignores_sigterm(gate: Gate) -> None:
    child = (
        "import os, signal; signal.signal(15, signal.SIG_IGN); open({!r}, 'w').write(str(os.getpid())); signal.pause()"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', {child.format(gate.path)!r}])"
    seen: list[int] = []

    def clock() -> float:
        """The time limit passes once the grandchild is there."""
        if select.select([gate.fd], [], [], 0)[0]:
            seen.append(int(gate.read()))
        return LONG * bool(seen)

    runner = Runner(clock=clock)
    done = runner.run((*PYTHON, parent), timeout=1.0)
    assert (done.timed_out, done.code) == (True, -signal.SIGKILL)
    assert gone(runner, seen[0], runner.started_of(seen[0]) or "")


def parent_of(child: str, gate: Gate) -> str:
    """A program that forks ``child``, waits until it is there, prints its pid and ends."""
    return (
        "import os, signal\n"
        "if os.fork() == 0:\n"
        f"    {child}; open({gate.path!r}, 'w').write(str(os.getpid())); signal.pause()\n"
        f"print(os.read(os.open({gate.path!r}, os.O_RDONLY), 99).decode('ascii'))\n"
    )


def test_a_child_that_holds_the_pipe_is_ended_with_the_command(gate: Gate) -> None:
    runner = Runner()
    done = runner.run((*PYTHON, parent_of("signal.signal(15, signal.SIG_IGN)", gate)), timeout=LONG)
    assert (done.timed_out, done.code) == (False, 0)
    assert gone(runner, int(done.output), runner.started_of(int(done.output)) or "")


def test_a_child_that_left_the_group_and_holds_the_pipe_does_not_hold_the_command(
    gate: Gate, started: list[Started]
) -> None:
    runner = Runner()
    done = runner.run((*PYTHON, parent_of("os.setsid()", gate)), timeout=LONG)
    assert (done.timed_out, done.code) == (False, 0)
    stamp = runner.started_of(int(done.output)) or ""
    started.append(Started(int(done.output), stamp))
    assert runner.alive(int(done.output), stamp)


def test_spawned_process_leads_its_session_and_holds_nothing_of_ours(
    tmp_path: pathlib.Path, gate: Gate, started: list[Started]
) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    code = (
        "import os, signal\n"
        "fds = [os.readlink('/proc/self/fd/%d' % fd) for fd in range(3)]\n"
        "more = [fd for fd in range(3, 256) if os.path.exists('/proc/self/fd/%d' % fd)]\n"
        "print('hello', flush=True)\n"
        f"open({gate.path!r}, 'w').write(repr((os.getsid(0) == os.getpid(), fds, more)))\n"
        "signal.pause()"
    )
    runner = Runner()
    log = tmp_path / "log"
    process = runner.spawn((*PYTHON, code), env={}, user="", log=log)
    started.append(process)
    os.close(writer)
    assert gate.read() == repr((True, ["/dev/null", str(log), str(log)], []))
    assert os.read(reader, 1) == b"", "our pipe is closed while the process lives"
    os.close(reader)
    assert runner.alive(process.pid, process.started)
    assert log.read_bytes() == START_LINE + b"hello\n"
    assert log.stat().st_mode & 0o777 == 0o640


def test_spawned_process_outlives_its_starter(tmp_path: pathlib.Path, gate: Gate, started: list[Started]) -> None:
    service = f"import signal; open({gate.path!r}, 'w').write('up'); signal.pause()"
    starter = (
        "import pathlib, sys\n"
        "from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Runner\n"
        f"log = pathlib.Path({str(tmp_path / 'log')!r})\n"
        f"done = Runner().spawn({(*PYTHON, service)!r}, env={{}}, user='', log=log)\n"
        "print(done.pid, done.started)"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", starter],
        env={"PYTHONPATH": path},
        capture_output=True,
        check=True,
    )
    pid, stamp = done.stdout.decode("ascii").split()
    started.append(Started(int(pid), stamp))
    assert (gate.read(), done.stderr) == ("up", b"")
    assert Runner().alive(int(pid), stamp)


@pytest.mark.parametrize(("size", "rotated"), [(0, False), (LIMITS.log, False), (LIMITS.log + 1, True)])
def test_a_log_that_has_grown_too_large_is_put_aside_at_start(tmp_path: pathlib.Path, size: int, rotated: bool) -> None:
    log, runner = tmp_path / "log", Runner()
    (tmp_path / "log.1").write_bytes(b"older")
    log.write_bytes(b"x" * size)
    process = runner.spawn(("/bin/true",), env={}, user="", log=log)
    assert gone(runner, process.pid, process.started)
    assert log.stat().st_size == len(START_LINE) + (0 if rotated else size)
    assert (tmp_path / "log.1").stat().st_size == (size if rotated else 5)


def test_a_link_in_place_of_the_log_is_not_followed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    with pytest.raises(BackendError) as caught:
        Runner().spawn(("/bin/true",), env={}, user="", log=tmp_path / "log")
    assert caught.value.code == "service-start-failed"
    assert not (tmp_path / "victim").exists()


def test_spawning_what_does_not_exist_names_it(tmp_path: pathlib.Path) -> None:
    with pytest.raises(BackendError, match="/nonexistent/command") as caught:
        Runner().spawn(("/nonexistent/command",), env={}, user="", log=tmp_path / "log")
    assert caught.value.code == "service-start-failed"


def test_a_zombie_counts_as_dead(gate: Gate) -> None:
    process = subprocess.Popen([*PYTHON, f"open({gate.path!r}, 'w').write('x')"])
    runner = Runner()
    stamp = runner.started_of(process.pid) or ""
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    try:
        assert runner.started_of(process.pid) == stamp, "its pid is still taken"
        assert not runner.alive(process.pid, stamp)
    finally:
        process.wait()
    assert runner.started_of(process.pid) is None


def test_a_reused_pid_is_neither_alive_nor_signalled(gate: Gate) -> None:
    process = subprocess.Popen([*PYTHON, f"open({gate.path!r}, 'w').write('x'); import signal; signal.pause()"])
    gate.read()
    runner = Runner()
    boot, _colon, ticks = (runner.started_of(process.pid) or "").rpartition(":")
    try:
        for stamp in (f"{boot}:{int(ticks) - 1}", f"another-boot:{ticks}", "", ":"):
            assert not runner.alive(process.pid, stamp)
            assert not runner.signal_group(process.pid, stamp, signal.SIGKILL)
            assert not runner.signal_one(process.pid, stamp, signal.SIGKILL)
            assert runner.session_of(Started(process.pid, stamp)) == []
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("pid", [-1, 0, 1])
def test_nobody_signals_everybody(pid: int) -> None:
    runner = Runner()
    assert not runner.signal_group(pid, runner.started_of(pid) or "", signal.SIGCONT)
    assert not runner.signal_one(pid, runner.started_of(pid) or "", signal.SIGCONT)


def fake_proc(root: pathlib.Path, name: bytes, state: str = "S", threads: int = 1) -> pathlib.Path:
    (root / "sys/kernel/random").mkdir(parents=True)
    (root / "sys/kernel/random/boot_id").write_text("boot\n")
    (root / "42").mkdir()
    fields = [state, "1", "42", "42"] + ["0"] * 13 + [str(threads), "0", "777", "0"]
    (root / "42/stat").write_bytes(b"42 (" + name + b") " + " ".join(fields).encode("ascii") + b"\n")
    return root


@pytest.mark.parametrize("name", [b"sh", b"a) Z 1 (b", b"\xff\xfe ) ", b""])
def test_a_process_may_be_called_anything(tmp_path: pathlib.Path, name: bytes) -> None:
    runner = Runner(proc=fake_proc(tmp_path, name))
    assert runner.started_of(42) == "boot:777"
    assert runner.alive(42, "boot:777")


@pytest.mark.parametrize(
    ("state", "threads", "alive"), [("S", 1, True), ("Z", 1, False), ("Z", 0, False), ("X", 1, False), ("Z", 3, True)]
)
def test_only_the_main_thread_may_have_ended(tmp_path: pathlib.Path, state: str, threads: int, alive: bool) -> None:
    assert Runner(proc=fake_proc(tmp_path, b"x", state, threads)).alive(42, "boot:777") is alive


def test_a_user_that_does_not_exist_is_named() -> None:
    with pytest.raises(InputError, match="no-such-user") as caught:
        Runner().run(("/bin/true",), timeout=LONG, user="no-such-user")
    assert caught.value.code == "service-user-unknown"


def test_only_root_becomes_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY.pw_uid)
    assert account.account_of("nobody").other is False
    assert account.account_of("").other is False
    with pytest.raises(InputError) as caught:
        account.account_of("root")
    assert caught.value.code == "service-user-impossible"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_user_is_taken_on_wholly(tmp_path: pathlib.Path) -> None:
    code = "import os; print(os.getresuid(), os.getresgid(), os.getgroups(), os.environ['USER'], oct(os.umask(0)))"
    done = Runner().run(("/usr/bin/env", "python3", "-I", "-S", "-c", code), timeout=LONG, user="nobody")
    uid, gid = NOBODY.pw_uid, NOBODY.pw_gid
    assert done.output.strip() == f"{(uid,) * 3} {(gid,) * 3} [{gid}] nobody 0o22"
