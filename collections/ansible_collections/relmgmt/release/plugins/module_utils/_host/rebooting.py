# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Switches that take effect by a boot of the host (private).

The verb stops what runs, moves ``current`` and answers; it is the guard that has the host started anew, so that the
answer is out before. At the boot the boot unit writes that it came, and the guard starts and judges what is current
now. What took effect by a boot is undone by one.
"""

from __future__ import annotations

from .._model import outcome
from .._model.errors import BackendError, ConflictError, RelmgmtError
from .._model.runtime import Reboot, Runtime
from .answers import Answer, joined, switched
from .deadline import Deadline
from .instance import Instance, Tools
from .journal import History, Switch
from .running import Running

__all__ = ["Rebooting"]

_COMMAND_TIME = 60.0


class Rebooting:
    """The boots that switches of one instance take. The caller holds the lock, or only asks."""

    def __init__(self, instance: Instance, tools: Tools, running: Running) -> None:
        self._instance = instance
        self._tools = tools
        self._running = running

    def needed(self, history: History, switch: Switch) -> bool:
        """Whether the switch takes effect by a boot only, and none has come since it was announced."""
        if history.reboot is not None and history.unfinished is not None and history.unfinished[:3] == switch[:3]:
            return False
        if switch.verb == "activate":
            return self._runtime(switch.target).reboot is not None
        return (switch.target if switch.verb == "return" else switch.origin) in history.booted

    def begin(self, switch: Switch, confirm_timeout: float | None = None) -> Answer:
        """Do all of the switch but the boot, which the guard sees to. ``awaits`` in the answer: in how many seconds at
        the latest the host can say what came of it. Raises RelmgmtError, OSError."""
        self._running.place(switch.origin, switch.target)
        about, boot = self._about(switch), self._tools.runner.boot_id()
        end = self._tools.clock() + about.timeout
        deadline = Deadline(boot, end, end)
        self._instance.journal.write(
            "rebooting", deployment=switch.target, deadline=deadline._asdict(), confirm_timeout=confirm_timeout
        )
        seconds = about.timeout + self._runtime(switch.target).judging_time
        return switched(
            switch.origin if switch.verb == "revert" else switch.target,
            outcome.UNKNOWN,
            changed=True,
            reason=joined(switch.reason, "the host is started anew"),
            origin=switch.origin,
            target=switch.target,
            awaits=seconds,
        )

    def awaited(self, history: History) -> bool:
        """Whether an unfinished switch waits for the end of this very boot, and not for too long."""
        reboot = history.reboot
        if reboot is None or reboot.came or reboot.deadline.boot != self._tools.runner.boot_id():
            return False
        return self._tools.clock() < reboot.deadline.at

    def refuse(self, history: History) -> None:
        """Let nothing be done meanwhile.

        Raises:
            ConflictError: a switch waits for the host to be started anew (``host-rebooting``).
        """
        if self.awaited(history):
            raise ConflictError(
                "host-rebooting",
                f"{self._instance.path}: the host is about to be started anew",
                hint="Ask again when it is back.",
            )

    def due(self, history: History) -> bool:
        """Whether this is the boot that an unfinished switch waits for, and nobody has written so."""
        reboot = history.reboot
        return reboot is not None and not reboot.came and reboot.deadline.boot != self._tools.runner.boot_id()

    def arrive(self, history: History, deployment: int) -> None:
        """Let the deployment be current in this boot, which a switch takes; write that the boot came. From here on what
        was activated has its time to be confirmed."""
        self._running.point(deployment)
        asked = history.reboot.confirm_timeout if history.reboot is not None else None
        health, boot = self._runtime(deployment).health, self._tools.runner.boot_id()
        deadline = Deadline.after(self._tools.clock(), boot, health, asked)
        self._instance.journal.write("booted", deployment=deployment, deadline=deadline._asdict())

    def order(self, history: History) -> None:
        """Have the host started anew; returns before it is.

        Raises:
            BackendError: that was refused (``reboot-failed``).
        """
        if history.unfinished is not None:
            command = self._about(history.unfinished).command
            done = self._tools.runner.run(command, timeout=_COMMAND_TIME)
            if done.code or done.timed_out:
                said = done.output.strip() or f"exit code {done.code}"
                raise BackendError("reboot-failed", "{} failed: {}".format(" ".join(command), said))

    def _about(self, switch: Switch) -> Reboot:
        """How the host is started anew: as the deployment declares that the switch is about."""
        return self._runtime(switch.origin if switch.verb == "revert" else switch.target).reboot or Reboot()

    def _runtime(self, deployment: int) -> Runtime:
        try:
            return self._instance.runtime(deployment)
        except RelmgmtError:  # damaged: whoever starts it says so
            return Runtime()
