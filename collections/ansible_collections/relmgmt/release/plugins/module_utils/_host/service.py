# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs the software of an instance: the drivers by name (private)."""

from __future__ import annotations

import pathlib
import typing as t

from .._model.errors import InputError
from .._model.runtime import Service
from .astray import Astray
from .instance import Instance, Tools
from .process import Runner
from .service_command import CommandDriver
from .service_systemd import SystemdDriver

__all__ = ["DRIVERS", "Driver", "driver_of", "open_driver"]


class Driver(t.Protocol):
    """A service of one instance. Every method may be called again; opening one checks what is declared, no more."""

    def require_own(self, adopted: t.Collection[str]) -> None:
        """Raise ConflictError (``unit-foreign``) where somebody else has its name, and that is not adopted."""

    def start(self) -> None:
        """Make it run; nothing if it does already. Raises BackendError, ConflictError."""

    def reload(self) -> None:
        """Let what runs read its configuration anew. Raises BackendError, InputError."""

    def stop(self) -> None:
        """End it and all that belongs to it; nothing if it is dead. Raises BackendError."""

    def active(self) -> bool:
        """Whether it runs, and has not been restarted behind our back since."""

    def astray(self) -> list[Astray]:
        """What of its installation is not as ``start`` leaves it. Raises BackendError."""

    def describe(self) -> str:
        """Its state, and where what it said is found, for people."""

    def remove(self) -> None:
        """Stop it and undo what ``start`` installed. Raises BackendError."""


class _Opener(t.Protocol):
    def __call__(
        self,
        service: Service,
        *,
        instance: pathlib.Path,
        profile: pathlib.Path,
        runner: Runner,
        clock: t.Callable[[], float],
    ) -> Driver:
        """Open a driver: check what is declared, do nothing."""


DRIVERS: dict[str, _Opener] = {"command": CommandDriver, "systemd": SystemdDriver}


def driver_of(instance: Instance, deployment: int, tools: Tools) -> Driver | None:
    """What runs a deployment that is here; None where it has no service. Raises InputError, BackendError, and for what
    was adopted IntegrityError."""
    if not deployment:
        return _of_adopted(instance, tools)
    service = instance.runtime(deployment).service
    if service is None:
        return None
    profile = instance.disk.path("deployments", str(deployment), "profile")
    return open_driver(service, instance=instance.path, profile=profile, runner=tools.runner, clock=tools.clock)


def _of_adopted(instance: Instance, tools: Tools) -> Driver | None:
    from .adoption import adoption_of

    adoption = adoption_of(instance)
    if adoption is None:
        return None
    if adoption.replaced is not None:
        from .service_replaced import ReplacedDriver

        return ReplacedDriver(adoption.replaced, by=instance, tools=tools)
    from .service_adopted import AdoptedDriver

    return AdoptedDriver(adoption, instance=instance, runner=tools.runner)


def open_driver(
    service: Service,
    *,
    instance: pathlib.Path,
    profile: pathlib.Path,
    runner: Runner,
    clock: t.Callable[[], float],
) -> Driver:
    """The driver of the service. instance: the instance's directory; profile: the rendered profile that is meant.

    Raises:
        InputError: there is no such driver (``driver-unknown``), or what is declared does not suit it.
    """
    if service.driver not in DRIVERS:
        raise InputError(
            "driver-unknown",
            "service.driver: {!r} is none of {}".format(service.driver, ", ".join(sorted(DRIVERS))),
        )
    return DRIVERS[service.driver](service, instance=instance, profile=profile, runner=runner, clock=clock)
