# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection, as its users run it: the playbooks rollout, drift and rollback, from a signed DML."""

from __future__ import annotations

import pathlib
import shutil

from .command import Command, ansible
from .contestant import Contestant, check_unchanged, version_after
from .error import BenchError
from .fleet import Fleet
from .material import ENVIRONMENT, Material, package_of
from .sample import Phase

__all__ = ["Ours"]


_PLAYBOOKS = {Phase.DRIFT: "relmgmt.release.drift", Phase.REVERT: "relmgmt.release.rollback"}


class Ours(Contestant):
    name = "relmgmt"
    PORT = 8101

    def __init__(self, material: Material, fleet: Fleet, work: pathlib.Path) -> None:
        self._material, self._fleet, self._work = material, fleet, work
        self._variables = work / "ours.yml"
        config = {package_of(material.tree): {"port": self.PORT, "file": material.tree.file}}
        fleet.write_variables(
            self._variables,
            relmgmt_environment=ENVIRONMENT,
            relmgmt_config__10_all=config,
            relmgmt_rehearsal="waived",
            relmgmt_rehearsal_reason="a rollout is what is measured",
        )

    def command(self, phase: Phase) -> Command:
        """Cache and registry begin empty: fetching and verifying a version is part of its first rollout."""
        tree = self._material.tree
        values = {
            "relmgmt_target": "all",
            "relmgmt_package": package_of(tree),
            "relmgmt_version": version_after(tree, phase).number,
            "relmgmt_strategy": "big_bang",
        }
        extra = [part for name, value in values.items() for part in ("-e", f"{name}={value}")]
        playbook = _PLAYBOOKS.get(phase, "relmgmt.release.rollout")
        settings = self._material.settings(self._work / "client")
        inventories = ("-i", self._fleet.inventory, "-i", self._variables)
        return ansible("ansible-playbook", *inventories, playbook, *extra, work=self._work, **settings)

    def check(self, phase: Phase, output: str) -> None:
        self._fleet.check_served(self.PORT, version_after(self._material.tree, phase).marker)
        if phase is Phase.AGAIN:
            check_unchanged(output)
        if phase is Phase.DRIFT and " 0 of " not in output:
            raise BenchError("the report does not say that no host has drifted")

    def clean(self) -> None:
        self._fleet.clean("relmgmt-bench.service", "/srv/relmgmt")
        shutil.rmtree(self._work / "client", ignore_errors=True)
