# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a host goes into and out of traffic: the drivers by name (private)."""

from __future__ import annotations

import pathlib
import typing as t

from .._model.errors import InputError
from .._model.runtime import Traffic
from .process import Runner
from .traffic_agent import AgentCheck
from .traffic_readiness import ReadinessFile

__all__ = ["DRIVERS", "TrafficDriver", "open_traffic"]


class TrafficDriver(t.Protocol):
    """The traffic of one instance. Every method may be called again; opening one checks what is declared, no more."""

    def check(self) -> None:
        """Make sure that it can work on this host. Raises InputError, ConflictError, BackendError."""

    def inside(self) -> bool:
        """Whether the host is in traffic."""

    def enter(self) -> None:
        """Go into traffic; nothing if it is. Raises as ``check`` does, and OSError."""

    def leave(self) -> None:
        """Go out of traffic; nothing if it is. Raises as ``check`` does, and OSError."""

    def close(self) -> None:
        """The requests have ended that were there when it left: let none come. Raises OSError."""


class _Opener(t.Protocol):
    def __call__(self, traffic: Traffic, *, instance: pathlib.Path, runner: Runner) -> TrafficDriver:
        """Open a driver: check what is declared, do nothing."""


DRIVERS: dict[str, _Opener] = {"agent_check": AgentCheck, "readiness_file": ReadinessFile}


def open_traffic(traffic: Traffic, *, instance: pathlib.Path, runner: Runner) -> TrafficDriver:
    """The driver of the traffic. instance: the instance's directory.

    Raises:
        InputError: there is no such driver (``traffic-driver-unknown``), or what is declared does not suit it.
    """
    if traffic.driver not in DRIVERS:
        raise InputError(
            "traffic-driver-unknown",
            "traffic.driver: {!r} is none of {}".format(traffic.driver, ", ".join(sorted(DRIVERS))),
        )
    return DRIVERS[traffic.driver](traffic, instance=instance, runner=runner)
