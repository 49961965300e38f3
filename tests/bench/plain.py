# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same job as a plain, idiomatic playbook: ``plain/deploy.yml`` and ``plain/rollback.yml``."""

from __future__ import annotations

import json
import pathlib

from .command import Command, ansible
from .contestant import Contestant, check_unchanged, version_after
from .fleet import Fleet
from .material import Material
from .sample import Phase

__all__ = ["Plain"]

_PLAYBOOKS = pathlib.Path(__file__).parent / "plain"


class Plain(Contestant):
    name = "plain playbook"
    phases = (Phase.FIRST, Phase.UPGRADE, Phase.AGAIN, Phase.REVERT)  # it could not tell drift from what it left
    PORT = 8102

    def __init__(self, material: Material, fleet: Fleet, work: pathlib.Path) -> None:
        self._material, self._fleet, self._work = material, fleet, work

    def command(self, phase: Phase) -> Command:
        tree = self._material.tree
        version = version_after(tree, phase)
        values = {
            "app_version": version.number,
            "app_archive": str(self._material.archive(version, compressed=True)),
            "app_file": tree.file,
            "app_marker": version.marker,
            "app_port": self.PORT,
        }
        playbook = _PLAYBOOKS / ("rollback.yml" if phase is Phase.REVERT else "deploy.yml")
        inventory = ("-i", self._fleet.inventory)
        return ansible("ansible-playbook", *inventory, playbook, "-e", json.dumps(values), work=self._work)

    def check(self, phase: Phase, output: str) -> None:
        self._fleet.check_served(self.PORT, version_after(self._material.tree, phase).marker)
        if phase is Phase.AGAIN:
            check_unchanged(output)

    def clean(self) -> None:
        self._fleet.clean("app.service", "/srv/app", "/etc/app")
