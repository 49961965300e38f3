# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service that is a plain process, where no service manager looks after it (private).

``run/service.json`` names the process; it is written after the process started, so a crash in between leaves one
without a record. It is found all the same: the service's processes carry the instance's path in their environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import pwd
import signal
import typing as t

from .._model.errors import BackendError, InputError
from .._model.runtime import Service
from .astray import Astray
from .process import Runner, Started
from .service_action import reload_by_command

__all__ = ["MARK", "CommandDriver"]

MARK = "RELMGMT_INSTANCE"
_POLL = 0.02
_KILL_WAIT = 5.0
_MAX_RECORD = 4096


class CommandDriver:
    """See ``service.Driver``."""

    def __init__(
        self,
        service: Service,
        *,
        instance: pathlib.Path,
        profile: pathlib.Path,
        runner: Runner,
        clock: t.Callable[[], float],
    ) -> None:
        if not service.command:
            raise InputError("service-command-missing", "service.command: the driver 'command' needs a command")
        self._service, self._instance, self._runner, self._clock = service, instance, runner, clock
        self._mark = os.path.realpath(str(instance))
        self._record = instance / "run" / "service.json"
        self._log = instance / "run" / "service.log"

    def require_own(self, adopted: t.Collection[str]) -> None:
        """A process has no name that somebody else could have."""

    def start(self) -> None:
        if self.active():
            return
        self.stop()
        try:
            self._record.parent.mkdir(mode=0o755, exist_ok=True)
            started = self._runner.spawn(
                self._service.command,
                env={**dict(self._service.environment), MARK: self._mark},
                user=self._service.user,
                log=self._log,
            )
            self._write(started)
        except OSError as exc:
            self.stop()
            raise BackendError("service-record-failed", f"{self._record} cannot be written: {exc}") from exc

    def reload(self) -> None:
        reload_by_command(self._service, self._runner)

    def stop(self) -> None:
        processes = self._processes()
        if not self._end(processes, signal.SIGTERM, self._service.stop_timeout):
            processes += [process for process in self._processes() if process not in processes]
            if not self._end(processes, signal.SIGKILL, _KILL_WAIT):
                raise BackendError(
                    "service-stop-failed",
                    "The service of {} does not end: process {}".format(
                        self._instance, ", ".join(str(process.pid) for process in processes if self._lives(process))
                    ),
                    hint="Look what it waits for: a process in an uninterruptible wait cannot be killed.",
                )
        with contextlib.suppress(FileNotFoundError):
            self._record.unlink()

    def active(self) -> bool:
        recorded = self._read()
        return recorded is not None and self._lives(recorded)

    def astray(self) -> list[Astray]:
        return []

    def describe(self) -> str:
        recorded = self._read()
        if recorded is None:
            state = "is not running"
        elif self._lives(recorded):
            state = f"runs as process {recorded.pid}"
        else:
            state = f"has ended (it was process {recorded.pid})"
        return f"{self._service.command[0]} {state}; what it said is in {self._log}"

    def remove(self) -> None:
        self.stop()

    def _lives(self, process: Started) -> bool:
        return self._runner.alive(process.pid, process.started)

    def _processes(self) -> list[Started]:
        """What belongs to the service: the session of the recorded process, and all that carry the mark."""
        recorded = self._read()
        session = self._runner.session_of(recorded) if recorded is not None else []
        marked = self._runner.marked(MARK, self._mark, uids=self._uids())
        return session + [process for process in marked if process not in session]

    def _uids(self) -> set[int]:
        """Whose processes can be the service's; anybody could give theirs the mark."""
        user = self._service.user
        try:
            return {os.geteuid(), pwd.getpwnam(user).pw_uid} if user else {os.geteuid()}
        except KeyError:
            return {os.geteuid()}

    def _end(self, processes: t.Sequence[Started], signum: int, seconds: float) -> bool:
        """Signal all of them and wait until none is left, nor one that they started; False: the seconds were over."""
        for process in processes:
            self._runner.signal_one(process.pid, process.started, signum)
        deadline = self._clock() + seconds
        while any(self._lives(process) for process in processes) or self._processes():
            if self._clock() >= deadline:
                return False
            self._runner.pause(_POLL)
        return True

    def _read(self) -> Started | None:
        """The recorded process; None: there is no record, or nothing that can be understood."""
        try:
            with open(str(self._record), "rb") as stream:
                data = json.loads(stream.read(_MAX_RECORD).decode("utf-8"))
            pid, ticks, boot_id = data["pid"], data["started"], data["boot_id"]
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return None
        numbers = all(isinstance(number, int) and not isinstance(number, bool) for number in (pid, ticks))
        if not numbers or not isinstance(boot_id, str) or pid <= 1:
            return None
        return Started(pid, f"{boot_id}:{ticks}")

    def _write(self, started: Started) -> None:
        boot_id, _colon, ticks = started.started.rpartition(":")
        data = json.dumps({"pid": started.pid, "started": int(ticks), "boot_id": boot_id}, sort_keys=True) + "\n"
        new = str(self._record) + ".new"
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(fd, "wb") as stream:
            stream.write(data.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, str(self._record))
        directory = os.open(str(self._record.parent), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
