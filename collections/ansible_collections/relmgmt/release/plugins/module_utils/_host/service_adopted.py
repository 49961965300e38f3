# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ran on a host before relmgmt came, as a service (private).

Stopping it for good sets aside what would start it again, and what stands where a unit of ours is to stand. Starting it
first gives back every file as it was recorded: bytes, mode and owner.
"""

from __future__ import annotations

import os
import pathlib
import typing as t

from .._model.errors import BackendError
from .._model.runtime import Service
from .adoption import Adoption
from .astray import Astray
from .disk import Disk
from .foreign import link_names
from .instance import Instance
from .process import Completed, Runner
from .service_systemd import SystemdDriver
from .systemctl import TIMEOUT, systemctl

__all__ = ["AdoptedDriver"]

_STOP = 100.0  # systemd's own limit is 90
_START = 100.0


class AdoptedDriver:
    """See ``service.Driver``. Opening it reads the record. Raises IntegrityError (``adoption-damaged``)."""

    def __init__(self, adoption: Adoption, *, instance: Instance, runner: Runner, root: str = os.sep) -> None:
        self._adoption, self._record = adoption, adoption.record
        self._instance, self._runner = instance, runner
        self._host = Disk(pathlib.Path(root), spare=instance.disk)
        self._units = sorted(self._record["units"], key=lambda name: (name.endswith(".service"), name))
        self._drivers = {
            name: SystemdDriver(
                Service(driver="systemd", unit=name, stop_timeout=_STOP),
                instance=instance.path,
                profile=instance.path,
                runner=runner,
                clock=float,
            )
            for name in self._units
        }
        self._active = [name for name in self._units if self._record["units"][name]["active"]]

    def require_own(self, adopted: t.Collection[str]) -> None:
        """It has the names that it was found with."""

    def start(self) -> None:
        for path, kept in sorted(self._record["files"].items()):
            self._give_back(path, kept)
        self._keep_directories()
        self._must("daemon-reload")
        if self._active:
            systemctl(self._runner, "reset-failed", *self._active)  # fails where none is
            self._must("start", *self._active, timeout=_START)

    def reload(self) -> None:
        """Nobody knows whether it can be told: it is started anew."""
        self.stop()
        self.start()

    def stop(self) -> None:
        for driver in self._drivers.values():
            driver.stop()

    def active(self) -> bool:
        """As it was found: what did not run then need not run."""
        return all(self._drivers[name].active() for name in self._active)

    def astray(self) -> list[Astray]:
        """Whoever looked after it before sees to that."""
        return []

    def describe(self) -> str:
        return "\n".join(self._drivers[name].describe() for name in self._active)

    def remove(self) -> None:
        self.stop()
        for path in self._in_the_way():
            self._host.remove(*_parts(path))
        self._must("daemon-reload")

    def _in_the_way(self) -> list[str]:
        """What would start it again; and all of a unit whose name belongs to what is switched to."""
        switch = self._instance.history().unfinished
        ours = link_names(self._instance.runtime(switch.target).service) if switch is not None and switch.target else ()
        units = self._record["units"].items()
        return sorted(path for name, unit in units for path in unit["links"] + (unit["own"] if name in ours else []))

    def _give_back(self, path: str, kept: dict[str, str | int]) -> None:
        *parents, name = _parts(path)
        self._host.make_directory(*parents)
        if "link" in kept:
            self._host.point(str(kept["link"]), *parents, name)
            return
        data, mode = self._adoption.contents(str(kept["sha256"])), int(str(kept["mode"]), 8)
        self._host.write(data, *parents, name, mode=mode, uid=int(kept["uid"]), gid=int(kept["gid"]))

    def _keep_directories(self) -> None:
        """Make their names durable: one may have been made for a file that was given back."""
        above = {parent for path in self._record["files"] for parent in pathlib.PurePosixPath(path).parents}
        for directory in sorted(above):
            self._host.sync_directory(self._host.path(*directory.parts[1:]))

    def _must(self, *args: str, timeout: float = TIMEOUT) -> Completed:
        done = systemctl(self._runner, *args, timeout=timeout)
        if done.code or done.timed_out:
            how = "did not end in time" if done.timed_out else f"failed with code {done.code}"
            raise BackendError("adopted-start-failed", f"systemctl {' '.join(args)} {how}\n{done.output.strip()}")
        return done


def _parts(path: str) -> list[str]:
    return path.strip(os.sep).split(os.sep)
