# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the service still has to learn of a repair, and what else of what runs is to be put right (private).

Staging puts files right under a service that runs. Which ones is noted before, in ``run/repaired.json``, so that the
next activation has the service restarted, or reloaded, as the release declares; also if whoever staged is killed in
between. A switch restarts it anyway, so a note counts only for as long as none has begun since.
"""

from __future__ import annotations

import contextlib
import json
import typing as t

from .._model.errors import RelmgmtError
from .._model.manifest import NONE, RELOAD, RESTART
from .instance import Instance, Tools, profile_name
from .running import Running
from .service_action import action_of

__all__ = ["REFRESH", "Mending"]

REFRESH = "refresh"  # what can be put right while it runs
_NOTE = ("run", "repaired.json")


class Mending:
    """Of one instance. The caller holds the lock, or only asks."""

    def __init__(self, instance: Instance, tools: Tools) -> None:
        self._instance, self._disk, self._tools = instance, instance.disk, tools

    def note(self, deployment: int, paths: t.Iterable[str]) -> None:
        """The paths of the current deployment are about to be repaired; they begin at the instance. Raises OSError."""
        profile = "profiles/{}/".format(profile_name(self._instance.history().staged[deployment]["profile"]))
        paths = list(paths)
        files = {path[len(profile) :] for path in paths if path.startswith(profile)}
        release = any(path.startswith(("units/", "releases/", f"deployments/{deployment}/release")) for path in paths)
        known = self._noted(deployment)
        if not (files or release):
            return
        note = {
            "deployment": deployment,
            "switches": self._switches(),
            "release": release or bool(known.get("release")),
            "profile": sorted({*files, *known.get("profile", ())}),
        }
        self._disk.make_directory("run")
        self._disk.write(json.dumps(note, sort_keys=True).encode("utf-8"), *_NOTE, mode=0o600)

    def unlearned(self, deployment: int) -> str:
        """What the service has to do for what was repaired since it was started: restart, reload, or none."""
        known = self._noted(deployment)
        if not known:
            return NONE
        try:
            return RESTART if known["release"] else action_of(self._instance, deployment, known["profile"])
        except (RelmgmtError, OSError):
            return RESTART

    def owed(self, deployment: int) -> str:
        """What it takes to let what runs be as the deployment declares; none where it is, or cannot be told: whether
        it is healthy matters more."""
        try:
            return self._owed(deployment)
        except (RelmgmtError, OSError):
            return NONE

    def _owed(self, deployment: int) -> str:
        driver = Running(self._instance, self._tools).driver(deployment)
        astray = driver.astray() if driver is not None else []
        asked = self.unlearned(deployment) if driver is not None else NONE
        if asked == RESTART or any(item.restarts for item in astray):
            return RESTART
        if asked == RELOAD:
            return RELOAD
        return REFRESH if astray or self.misplaced(deployment) else NONE

    def misplaced(self, deployment: int) -> list[str]:
        """Placements that are not as the deployment declares them. Raises RelmgmtError, OSError."""
        if not self._instance.runtime(deployment).placements:
            return []
        from .placements import Placements

        return Placements(self._instance, self._tools.runner).differs(deployment)

    def done(self) -> None:
        """The service knows."""
        with contextlib.suppress(OSError):
            self._disk.remove(*_NOTE)

    def _noted(self, deployment: int) -> t.Mapping[str, t.Any]:
        """The note about the deployment, empty where there is none that counts."""
        with contextlib.suppress(RelmgmtError, OSError):
            note = self._disk.read_json(*_NOTE)
            if isinstance(note, dict) and (note["deployment"], note["switches"]) == (deployment, self._switches()):
                return note
        return {}

    def _switches(self) -> int:
        return sum(event["event"] == "switch" for event in self._instance.journal.events())
