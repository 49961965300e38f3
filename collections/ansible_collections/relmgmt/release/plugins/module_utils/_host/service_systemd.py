# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service that systemd looks after (private).

A unit file of the package is linked, not copied: ``/etc/systemd/system/<unit>`` points through ``current``, so that
switching the deployment switches the unit file. ``enable`` however resolves the path, so every start asks it again.
A unit of that name which is somebody else's is never started, stopped or disabled.
"""

from __future__ import annotations

import os
import pathlib
import re
import typing as t

from .._model.errors import BackendError, ConflictError, InputError
from .._model.field import UNIT
from .._model.path import safe_path
from .._model.runtime import Service
from .astray import Astray
from .disk import Disk
from .process import Completed, Runner
from .service_action import reload_by_command
from .systemctl import TIMEOUT, UNITS, systemctl
from .unit_loaded import UnitLoaded

__all__ = ["UP", "SystemdDriver"]

_KILL_WAIT = 10.0
_NOT_LOADED = 5
_NOT_BOOTED = "not been booted with systemd"
_NOT_ENABLED = ("linked", "disabled")
UP = ("active", "reloading", "refreshing")


class SystemdDriver:
    """See ``service.Driver``."""

    def __init__(
        self,
        service: Service,
        *,
        instance: pathlib.Path,
        profile: pathlib.Path,
        runner: Runner,
        clock: t.Callable[[], float],
        units: pathlib.Path = UNITS,
    ) -> None:
        self._service, self._unit, self._profile, self._runner = service, service.unit, profile, runner
        self._instance = os.path.abspath(str(instance))
        self._restarts: int | None = None
        self._loaded = UnitLoaded(instance, service.unit, runner)
        self._disk = Disk(units)
        self._check()
        name = service.unit_file.rpartition("/")[2]
        self._link = units / name if name else None
        self._target = os.path.join(self._instance, "current", "profile", service.unit_file)

    def _check(self) -> None:
        unit, unit_file = self._unit, self._service.unit_file
        if not UNIT.match(unit):
            raise InputError(
                "unit-malformed",
                f"service.unit: {unit!r} is not the full name of a unit",
                hint="Write it with its ending, such as 'app.service'.",
            )
        if unit_file:
            name = safe_path(unit_file, what="service.unit_file").rpartition("/")[2]
            if name not in (unit, re.sub(r"@[^.]*\.", "@.", unit)):
                raise InputError(
                    "unit-file-misnamed",
                    f"service.unit_file: {unit_file!r} does not bear the name of service.unit, {unit!r}",
                )

    def require_own(self, adopted: t.Collection[str]) -> None:
        if self._foreign() and self._unit not in adopted and not self._makes_room():
            raise ConflictError(
                "unit-foreign",
                "The unit {} exists on this host and is not of {}: {}".format(
                    self._unit, self._instance, self._show("FragmentPath")["FragmentPath"] or self._link
                ),
                hint="Name another unit, or remove the one that is there, or name it in 'adopts' of release.yml.",
            )

    def start(self) -> None:
        self.require_own(())
        before = self._show("ActiveState", "NeedDaemonReload", "UnitFileState")
        up, stale = before["ActiveState"] in UP, before["NeedDaemonReload"] == "yes"
        if up and not stale and self._linked() and before["UnitFileState"] not in _NOT_ENABLED:
            return
        self._load(stale=stale)
        if not up:
            self._systemctl("reset-failed", self._unit)  # else the restarts of another deployment count; fails if new
        if stale or not up:
            verb, timeout = "restart" if up else "start", self._service.start_timeout
            self._restarts = 0
            self._must(verb, self._unit, timeout=timeout, code="service-start-failed")
        self._must("enable", "--no-reload", self._unit)  # for the next boot, so whoever waits now does not wait for it
        self._disk.flush()  # the links that systemctl made

    def reload(self) -> None:
        if self._service.reload:
            reload_by_command(self._service, self._runner)
        else:
            self._must("reload", self._unit, timeout=self._service.reload_timeout, code="service-reload-failed")

    def stop(self) -> None:
        if (not self._linked_somehow() and self._absent()) or self._foreign():
            return
        done = self._systemctl("stop", self._unit, timeout=self._service.stop_timeout)
        if done.timed_out:
            self._systemctl("kill", "--signal=SIGKILL", self._unit)
            done = self._systemctl("stop", self._unit, timeout=_KILL_WAIT)
        if done.code and done.code != _NOT_LOADED and self._absent():
            return
        if done.code and done.code != _NOT_LOADED:
            raise self._failure("service-stop-failed", "stop", done)

    def active(self) -> bool:
        now = self._show("ActiveState", "SubState", "NRestarts")
        restarts = int(now["NRestarts"] or 0)
        if self._restarts is None:
            self._restarts = restarts
        return now["ActiveState"] in UP and now["SubState"] != "auto-restart" and restarts <= self._restarts

    def astray(self) -> list[Astray]:
        if not self._linked():
            return [Astray(f"{self._link} leads to {self._target}", self._instead(), restarts=True)]
        now, found = self._show("NeedDaemonReload", "UnitFileState"), []
        if now["NeedDaemonReload"] == "yes":
            found.append(Astray("systemd runs the unit file as it is", "it has read another one", restarts=True))
        if now["UnitFileState"] in _NOT_ENABLED and self._can_be_enabled():
            found.append(Astray("enabled", "not enabled"))
        return found

    def _can_be_enabled(self) -> bool:
        """Whether the unit file says by what it is started at boot; one that is not ours is asked for nothing."""
        return self._link is not None and b"[Install]" in (Disk(self._profile).read(self._service.unit_file) or b"")

    def _instead(self) -> str:
        """What is in the place of the link to its unit file."""
        path = str(self._link)
        if not os.path.lexists(path):
            return "it is missing"
        return f"it leads to {os.readlink(path)}" if os.path.islink(path) else "somebody else's file is there"

    def describe(self) -> str:
        now = self._show("ActiveState", "SubState", "NRestarts")
        return "{} is {} ({}), restarted {} times\n{}".format(
            self._unit, now["ActiveState"], now["SubState"], now["NRestarts"] or 0, self._status()
        )

    def remove(self) -> None:
        if self._absent() or self._foreign():
            return
        self.stop()
        if self._linked_somehow() or self._show("LoadState")["LoadState"] != "not-found":
            self._must("disable", "--no-reload", self._link.name if self._link else self._unit)
        self._must("daemon-reload")
        self._systemctl("reset-failed", self._unit)  # else a failed one goes on being listed; fails if there is none

    def _load(self, *, stale: bool) -> None:
        """Link it, and let systemd know what it is; stale: systemd itself says that it does not."""
        text = None
        if self._link is not None:
            text = Disk(self._profile).read(self._service.unit_file)
            if text is None:
                raise InputError(
                    "unit-file-missing",
                    f"service.unit_file: the profile has no file {self._service.unit_file!r}",
                    hint="Add a template with that destination to config.templates.",
                )
            if not self._linked():
                self._must("link", "--force", "--no-reload", self._target)
        if stale or text is None or not self._loaded.holds(text):
            self._must("daemon-reload")
            if text is not None:
                self._loaded.keep(text)

    def _absent(self) -> bool:
        """Whether this host has no systemd that could run anything."""
        done = self._systemctl("show", "--property=Version")
        return done.code != 0 and self._failure("systemctl-failed", "show", done).code == "systemd-missing"

    def _linked(self) -> bool:
        return self._link is None or (self._link.is_symlink() and os.readlink(str(self._link)) == self._target)

    def _linked_somehow(self) -> bool:
        return self._link is not None and self._link.is_symlink()

    def _foreign(self) -> bool:
        """Whether the unit file of that name is not ours. A unit that the package does not bring is meant as it is."""
        if self._link is None:
            return False
        ours = self._instance + os.sep
        if os.path.lexists(str(self._link)):
            return not (self._link.is_symlink() and os.readlink(str(self._link)).startswith(ours))
        fragment = self._show("FragmentPath")["FragmentPath"]
        return bool(fragment) and not fragment.startswith(ours)

    def _makes_room(self) -> bool:
        """Whether the foreign unit was adopted, and ours may stand before what a distribution brings of it."""
        from .adoption import adoption_of
        from .locate import instance_at

        if self._link is None or os.path.lexists(str(self._link)):
            return False
        adoption = adoption_of(instance_at(pathlib.Path(self._instance)))
        return adoption is not None and self._unit in adoption.units

    def _show(self, *names: str) -> dict[str, str]:
        """Properties of the unit; empty where this systemd does not have one."""
        done = self._must("show", "--property=" + ",".join(names), self._unit)
        found = dict(line.split("=", 1) for line in done.output.splitlines() if "=" in line)
        return {name: found.get(name, "") for name in names}

    def _status(self) -> str:
        """Its state without what it said: that may hold secrets, and this text goes into results and records."""
        status = self._systemctl("status", "--full", "--lines=0", self._unit).output.strip()
        return f"{status}\nWhat it said: journalctl -u {self._unit}"

    def _must(self, *args: str, timeout: float = TIMEOUT, code: str = "systemctl-failed") -> Completed:
        done = self._systemctl(*args, timeout=timeout)
        if done.code or done.timed_out:
            raise self._failure(code, args[0], done)
        return done

    def _failure(self, code: str, verb: str, done: Completed) -> BackendError:
        if done.code == 127 or _NOT_BOOTED in done.output:
            return BackendError(
                "systemd-missing",
                f"The unit {self._unit} needs systemd, and this host does not run it",
                hint="Use service.driver 'command' on hosts without systemd.",
            )
        how = "did not end in time" if done.timed_out else f"failed with code {done.code}"
        parts = [f"systemctl {verb} {self._unit} {how}", done.output.strip()]
        if verb in ("start", "restart", "stop"):
            parts.append(self._status())
        return BackendError(code, "\n".join(part for part in parts if part))

    def _systemctl(self, *args: str, timeout: float = TIMEOUT) -> Completed:
        return systemctl(self._runner, *args, timeout=timeout)
