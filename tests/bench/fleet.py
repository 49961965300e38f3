# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a scenario: what a phase costs them, whether they serve what they should, and making them new again."""

from __future__ import annotations

import collections.abc
import concurrent.futures
import pathlib
import typing as t
import urllib.request

import yaml

from tests.testbed import Bed, Host

from .error import BenchError
from .sample import HostCost

__all__ = ["Counters", "Fleet"]

_WORKERS = 8
_TIMEOUT = 60  # seconds for an answer of the service
# Bytes in, bytes out, microseconds of processor time, sudo's entries in the journal since the cursor, and the cursor of
# now. What is run from outside is not in the host's control group and so not counted.
_READ = r"""
cat /sys/class/net/eth0/statistics/rx_bytes /sys/class/net/eth0/statistics/tx_bytes
sed -n 's/^usage_usec //p' /sys/fs/cgroup/cpu.stat
journalctl --sync
[ -z "$1" ] && echo 0 || journalctl --quiet --after-cursor "$1" | grep -c 'sudo\[.*COMMAND='
journalctl --quiet --lines 0 --show-cursor | sed 's/^-- cursor: //'
"""
T = t.TypeVar("T")


class Counters(t.NamedTuple):
    """What a host has counted up to now."""

    received: int
    sent: int
    busy: int  # microseconds
    runs: int  # since the cursor that was asked with
    cursor: str


class Fleet:
    """All hosts of a bed."""

    def __init__(self, bed: Bed) -> None:
        self.inventory = bed.directory / "inventory.yml"
        self._bed = bed
        self._hosts = tuple(bed.hosts.values())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(host.name for host in self._hosts)

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(host.address for host in self._hosts)

    @property
    def login(self) -> tuple[str, ...]:
        """How ssh gets in as the account that Ansible uses; an address follows."""
        return self._bed.login()

    def write_variables(self, path: pathlib.Path, **variables: t.Any) -> None:
        """A second inventory with variables of all hosts, and the site of each."""
        sites = {host.name: {"relmgmt_site": host.site} for host in self._hosts}
        path.write_text(yaml.safe_dump({"all": {"vars": variables, "hosts": sites}}))

    def read(self, before: collections.abc.Mapping[str, Counters] | None = None) -> dict[str, Counters]:
        """The counters of every host, not over the network."""
        return self._each(lambda host: _read(host, before[host.name].cursor if before else ""))

    def costs(self, before: collections.abc.Mapping[str, Counters]) -> dict[str, HostCost]:
        """What has happened on every host since."""
        return {
            name: HostCost(
                now.runs,
                now.received - before[name].received,
                now.sent - before[name].sent,
                (now.busy - before[name].busy) / 1e6,
            )
            for name, now in self.read(before).items()
        }

    def clean(self, unit: str, *paths: str) -> None:
        """Take a service and its files away; it need not be there."""
        script = (
            f"systemctl disable --now {unit} 2>/dev/null; rm -rf /etc/systemd/system/{unit} {' '.join(paths)}; "
            f"systemctl daemon-reload; systemctl reset-failed"
        )
        self._each(lambda host: host.run("sh", "-c", script))

    def check_served(self, port: int, marker: str) -> None:
        """Insist that every host serves the release that has the marker."""

        def ask(host: Host) -> None:
            url = f"http://{host.address}:{port}/"
            try:
                with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:
                    text = response.read().decode()
            except OSError as exc:
                raise BenchError(f"{host.name} does not serve at {url}: {exc}") from exc
            if marker not in text:
                raise BenchError(f"{host.name} serves another release: {marker!r} is not in what {url} answers")

        self._each(ask)

    def check_link(self, link: str, target: str) -> None:
        """Insist that the link leads there on every host."""

        def look(host: Host) -> None:
            found = host.run("readlink", link).stdout.strip()
            if found != target:
                raise BenchError(f"{host.name}: {link} leads to {found}, not to {target}")

        self._each(look)

    def _each(self, ask: collections.abc.Callable[[Host], T]) -> dict[str, T]:
        with concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
            return dict(zip(self.names, pool.map(ask, self._hosts), strict=True))


def _read(host: Host, cursor: str) -> Counters:
    lines = host.run("sh", "-c", _READ, "read", cursor).stdout.split("\n")
    return Counters(int(lines[0]), int(lines[1]), int(lines[2]), int(lines[3]), lines[4])
