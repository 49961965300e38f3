# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes: run a command to its end, start one that stays, never mistake one for its pid's next owner (private).

What is started here sees the same surroundings whether a person, an Ansible connection or a timer asked for it: the
root directory, a fixed small environment, umask 022, no standard input and no open files.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import select
import signal
import subprocess
import sys
import time
import typing as t

from .._model.errors import BackendError
from .._model.record import record
from .account import account_of

__all__ = ["LIMITS", "START_LINE", "Completed", "Limits", "Runner", "Started"]

Command = t.Sequence[str]


@record(frozen=True)
class Limits:
    """Bytes, and seconds."""

    output: int = 4096
    drained: int = 1 << 20
    log: int = 1 << 20
    poll_first: float = 0.002
    poll_longest: float = 0.05
    reap: float = 5.0


LIMITS = Limits()
START_LINE = b"--- relmgmt: start ---\n"
_DEAD = ("Z", "X", "x")


@record(frozen=True)
class Completed:
    """A command that ended. ``output``: the last 4 KiB of standard output and error. ``code`` as a shell has it for a
    command that could not be run (126, 127), negative for the signal that ended it."""

    code: int
    output: str
    timed_out: bool = False


@record(frozen=True)
class Started:
    """A process, named so that a later one with the same pid is not taken for it: ``started`` is
    ``<boot id>:<start time in clock ticks since boot>``."""

    pid: int
    started: str


@record(frozen=True)
class _Stat:
    """What is used of /proc/<pid>/stat."""

    state: str
    session: int
    threads: int
    ticks: int


class _Detached(subprocess.Popen):  # type: ignore[type-arg]  # not subscriptable at run time on Python 3.8
    """A process that is meant to outlive us: forgetting it is no mistake that deserves a warning."""

    def __del__(self) -> None:
        return


class Runner:
    """Everything that the engine does with processes. Tests give parts of it other methods."""

    def __init__(
        self, *, clock: t.Callable[[], float] = time.monotonic, proc: pathlib.Path = pathlib.Path("/proc")
    ) -> None:
        self._clock = clock
        self._proc = proc
        self._children: dict[int, _Detached] = {}

    def run(
        self,
        argv: Command,
        *,
        timeout: float,
        user: str = "",
        env: t.Mapping[str, str] | None = None,
        cwd: pathlib.Path | None = None,
        errors: t.BinaryIO | None = None,
    ) -> Completed:
        """Run the command to its end; nothing of its process group outlives it or the time limit.

        errors: where its standard error goes; into the output if None.

        Raises:
            InputError: it cannot be run as ``user`` (``service-user-unknown``, ``service-user-impossible``).
        """
        account = account_of(user)
        deadline = self._clock() + timeout
        try:
            # The engine runs without AnsibleModule, whose run_command pylint would have.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if errors is None else errors,
                start_new_session=True,
                cwd=str(cwd or "/"),
                env={**account.environment(), **(env or {})},
                **account.options(),
            )
        except (OSError, ValueError, subprocess.SubprocessError) as exc:
            missing = getattr(exc, "errno", None) == errno.ENOENT
            return Completed(127 if missing else 126, f"{argv[0]} cannot be run: {exc}")
        return self._attend(process, deadline)

    def _attend(self, process: subprocess.Popen[bytes], deadline: float) -> Completed:
        """Read what the command says until it ends (not: until its pipe is closed) or until the deadline."""
        stdout = t.cast(t.BinaryIO, process.stdout)
        output = _Output(stdout.fileno(), process.pid)
        pause, timed_out = LIMITS.poll_first, False
        try:
            while not _ended(process.pid):
                left = deadline - self._clock()
                if left <= 0:
                    timed_out = True
                    break
                pause = LIMITS.poll_first if output.wait(min(pause, left)) else min(2 * pause, LIMITS.poll_longest)
        finally:
            # The command itself is not yet waited for, so that its pid cannot be anybody else's.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LIMITS.reap)
            output.drain()
            output.close()
            stdout.close()
        code = process.returncode if process.returncode is not None else -int(signal.SIGKILL)
        return Completed(code, output.text(), timed_out)

    def spawn(self, argv: Command, *, env: t.Mapping[str, str], user: str, log: pathlib.Path) -> Started:
        """Start a process that stays when we end, in a session of its own, with its output appended to ``log``.

        Raises:
            BackendError: it cannot be started (``service-start-failed``).
            InputError: it cannot be run as ``user``.
        """
        account = account_of(user)
        try:
            with _open_log(log) as output:
                output.write(START_LINE)
                output.flush()
                process = _Detached(
                    list(argv),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    cwd="/",
                    env={**account.environment(), **env},
                    **account.options(),
                )
        except (OSError, ValueError, subprocess.SubprocessError) as exc:
            raise BackendError(
                "service-start-failed",
                f"{argv[0]} cannot be started: {exc}",
                hint="The command is an absolute path to an executable file on the host.",
            ) from exc
        self._children[process.pid] = process
        return Started(process.pid, self.started_of(process.pid) or "")

    def started_of(self, pid: int) -> str | None:
        """``<boot id>:<ticks>`` of the process that has the pid now, also if it is a zombie; None: nobody has it."""
        stat = self._stat(pid)
        return None if stat is None else f"{self.boot_id()}:{stat.ticks}"

    def alive(self, pid: int, started: str) -> bool:
        """Whether that very process runs; a zombie does not, nor does another process with its pid."""
        child = self._children.get(pid)
        if child is not None and child.poll() is not None:
            del self._children[pid]
        stat = self._stat(pid)
        if stat is None or self.started_of(pid) != started:
            return False
        return stat.state not in _DEAD or stat.threads > 1

    def signal_group(self, pid: int, started: str, signum: int) -> bool:
        """Send the signal to the process group that this very process leads; False: it is gone, nobody got it."""
        return self._signal(os.killpg, pid, started, signum)

    def signal_one(self, pid: int, started: str, signum: int) -> bool:
        """Send the signal to this very process; False: it is gone, nobody got it."""
        return self._signal(os.kill, pid, started, signum)

    def marked(self, name: str, value: str, *, uids: t.Collection[int]) -> list[Started]:
        """The running processes of these accounts whose environment says ``name=value``, as far as we may look."""
        mark = f"{name}={value}".encode("utf-8", "surrogateescape")

        def belongs(pid: int) -> bool:
            directory = self._proc / str(pid)
            return os.stat(str(directory)).st_uid in uids and mark in (directory / "environ").read_bytes().split(b"\0")

        return self._select(belongs)

    def session_of(self, leader: Started) -> list[Started]:
        """The running processes of the session that this very process leads; none if it is gone."""
        if self.started_of(leader.pid) != leader.started:
            return []

        def belongs(pid: int) -> bool:
            stat = self._stat(pid)
            return stat is not None and stat.session == leader.pid

        return self._select(belongs)

    def _select(self, wanted: t.Callable[[int], bool]) -> list[Started]:
        """The running ones. Asked twice, so that it is the process that is named here which is wanted; of most, which
        are not, nothing else is read."""
        found = []
        for pid in sorted(int(entry) for entry in os.listdir(str(self._proc)) if entry.isdigit()):
            with contextlib.suppress(OSError):  # it has ended
                if not wanted(pid):
                    continue
                started = self.started_of(pid)
                if started is not None and wanted(pid) and self.alive(pid, started):
                    found.append(Started(pid, started))
        return found

    def pause(self, seconds: float) -> None:
        """Do nothing for a while."""
        time.sleep(seconds)

    def _signal(self, send: t.Callable[[int, int], None], pid: int, started: str, signum: int) -> bool:
        if pid <= 1 or self.started_of(pid) != started:
            return False
        try:
            send(pid, signum)
        except ProcessLookupError:
            return False
        except PermissionError as exc:
            raise BackendError(
                "signal-refused",
                f"Process {pid} cannot be signalled: {exc}",
                hint="Run as root, or as the user that the process runs as.",
            ) from exc
        return True

    def _stat(self, pid: int) -> _Stat | None:
        try:
            # The second field is the program's name in parentheses and may hold anything, parentheses too.
            fields = (self._proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
            return _Stat(fields[0].decode("ascii"), int(fields[3]), int(fields[17]), int(fields[19]))
        except (OSError, IndexError, ValueError):
            return None

    def boot_id(self) -> str:
        """What tells this boot of the machine from all others."""
        try:
            return (self._proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError as exc:
            raise BackendError("boot-id-unreadable", f"The boot id cannot be read: {exc}") from exc


class _Output:
    """The last part of what comes out of a pipe of a process; the end of that ends any wait, where Python knows how."""

    def __init__(self, fd: int, pid: int) -> None:
        self._fd, self._tail, self._open = fd, bytearray(), True
        os.set_blocking(fd, False)
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._end = _end_of(pid)
        if self._end is not None:
            self._poll.register(self._end, select.POLLIN)

    def close(self) -> None:
        if self._end is not None:
            os.close(self._end)

    def wait(self, seconds: float) -> bool:
        """Read what is there, or wait for something until the seconds are over; whether something came."""
        return bool(self._poll.poll(1000 * seconds)) and self._read() > 0

    def drain(self) -> None:
        """Read what is there, within a limit: somebody may go on writing."""
        total, size = 0, 1
        while size and total < LIMITS.drained:
            size = self._read()
            total += size

    def text(self) -> str:
        return bytes(self._tail).decode("utf-8", "replace")

    def _read(self) -> int:
        if not self._open:
            return 0
        try:
            data = os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return 0
        if not data:
            self._open = False
            self._poll.unregister(self._fd)
        self._tail += data
        del self._tail[: -LIMITS.output]
        return len(data)


def _end_of(pid: int) -> int | None:
    """What can be read when the child has ended; Python 3.8 and old kernels have no such thing."""
    if sys.version_info < (3, 9):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _ended(pid: int) -> bool:
    """Whether the child ended; it stays to be waited for."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _open_log(path: pathlib.Path) -> t.BinaryIO:
    """The log, to append to; one that has grown too large becomes ``<name>.1``."""
    with contextlib.suppress(FileNotFoundError):
        if path.lstat().st_size > LIMITS.log:
            os.replace(str(path), str(path) + ".1")
    return os.fdopen(
        os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640), "ab"
    )
