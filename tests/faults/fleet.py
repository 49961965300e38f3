# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that a trial has for itself, and the way back to their starting point: N-1 confirmed, in traffic."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import pathlib
import shutil
import typing as t

from tests.testbed import Host, wait_for

from .application import AFTER, FLAGS, Patience, Product
from .boundaries import Recording, read_trace
from .controller import TRACER, Controller, Run
from .observer import SAFE, Observer

__all__ = ["PLAIN", "ROOT", "Fleet", "equip", "inventory"]

ROOT, PLAIN = "root", "faults"  # whom the service runs as
AT_ONCE = 6  # hosts that are looked after at a time
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
cp -a /srv/$1 /opt/golden/$0/tree
cp -a /etc/systemd/system /opt/golden/$0/units
"""
# What an earlier cell held and did not get to release must not go on.
_RESTORE = """
set -e
[ ! -e /run/relmgmt-faults/reached.0 ] || kill -KILL "$(cat /run/relmgmt-faults/reached.0)" 2>/dev/null || true
systemctl stop 'relmgmt-*.service' faults.service 2>/dev/null || true
cd /etc/systemd/system
rm -rf /srv/$1 /run/relmgmt-faults faults.service multi-user.target.wants/faults.service
mkdir -m 1777 /run/relmgmt-faults
[ "$0" != nothing ] || exec systemctl daemon-reload
cp -a /opt/golden/$0/tree /srv/$1
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
    """Hosts under one name of the inventory, the controller that rolls out to them, and what it does that with.

    recordings: by strategy, a rollout that went well.
    """

    name: str
    hosts: t.Mapping[str, Host]
    controller: Controller
    observer: Observer
    product: Product
    patience: Patience
    recordings: dict[str, Recording] = dataclasses.field(default_factory=dict)

    def victim(self, strategy: str, rank: int) -> Host:
        """The host at that place in the order of the strategy's waves."""
        return self.hosts[self.recordings[strategy].stands[rank].host]

    def save(self, user: str) -> None:
        """Keep the hosts as they are now."""
        self._everywhere(_SAVE, user)

    def restore(self, user: str) -> None:
        """Bring the hosts and the controller back to what was kept, and see that it is so; ``nothing``: to where
        nothing was deployed."""
        self._everywhere(_RESTORE, user)
        shutil.rmtree(self.controller.own, ignore_errors=True)
        if user != "nothing":
            shutil.copytree(self.controller.work / "golden" / user, self.controller.own, symlinks=True)
        self.controller.trace.mkdir(parents=True)
        if user != "nothing":
            wait_for("N-1 on every host", lambda: set(self.observer.look().values()) == {SAFE[1]})

    def roll_out(self, log: pathlib.Path, *, strategy: str, user: str, patient: bool = False) -> Run:
        """Begin the rollout of N; the same command each time."""
        command = self.product.roll_out(self.name, AFTER, strategy=strategy, user=user, patient=patient)
        return self.controller.start(command, log)

    def roll_back(self, log: pathlib.Path, *, user: str) -> Run:
        return self.controller.start(self.product.roll_back(self.name, user=user), log)

    def record(self, strategy: str, log: pathlib.Path) -> None:
        """Roll N out once with nothing in its way, and see what its boundaries are.

        Raises:
            ValueError: it did not go well.
        """
        self.restore(PLAIN)
        places = {name: host.path(FLAGS) for name, host in self.hosts.items()}
        for place in (self.controller.trace, *places.values()):
            (place / "record").touch()
        code = self.roll_out(log, strategy=strategy, user=PLAIN, patient=True).wait()
        if code != 0:
            raise ValueError(f"the rollout that is recorded ended with {code}: {log.read_text()}")
        traces = {name: read_trace(place / "trace") for name, place in places.items()}
        self.recordings[strategy] = self.product.recording(read_trace(self.controller.trace / "trace"), traces)

    def _everywhere(self, script: str, user: str) -> None:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda host: host.run("sh", "-c", script, user, self.product.tree), self.hosts.values()))


def inventory(path: pathlib.Path, fleets: t.Mapping[str, t.Mapping[str, Host]]) -> pathlib.Path:
    """Write the fleets as groups, beside the bed's own inventory."""
    groups = {
        name: {"hosts": {host.name: {"relmgmt_site": host.site} for host in hosts.values()}}
        for name, hosts in fleets.items()
    }
    path.write_text(json.dumps({"all": {"children": groups}}))
    return path
