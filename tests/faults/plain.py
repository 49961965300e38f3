# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application by a plain playbook, as a careful team writes it: ``plain/deploy.yml``."""

from __future__ import annotations

import pathlib
import tarfile
import typing as t

from .application import AFTER, BEFORE, CANARY, FLAGS, PORT, Command, Patience
from .boundaries import Recording, Stand, Trace, apart, in_order, in_waves, tasks_of

__all__ = ["Plain", "recording_of"]

_PLAYBOOK = pathlib.Path(__file__).parent / "plain" / "deploy.yml"
SERIAL: t.Mapping[str, list[int | str]] = {"big_bang": ["100%"], "rolling": ["25%"], "canary": [CANARY, "100%"]}
STARTED, JUDGED, CONFIRMED = "Restart the service", "Ask the service", "Put the host into traffic"


class Plain:
    name, tree = "plain", "faults"

    def __init__(self, work: pathlib.Path, patience: Patience) -> None:
        self._work = work

    def prepare(self) -> None:
        for version in (BEFORE, AFTER):
            with tarfile.open(self._archive(version), "w:gz") as archive:
                archive.add(self._work / "source" / version / "app", arcname="app")

    def roll_out(self, target: str, version: str, *, strategy: str, user: str, patient: bool = False) -> Command:
        about = {
            "app_target": target,
            "app_version": version,
            "app_archive": str(self._archive(version)),
            "app_serial": SERIAL[strategy],
            "app_max_fail": 100,  # as with the budget of ours
            "app_user": user,
            "app_port": PORT,
            "app_faulty": AFTER,
            "app_flags": FLAGS,
        }
        return Command(str(_PLAYBOOK), about)

    def roll_back(self, target: str, *, user: str) -> Command:
        return self.roll_out(target, BEFORE, strategy="big_bang", user=user)

    def recording(self, controller: Trace, hosts: t.Mapping[str, Trace]) -> Recording:
        return recording_of(controller)

    def _archive(self, version: str) -> pathlib.Path:
        return self._work / f"app-{version}.tar.gz"


def recording_of(controller: Trace) -> Recording:
    """Out of the trace of the controller alone: its tasks, and what each of them changed where.

    Raises:
        ValueError: N was not started and judged on a host.
    """
    tasks = tasks_of(controller)
    results = [entry for entry in controller if "result" in entry]
    times: dict[str, dict[str, float]] = {}
    for entry in results:
        times.setdefault(entry["host"], {})[entry["result"]] = entry["time"]
    try:
        stands = [
            Stand(sum(task.time < at[STARTED] for task in tasks), host, at[STARTED], at[JUDGED], at[CONFIRMED])
            for host, at in times.items()
        ]
    except KeyError as exc:
        raise ValueError(f"{exc} did not happen on every host") from None
    if not stands:
        raise ValueError("no host was switched")
    kept = apart(tasks, [entry["time"] for entry in results if entry["changed"]])
    return Recording(in_waves(stands), in_order(kept), len(tasks) - len(kept))
