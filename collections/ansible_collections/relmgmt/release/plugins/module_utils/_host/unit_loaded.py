# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether systemd has loaded a unit file as it is: to reload everything takes longer than all the rest of a switch
(private).

After each reload of ours a note is left: which bytes the unit file had, in which boot, and when systemd loaded its
units last. Where somebody else had it reload since, or it does not say when that was, nothing is known.
"""

from __future__ import annotations

import contextlib
import json
import pathlib

from .._model.digest import digest_of
from .disk import Disk
from .process import Runner
from .systemctl import systemctl

__all__ = ["UnitLoaded"]

_WHEN = "UnitsLoadTimestampMonotonic"


class UnitLoaded:
    """The note about one unit, in the directory ``run`` of an instance."""

    def __init__(self, instance: pathlib.Path, unit: str, runner: Runner) -> None:
        self._disk, self._name, self._runner = Disk(instance), f"loaded-{unit}.json", runner

    def holds(self, text: bytes) -> bool:
        """Whether systemd is known to have these bytes."""
        known = self._note(text)
        return known is not None and self._disk.read("run", self._name) == known

    def keep(self, text: bytes) -> None:
        """systemd has just loaded these bytes."""
        known = self._note(text)
        if known is not None:
            with contextlib.suppress(OSError):  # without a note it is reloaded the next time
                self._disk.make_directory("run")
                self._disk.write(known, "run", self._name, mode=0o600)

    def _note(self, text: bytes) -> bytes | None:
        when = systemctl(self._runner, "show", "--property=" + _WHEN).output.strip().rpartition("=")[2]
        if not when.isdigit() or when == "0":
            return None
        return json.dumps([self._runner.boot_id(), when, digest_of(text)]).encode("ascii")
