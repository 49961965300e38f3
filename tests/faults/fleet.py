# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three hosts that a cell has for itself, and the way back to their starting point: N-1 confirmed, in traffic."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import shutil
import typing as t

from tests.testbed import Host

from .application import AFTER, ENVIRONMENT, PACKAGE, PORT
from .boundaries import HOST, Boundary, Recording, read_trace
from .controller import TRACER, Controller, Run
from .observer import Observer

__all__ = ["PATIENT", "SIZE", "Fleet", "equip"]

SIZE = 3
CONFIRM_TIMEOUT, PATIENT = 12, 300  # seconds, of a cell, whose wait is longer, and of what has to go well
TRACE = "/run/relmgmt-faults"
PYTHON = "/opt/relmgmt-faults/python"
# An account for the service, and an interpreter that puts the tracer before what it is given.
_EQUIP = """
set -e
id faults >/dev/null 2>&1 || useradd --system --no-create-home faults
mkdir -p /opt/relmgmt-faults /opt/golden
cd /opt/relmgmt-faults
cat >relmgmt_tracer.py
printf '#!/bin/sh\\nexec /usr/bin/python3 -I -S %s/relmgmt_tracer.py "$@"\\n' "$PWD" >python
chmod 755 python
"""
_SAVE = """
set -e
mkdir /opt/golden/$0
cp -a /srv/relmgmt /opt/golden/$0/relmgmt
cp -a /etc/systemd/system /opt/golden/$0/units
"""
# What an earlier cell held and did not get to release must not go on.
_RESTORE = """
set -e
[ ! -e /run/relmgmt-faults/reached ] || kill -KILL "$(cat /run/relmgmt-faults/reached)" 2>/dev/null || true
systemctl stop 'relmgmt-*.service' faults.service 2>/dev/null || true
cd /etc/systemd/system
rm -rf /srv/relmgmt /run/relmgmt-faults faults.service multi-user.target.wants/faults.service
mkdir -m 1777 /run/relmgmt-faults
[ "$0" != nothing ] || exec systemctl daemon-reload
cp -a /opt/golden/$0/relmgmt /srv/relmgmt
cp -a /opt/golden/$0/units/. .
systemctl daemon-reload
systemctl reset-failed faults.service 2>/dev/null || true
systemctl start faults.service
"""


def equip(host: Host) -> None:
    """Give a fresh host what the sweep needs there."""
    host.run("sh", "-c", _EQUIP, text=(TRACER / "relmgmt_tracer.py").read_text())


@dataclasses.dataclass
class Fleet:
    """Hosts under one name of the inventory, and the controller that rolls out to them."""

    name: str
    hosts: tuple[Host, ...]
    controller: Controller
    observer: Observer
    recording: Recording | None = None

    @property
    def victim(self) -> Host:
        """The host that is switched first, alone: the canary, as the recording showed it."""
        assert self.recording is not None
        return next(host for host in self.hosts if host.name == self.recording.victim)

    def save(self, variant: str) -> None:
        """Keep the hosts as they are now."""
        for host in self.hosts:
            host.run("sh", "-c", _SAVE, variant)

    def restore(self, variant: str) -> None:
        """Bring the hosts and the controller back to what was kept; ``nothing``: to where nothing was deployed."""
        for host in self.hosts:
            host.run("sh", "-c", _RESTORE, variant)
        shutil.rmtree(self.controller.own, ignore_errors=True)
        if variant != "nothing":
            shutil.copytree(self.controller.work / "golden" / variant, self.controller.own, symlinks=True)
        self.controller.trace.mkdir(parents=True)

    def roll_out(self, log: pathlib.Path, *, user: str, confirm_timeout: float = CONFIRM_TIMEOUT) -> Run:
        """Begin the rollout of N; the same command each time."""
        about = variables(self.name, AFTER, user=user, confirm_timeout=confirm_timeout)
        return self.controller.start("rollout", log, **about)

    def roll_back(self, log: pathlib.Path, version: str, *, user: str) -> Run:
        return self.controller.start("rollback", log, **variables(self.name, version, user=user))

    def record(self, log: pathlib.Path) -> Recording:
        """Roll N out once with nothing in its way, and see what its boundaries are.

        Raises:
            ValueError: it did not go well.
        """
        places = [self.controller.trace, *(host.path(TRACE) for host in self.hosts)]
        for place in places:
            (place / "record").touch()
        code = self.roll_out(log, user="faults", confirm_timeout=PATIENT).wait()
        if code != 0:
            raise ValueError(f"the rollout that is recorded ended with {code}: {log.read_text()}")
        controller, *hosts = (read_trace(place / "trace") for place in places)
        return Recording.of(controller, {host.name: trace for host, trace in zip(self.hosts, hosts, strict=True)})

    def arm(self, boundary: Boundary) -> pathlib.Path:
        """Have the tracer stop at the boundary; where it says so and waits to be released."""
        place = self.victim.path(TRACE) if boundary.place == HOST else self.controller.trace
        (place / "armed").write_text(boundary.name)
        return place


def variables(target: str, version: str, *, user: str, confirm_timeout: float = CONFIRM_TIMEOUT) -> dict[str, t.Any]:
    """The extra variables of a rollout to hosts or groups."""
    return {
        "relmgmt_target": target,
        "relmgmt_package": PACKAGE,
        "relmgmt_version": version,
        "relmgmt_environment": ENVIRONMENT,
        "relmgmt_confirm_timeout": confirm_timeout,
        "relmgmt_rehearsal": "waived",
        "relmgmt_rehearsal_reason": "the sweep of faults shows the way back",
        "relmgmt_config": {PACKAGE: {"port": PORT, "user": user, "faulty": AFTER, "flags": TRACE}},
        "ansible_python_interpreter": PYTHON,
    }


def inventory(path: pathlib.Path, fleets: t.Mapping[str, t.Sequence[Host]]) -> pathlib.Path:
    """Write the fleets as groups, beside the bed's own inventory."""
    groups = {
        name: {"hosts": {host.name: {"relmgmt_site": host.site} for host in hosts}} for name, hosts in fleets.items()
    }
    path.write_text(json.dumps({"all": {"children": groups}}))
    return path
