# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bed: hosts that are up together, and go together."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import types
import typing as t

from . import janitor
from .errors import BedError
from .host import Host
from .image import check_maker, image
from .layout import Layout
from .network import free, wire
from .seed import connection, seed, write_inventory
from .system import STATE, alone, command, groups, inside, wait_for

__all__ = ["Bed", "check_machine", "check_root", "take_down"]

HOST_MEMORY = 16 << 20  # resident, with a login; measured: 9 to 14 MiB
SPARE_MEMORY = 256 << 20
TOOLS = {
    "ip": "iproute2",
    "tc": "iproute2",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "ssh-keygen": "openssh-client",
    "unshare": "util-linux",
}
_REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


class Bed:
    """Hosts by name, and the directory with what a controller needs to reach them: inventory.yml, known_hosts, id."""

    def __init__(self, layout: Layout, *, image: pathlib.Path, keeper: subprocess.Popen[bytes] | None = None) -> None:
        self.name, self.network = layout.name, layout.network
        self.directory = STATE / layout.name
        self._layout = layout
        self._keeper = keeper
        self._holder = int((self.directory / "holder").read_text())
        about: t.Any = {"holder": self._holder, "disk": str(self.directory / "disk"), "image": image}
        self.hosts = {
            place.name: Host(place, group=groups(layout.name) / place.name, **about) for place in layout.places
        }

    @classmethod
    def up(
        cls, hosts: int | t.Mapping[str, str], *, name: str = "bed", disk: str = "1G", network: str | None = None
    ) -> Bed:
        """Make a bed of so many hosts, or of those that a mapping from host to site names; returns when all answer.

        It goes when this process does, unless it is told to ``keep``. ``disk`` is the size of each host's /srv.

        Raises:
            BedError: ``not-root``, ``tool-missing``, ``memory-short``, ``bed-up``, ``network-in-use``, ``timeout``,
                and what else is named where it arises. Nothing is left behind.
        """
        layout = Layout.of(hosts, name=name, network=network or "10.77")
        check_machine(len(layout.places))
        _check_name(name)
        root = image()
        keeper = _start_janitor(name)
        try:
            with alone():
                layout = Layout.of(hosts, name=name, network=free(network))
                (STATE / name / "bed.json").write_text(json.dumps({**layout.to_dict(), "image": str(root)}))
            bed = cls(layout, image=root, keeper=keeper)
            bed._make(disk)
        except BaseException:
            _end(keeper)
            raise
        return bed

    @classmethod
    def open(cls, name: str = "bed") -> Bed:
        """The bed of that name.

        Raises:
            BedError: ``bed-down``.
        """
        if not janitor.lives(name):
            raise BedError("bed-down", f"The bed {name!r} is not up.", hint="Make it: make bed N=20")
        try:
            about = json.loads((STATE / name / "bed.json").read_text())
        except OSError:
            raise BedError("bed-down", f"The bed {name!r} is only being made.", hint="Wait for it.") from None
        return cls(Layout.from_dict(about), image=pathlib.Path(about["image"]))

    @property
    def connection(self) -> dict[str, t.Any]:
        """Variables by which Ansible reaches a host, its address apart."""
        return connection(self.directory)

    def login(self, user: str = "deploy") -> tuple[str, ...]:
        """The command that gets into a host as strictly as Ansible does; an address and a command follow."""
        known, key = self.directory / "known_hosts", self.directory / "id"
        options = (
            f"UserKnownHostsFile={known}",
            "StrictHostKeyChecking=yes",
            f"IdentityFile={key}",
            "IdentitiesOnly=yes",
            "BatchMode=yes",
        )
        return "ssh", "-F", "/dev/null", *(part for option in options for part in ("-o", option)), "-l", user

    def keep(self) -> None:
        """Let it outlive this process."""
        if self._keeper is not None and self._keeper.stdin is not None:
            self._keeper.stdin.write(b"keep\n")
            self._keeper.stdin.close()

    def down(self) -> None:
        """End it; nothing of it is left when this returns."""
        if self._keeper is not None:
            _end(self._keeper)
        else:
            take_down(self.name)

    def __enter__(self) -> Bed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.down()

    def partition(self, *groups: t.Sequence[Host]) -> None:
        """Let no packet pass between hosts of different groups. The controller still reaches all of them."""
        for group in groups:
            others = [host.address for other in groups if other is not group for host in other]
            for host in group:
                host.part(others)

    def rejoin(self) -> None:
        """End the partition."""
        for host in self.hosts.values():
            if host.up:
                host.rejoin()

    def _make(self, disk: str) -> None:
        directory = self.directory / "disk"
        names = " ".join(self.hosts)
        script = (
            f"for host in {names}; do mkdir -p {directory}/$host/upper {directory}/$host/srv; :>{directory}/$host/net; "
            f"mount -t tmpfs -o size={disk},mode=755 srv {directory}/$host/srv; done"
        )
        inside(self._holder, "sh", "-e", text=script)
        wire(self._layout, self._holder, str(directory))
        command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bed", "-f", self.directory / "id")
        hosts = list(self.hosts.values())
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            key = (self.directory / "id.pub").read_text()
            list(
                pool.map(lambda place: seed(place, self.hosts[place.name].disk, self._layout, key), self._layout.places)
            )
            list(pool.map(Host.boot, hosts))
        write_inventory(self.directory, self._layout, {host.name: host.disk for host in hosts})
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            try:
                list(pool.map(Host.wait, hosts))
            except BedError as exc:
                silent = [host for host in hosts if not host.up] or hosts
                said = (silent[0].disk / "console").read_text(errors="replace")[-2000:]
                raise BedError("host-silent", f"{exc} The console of {silent[0].name} said: {said}") from exc


def take_down(name: str) -> None:
    """End the bed of that name, or remove what one left that ended badly.

    Raises:
        BedError: ``not-root``; ``bed-down`` if there is none.
    """
    check_root()
    if name not in janitor.beds():
        raise BedError("bed-down", f"The bed {name!r} is not up.")
    if janitor.lives(name):
        os.kill(int((STATE / name / "janitor").read_text()), signal.SIGTERM)
        wait_for(f"The end of the bed {name!r}", lambda: not (STATE / name).exists())
    else:
        janitor.sweep(name)


def check_root() -> None:
    """Raises BedError (``not-root``)."""
    if os.geteuid():
        raise BedError("not-root", "Namespaces, mounts and bridges are root's to make.", hint="Run it as root.")


def check_machine(count: int) -> None:
    """See that this machine can bear a bed of so many hosts.

    Raises:
        BedError: ``not-root``, ``tool-missing``, ``memory-short``.
    """
    check_root()
    check_maker()
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            raise BedError(
                "tool-missing", f"{tool} is not on this machine.", hint=f"Install it: apt-get install {package}"
            )
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    available = int(next(line.split()[1] for line in lines if line.startswith("MemAvailable"))) << 10
    needed = SPARE_MEMORY + count * HOST_MEMORY
    if available < needed:
        raise BedError(
            "memory-short",
            f"{count} hosts need {needed >> 20} MiB of memory, and {available >> 20} MiB are available.",
            hint=f"Ask for at most {max(0, available - SPARE_MEMORY) // HOST_MEMORY} hosts.",
        )


def _check_name(name: str) -> None:
    if janitor.lives(name):
        raise BedError("bed-up", f"The bed {name!r} is already up.", hint="End it first: make bed-down")
    if name in janitor.beds():
        janitor.sweep(name)


def _start_janitor(name: str) -> subprocess.Popen[bytes]:
    """The bed's janitor, and its namespaces ready to be furnished."""
    directory = STATE / name
    with alone():
        directory.mkdir(mode=0o700)
        STATE.chmod(0o755)
    with tempfile.TemporaryFile() as log:
        keeper = subprocess.Popen(
            [sys.executable, "-c", f"from {janitor.__name__} import tend; tend({name!r})"],
            cwd=_REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for("The making of namespaces", lambda: (directory / "holder").exists() or keeper.poll() is not None)
            if keeper.poll() is not None:
                log.seek(0)
                said = log.read().decode(errors="replace")[-2000:]
                raise BedError("namespaces-refused", f"This machine does not let the bed's namespaces be made: {said}")
        except BaseException:
            _end(keeper)
            raise
    return keeper


def _end(keeper: subprocess.Popen[bytes]) -> None:
    """Let the janitor end the bed, and wait for it."""
    keeper.terminate()
    if keeper.stdin is not None and not keeper.stdin.closed:
        keeper.stdin.close()
    keeper.wait()
