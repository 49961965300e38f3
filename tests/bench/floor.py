# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The least that the job can cost: bytes and a link over one ssh a host, and the least that asking can cost."""

from __future__ import annotations

import pathlib

from .command import Command, ansible
from .contestant import Contestant, version_after
from .fleet import Fleet
from .material import Material
from .sample import Phase

__all__ = ["Floor", "Ping"]

_EACH = pathlib.Path(__file__).with_name("each.sh")
_ROOT = "/srv/floor"


class Floor(Contestant):
    """``tar`` and ``ln`` through ssh; a re-run is ``ssh true``, a look for drift ``sha256sum`` of all files. There is
    no service, no probe, no record."""

    name = "floor"

    def __init__(self, material: Material, fleet: Fleet) -> None:
        self._material, self._fleet = material, fleet

    def command(self, phase: Phase) -> Command:
        version = version_after(self._material.tree, phase)
        link = f"ln -sfn {version.number} {_ROOT}/current"
        unpack = f"mkdir -p {_ROOT}/{version.number} && tar -x -C {_ROOT}/{version.number} && {link}"
        source = self._material.archive(version, compressed=False)
        if phase is Phase.AGAIN:
            return self._each("/dev/null", "true")
        if phase is Phase.DRIFT:
            return self._each("/dev/null", f"sudo sh -c 'find {_ROOT} -type f -print0 | xargs -0 sha256sum >/dev/null'")
        if phase is Phase.REVERT:
            return self._each("/dev/null", f"sudo {link}")
        return self._each(str(source), f"sudo sh -c '{unpack}'")

    def check(self, phase: Phase, output: str) -> None:
        self._fleet.check_link(f"{_ROOT}/current", version_after(self._material.tree, phase).number)

    def clean(self) -> None:
        self._fleet.clean("floor.service", _ROOT)

    def _each(self, source: str, command: str) -> Command:
        login = self._fleet.login
        return Command(("bash", str(_EACH), source, command, *self._fleet.addresses, "--", *login))


class Ping(Contestant):
    """``ansible -m ping``: Ansible's own floor of a re-run."""

    name = "ansible ping"
    phases = (Phase.AGAIN,)

    def __init__(self, fleet: Fleet, work: pathlib.Path) -> None:
        self._fleet, self._work = fleet, work

    def command(self, phase: Phase) -> Command:
        return ansible("ansible", "-i", self._fleet.inventory, "all", "-m", "ansible.builtin.ping", work=self._work)

    def check(self, phase: Phase, output: str) -> None:
        """Ansible's exit code says it all."""

    def clean(self) -> None:
        """It leaves nothing."""
