# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done on the host when a placement comes, changes or goes: one row a kind (private)."""

from __future__ import annotations

import typing as t

from .._model.errors import BackendError
from .process import Runner
from .systemctl import TIMEOUT, systemctl

__all__ = ["FOLLOW_UPS", "FollowUp", "reload_units"]

_INSTALL = b"[Install]"


class FollowUp(t.NamedTuple):
    """reload: whether systemd is to read its units again, which is first. came: what is done when a file is there, with
    its path and bytes; raises BackendError (``placement-failed``). goes: what is done before one is taken away."""

    reload: bool = False
    came: t.Callable[[Runner, str, bytes], None] | None = None
    goes: t.Callable[[Runner, str], None] | None = None


def reload_units(runner: Runner) -> None:
    _run(runner, "systemctl", "--no-ask-password", "daemon-reload")


def _run(runner: Runner, *command: str) -> None:
    done = runner.run(command, timeout=TIMEOUT)
    if done.code or done.timed_out:
        how = "did not end in time" if done.timed_out else f"failed: {done.output.strip()}"
        raise BackendError("placement-failed", f"{' '.join(command)} {how}")


def _start(runner: Runner, path: str, data: bytes) -> None:
    """What has an [Install] section is to run; nobody waits for it: probes tell how it is."""
    name = path.rpartition("/")[2]
    if _INSTALL in data and "@." not in name:
        _run(runner, "systemctl", "--no-ask-password", "enable", "--no-reload", name)
        _run(runner, "systemctl", "--no-ask-password", "restart", "--no-block", name)


def _stop(runner: Runner, path: str) -> None:
    """Whatever stands in the way of that: the file goes all the same, and what systemd does not know does not run."""
    systemctl(runner, "disable", "--now", path.rpartition("/")[2])


def _create(runner: Runner, path: str, data: bytes) -> None:
    _run(runner, "systemd-tmpfiles", "--create", path)


def _add_users(runner: Runner, path: str, data: bytes) -> None:
    _run(runner, "systemd-sysusers", path)


# In the order in which they are done: users before what is made for them, before what runs as them.
FOLLOW_UPS: dict[str, FollowUp] = {
    "sysusers": FollowUp(came=_add_users),
    "tmpfiles": FollowUp(came=_create),
    "logrotate": FollowUp(),
    "drop_in": FollowUp(reload=True),
    "unit": FollowUp(reload=True, came=_start, goes=_stop),
}
