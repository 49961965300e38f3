# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard as units of systemd, which outlive the connection, the engine and a reboot (private).

Two units an instance. ``<name>-boot`` runs before the package's own unit is started at boot, and lets ``current`` name
what is to run then, so that what was not judged never starts. ``<name>`` is the guard itself: started at boot, and when
a verb arms it; started again when it dies. They are files of their own, not links below the root: systemd may read them
before the root is mounted. They go with the last deployment.
"""

from __future__ import annotations

import hashlib
import pathlib
import re
import sys
import typing as t

from .._model.errors import BackendError, RelmgmtError
from .disk import Disk
from .instance import Instance
from .process import Runner
from .systemctl import UNITS, systemctl

__all__ = ["Units"]

_BOOT = """[Unit]
Description=relmgmt: what of {what} is to run after this boot
ConditionPathExists={engine}
RequiresMountsFor={mounts}
Before={before}

[Service]
Type=oneshot
ExecStart={python} -I -S {engine_word} boot {instance_word}
TimeoutStartSec=60

[Install]
WantedBy=multi-user.target
"""
_GUARD = """[Unit]
Description=relmgmt: the way back of {what}
ConditionPathExists={engine}
RequiresMountsFor={mounts}
After={after}
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart={python} -I -S {engine_word} guard {instance_word}
Restart=on-failure
RestartSec=1
KillMode=process

[Install]
WantedBy=multi-user.target
"""


class Units:
    """The guard of one instance."""

    def __init__(
        self, instance: Instance, engine: pathlib.Path, runner: Runner, *, units: pathlib.Path = UNITS
    ) -> None:
        self._instance, self._engine, self._runner = instance, engine, runner
        self._disk = Disk(units)
        self.guard, self.boot = units_of(instance.path)

    def install(self, *deployments: int) -> None:
        """Write the units that are not there, or not like this, and let systemd know them.

        Raises:
            BackendError: systemd refuses (``systemctl-failed``).
        """
        written = False
        for name, text in self._texts(deployments).items():
            if self._disk.read(name) != text.encode("utf-8"):
                self._disk.write(text.encode("utf-8"), name)
                written = True
        if written:
            self._systemctl("daemon-reload")
            self._systemctl("enable", self.boot, self.guard)
            self._disk.flush()  # the links that systemctl made

    def start(self) -> None:
        self._systemctl("start", self.guard)

    def remove(self) -> None:
        """Take both away; the guard that asks runs on to its end."""
        if any(self._disk.exists(name) for name in (self.boot, self.guard)):
            self._systemctl("disable", self.boot, self.guard)
            for name in (self.boot, self.guard):
                self._disk.remove(name)
            self._systemctl("daemon-reload")

    def describe(self) -> str:
        """Where what it said is found, for people."""
        return f"what it said: journalctl -u {self.guard}"

    def _texts(self, deployments: t.Iterable[int]) -> dict[str, str]:
        services = sorted({name for number in deployments for name in self._services(number)})
        about = {
            "what": f"{self._instance.package} ({self._instance.name})",
            "engine": escaped(str(self._engine)),
            "mounts": word(str(self._instance.path)),
            "python": word(sys.executable),
            "engine_word": word(str(self._engine)),
            "instance_word": word(str(self._instance.path)),
        }
        return {
            self.boot: _BOOT.format(before=" ".join([self.guard, *services]), **about),
            self.guard: _GUARD.format(after=" ".join([self.boot, *services]), **about),
        }

    def _services(self, deployment: int) -> list[str]:
        try:
            service = self._instance.runtime(deployment).service
        except RelmgmtError:  # damaged: it is not this that says so
            return []
        return [service.unit] if service is not None and service.driver == "systemd" else []

    def _systemctl(self, *args: str) -> None:
        done = systemctl(self._runner, *args)
        if done.code or done.timed_out:
            raise BackendError(
                "systemctl-failed", "systemctl {} failed: {}".format(" ".join(args), done.output.strip())
            )


def name_of(instance: pathlib.Path) -> str:
    """``relmgmt-<team>-<app>-<instance>-<digest8 of the path>``: readable, and distinct for each root."""
    readable = "-".join(re.sub(r"[^A-Za-z0-9_.]", "_", part) for part in instance.parts[-3:])
    return f"relmgmt-{readable}-{hashlib.sha256(str(instance).encode('utf-8')).hexdigest()[:8]}"


def units_of(instance: pathlib.Path) -> tuple[str, str]:
    """The names of the guard's unit and of the one that comes before the package's at boot."""
    name = name_of(instance)
    return f"{name}.service", f"{name}-boot.service"


def escaped(text: str) -> str:
    """For where a unit file takes the rest of the line."""
    return text.replace("%", "%%")


def word(text: str) -> str:
    """One word of a unit file's command line."""
    quoted = escaped(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{quoted}"'
