# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application as a package of the collection: built, published, promoted and rolled out by its own playbooks."""

from __future__ import annotations

import pathlib
import typing as t

from .application import AFTER, BEFORE, CANARY, FLAGS, PORT, Command, Patience
from .boundaries import Recording, Trace
from .controller import Controller

__all__ = ["Ours"]

PACKAGE, ENVIRONMENT = "faults/app", "prod"
PATIENT = 600  # seconds
PYTHON = "/opt/relmgmt-faults/python"


class Ours:
    name, tree = "ours", "relmgmt"

    def __init__(self, work: pathlib.Path, patience: Patience) -> None:
        self._work, self._patience = work, patience

    def prepare(self) -> None:
        controller = Controller(self._work, self._work / "maker", ())
        controller.verb("dml_repository", "teams=faults", f"environments={ENVIRONMENT}")
        for version in (BEFORE, AFTER):
            source, layout = self._work / "source" / version, self._work / "build" / version
            about = {"relmgmt_release_file": f"{source}/release.yml", "relmgmt_layout": str(layout)}
            controller.play(Command("relmgmt.release.package", about))
            about = {"relmgmt_package": PACKAGE, "relmgmt_version": version, "relmgmt_environment": ENVIRONMENT}
            controller.play(Command("relmgmt.release.promote", about))

    def roll_out(self, target: str, version: str, *, strategy: str, user: str, patient: bool = False) -> Command:
        about = {
            "relmgmt_strategy": strategy,
            "relmgmt_canary": CANARY,
            "relmgmt_confirm_timeout": PATIENT if patient else self._patience.confirm,
            # The fate of one victim must not be that of the others.
            "relmgmt_failure_budget": "100%",
            "relmgmt_release_budget": "100%",
            "relmgmt_rehearsal": "waived",
            "relmgmt_rehearsal_reason": "the sweep of faults shows the way back",
        }
        return Command("relmgmt.release.rollout", {**_common(target, version, user), **about})

    def roll_back(self, target: str, *, user: str) -> Command:
        return Command("relmgmt.release.rollback", _common(target, BEFORE, user))

    def recording(self, controller: Trace, hosts: t.Mapping[str, Trace]) -> Recording:
        return Recording.of(controller, hosts)


def _common(target: str, version: str, user: str) -> dict[str, t.Any]:
    return {
        "relmgmt_target": target,
        "relmgmt_package": PACKAGE,
        "relmgmt_version": version,
        "relmgmt_environment": ENVIRONMENT,
        "relmgmt_config": {PACKAGE: {"port": PORT, "user": user, "faulty": AFTER, "flags": FLAGS}},
        "ansible_python_interpreter": PYTHON,
    }
