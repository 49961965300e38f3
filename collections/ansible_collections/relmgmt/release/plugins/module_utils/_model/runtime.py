# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a deployment is run and judged on one host, and what it does to databases (private)."""

from __future__ import annotations

import contextlib
import typing as t

from .adopts import Adopts
from .errors import InputError
from .field import argv, environment, seconds
from .migration import Migration, migrations_of
from .path import absolute_path
from .placement import Placement, placements_of
from .probe import Probe
from .record import record, values
from .replaces import replaces_of

__all__ = ["Health", "Reboot", "Runtime", "Service", "Traffic"]

Data = t.Mapping[str, t.Any]


@record(frozen=True)
class Service:
    """What runs the software. driver: ``systemd`` (unit, unit_file in the profile) or ``command`` (command,
    environment). reload: a command that has it read its configuration anew; empty: as the driver knows."""

    driver: str
    unit: str = ""
    unit_file: str = ""
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    user: str = ""
    start_timeout: float = 30.0
    stop_timeout: float = 10.0
    reload: tuple[str, ...] = ()
    reload_timeout: float = 30.0

    @classmethod
    def from_dict(cls, data: Data) -> Service:
        driver = str(data.get("driver", "command"))
        return cls(
            driver=driver,
            unit=str(data.get("unit", "")),
            unit_file=str(data.get("unit_file", "")),
            command=argv(data["command"], what="service.command") if data.get("command") else (),
            environment=environment(data),
            user=str(data.get("user", "")),
            start_timeout=seconds(data, "start_timeout", 30.0, what="service"),
            stop_timeout=seconds(data, "stop_timeout", 10.0, what="service"),
            reload=argv(data["reload"], what="service.reload") if data.get("reload") else (),
            reload_timeout=seconds(data, "reload_timeout", 30.0, what="service"),
        )


@record(frozen=True)
class Health:
    """When a deployment counts as healthy, and how long it may stay provisional; all in seconds.

    All required probes stay green for ``min_healthy_time`` in a row, and that before ``healthy_deadline`` has passed
    since the start; they are asked every ``interval``. A deployment that is not confirmed within ``confirm_timeout`` of
    becoming provisional goes back; each contact begins that time anew, but none beyond ``progress_deadline``.
    """

    min_healthy_time: float = 1.0
    healthy_deadline: float = 60.0
    interval: float = 0.5
    confirm_timeout: float = 300.0
    progress_deadline: float = 1800.0

    @classmethod
    def from_dict(cls, data: Data) -> Health:
        defaults = values(cls())
        health = cls(**{name: seconds(data, name, default, what="health") for name, default in defaults.items()})
        if health.min_healthy_time >= health.healthy_deadline:
            raise InputError("health-impossible", "health: min_healthy_time is not below healthy_deadline")
        if health.confirm_timeout > health.progress_deadline:
            raise InputError("health-impossible", "health: confirm_timeout is above progress_deadline")
        return health


@record(frozen=True)
class Traffic:
    """How the host goes into and out of traffic. driver: ``readiness_file`` (path; empty: the instance's own file) or
    ``agent_check`` (port, address; empty: all of the host).

    drain_time: seconds between leaving traffic and stopping the service.
    """

    driver: str
    path: str = ""
    port: int = 0
    address: str = ""
    drain_time: float = 3.0

    @classmethod
    def from_dict(cls, data: Data) -> Traffic:
        return cls(
            driver=str(data["driver"]),
            path=absolute_path(str(data["path"]), what="traffic.path", code="traffic-path-malformed")
            if data.get("path")
            else "",
            port=_port(data.get("port", 0), what="traffic.port"),
            address=str(data.get("address", "")),
            drain_time=seconds(data, "drain_time", 3.0, what="traffic"),
        )


def _port(value: t.Any, *, what: str) -> int:
    with contextlib.suppress(TypeError, ValueError):
        if 0 <= int(value) <= 65535:
            return int(value)
    raise InputError("port-malformed", f"{what}: {value!r} is not a port", hint="Write a number from 1 to 65535.")


@record(frozen=True)
class Reboot:
    """How the host is started anew where a release takes effect by that. timeout: seconds until it is back."""

    command: tuple[str, ...] = ("systemctl", "reboot")
    timeout: float = 600.0

    @classmethod
    def from_dict(cls, data: Data) -> Reboot:
        return cls(
            command=argv(data["command"], what="reboot.command") if "command" in data else cls.command,
            timeout=seconds(data, "timeout", cls.timeout, what="reboot"),
        )


@record(frozen=True)
class Runtime:
    """Service (None: nothing to run), probes, smoke tests (command probes that run once, after the probes are
    green), traffic (None: nobody is told when the service stops), reboot (None: a restart makes it current), migrations
    (one for each database), placements (files that lie outside of the root), adopts (what it takes the place of),
    replaces (the same, of packages)."""

    service: Service | None = None
    probes: tuple[Probe, ...] = ()
    smoke: tuple[Probe, ...] = ()
    health: Health = Health()
    traffic: Traffic | None = None
    reboot: Reboot | None = None
    migrations: tuple[Migration, ...] = ()
    placements: tuple[Placement, ...] = ()
    adopts: Adopts = Adopts()
    replaces: tuple[str, ...] = ()

    @property
    def judging_time(self) -> float:
        """Seconds that a start, or a reload, may take until it is judged."""
        total, service = self.health.healthy_deadline + sum(probe.timeout for probe in self.smoke), self.service
        if service is None:
            return total
        return total + max(service.start_timeout, service.reload_timeout if service.reload else 0.0)

    @property
    def switching_time(self) -> float:
        """Seconds that leaving traffic, stopping what runs, and a start until it is judged may take."""
        total = self.judging_time + (self.service.stop_timeout if self.service else 0.0)
        return total + (self.traffic.drain_time if self.traffic else 0.0)

    @classmethod
    def from_dict(cls, data: Data) -> Runtime:
        service, traffic, reboot = data.get("service"), data.get("traffic"), data.get("reboot")
        return cls(
            service=Service.from_dict(service) if service else None,
            probes=tuple(Probe.from_dict(item) for item in data.get("probes") or ()),
            smoke=tuple(Probe.from_dict(dict(item, kind="command")) for item in data.get("smoke") or ()),
            health=Health.from_dict(data.get("health") or {}),
            traffic=Traffic.from_dict(traffic) if traffic else None,
            reboot=None if reboot is None else Reboot.from_dict(reboot),
            migrations=migrations_of(data),
            placements=placements_of(data),
            adopts=Adopts.from_dict(data.get("adopts") or {}),
            replaces=replaces_of(data),
        )
