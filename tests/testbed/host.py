# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host of a bed: looked into from outside, and done to it what happens to hosts."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess

from .errors import BedError
from .layout import Place
from .system import command, find_init, inside, wait_for

__all__ = ["Host"]

BOOT = pathlib.Path(__file__).with_name("boot.sh")
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PRELOAD = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
_ENVIRONMENT = "FAKETIME_DONT_FAKE_MONOTONIC=1"
_BALLAST = "ballast"
# All that belongs to the host is in its control group, so that it ends together.
_JOIN = 'echo 0 >"$1" && shift && exec "$@"'


class Host:
    """A host at its place. ``disk`` is its directory on the bed's own file system, ``group`` its control group."""

    def __init__(self, place: Place, *, holder: int, disk: str, group: pathlib.Path, image: pathlib.Path) -> None:
        self.name, self.site, self.address = place.name, place.site, place.address
        self._place, self._holder, self._group, self._image = place, holder, group, image
        self._disk = f"{disk}/{place.name}"

    def __repr__(self) -> str:
        return f"Host({self.name})"

    # --- looking into it ----------------------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether it has power and its first process runs."""
        return find_init(self._group) is not None

    @property
    def disk(self) -> pathlib.Path:
        """Its directory on the bed's own file system, seen from outside, whether it is up or not."""
        return pathlib.Path(f"/proc/{self._holder}/root{self._disk}")

    def path(self, path: str) -> pathlib.Path:
        """A file of the host, seen from outside while it is up."""
        return pathlib.Path(f"/proc/{self._init()}/root", path.lstrip("/"))

    def run(self, *words: str, check: bool = True, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command in the host as root, without its network and its sshd.

        Raises:
            BedError: it is off (``host-off``), or the command ended badly while ``check`` is set.
        """
        target = f"--target={self._init()}"
        namespaces = ("--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup")
        return command("nsenter", target, *namespaces, "--", "env", "-i", _PATH, *words, check=check, text=text)

    def wait(self, seconds: float = 60.0) -> None:
        """Until sshd answers."""
        wait_for(f"An answer of sshd on {self.name} ({self.address})", self._answers, seconds=seconds)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.address, 22), timeout=1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _init(self) -> int:
        found = find_init(self._group)
        if found is None:
            raise BedError("host-off", f"{self.name} is off.", hint=f"Boot it: power-on {self.name}")
        return found

    # --- power --------------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Switch it on; returns before it has come up."""
        self._group.mkdir(parents=True, exist_ok=True)
        enter = ["nsenter", f"--target={self._holder}", "--mount", "--pid", "--net", "--"]
        boot = ["sh", str(BOOT), self.name, self._disk, str(self._image)]
        with open(self.disk / "console", "ab") as console:
            subprocess.run(
                ["setsid", "--fork", "sh", "-c", _JOIN, "join", str(self._group / "cgroup.procs"), *enter, *boot],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                check=True,
            )

    def power_on(self) -> None:
        """Boot from the disk as it was left; returns when sshd answers."""
        self._link("up")
        self.boot()
        self.wait()

    def power_off(self) -> None:
        """Power loss: nothing is written any more and no packet leaves; /run is lost, the disk is kept."""
        self._link("down")
        (self._group / "cgroup.kill").write_text("1")
        events = self._group / "cgroup.events"
        wait_for(f"The end of {self.name}", lambda: "populated 0" in events.read_text())

    def reboot(self) -> None:
        """A clean reboot; returns when sshd answers again."""
        before = self._init()
        self.run("systemctl", "reboot")
        wait_for(f"The reboot of {self.name}", lambda: find_init(self._group) not in (None, before))
        self.wait()

    def freeze(self) -> None:
        """Every process stops where it is; connections still open."""
        self._set_frozen("1")

    def thaw(self) -> None:
        self._set_frozen("0")

    def _set_frozen(self, value: str) -> None:
        (self._group / "cgroup.freeze").write_text(value)
        state = f"frozen {value}"
        wait_for(f"{state} of {self.name}", lambda: state in (self._group / "cgroup.events").read_text())

    # --- network ------------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Pull the cable out."""
        self._link("down")

    def drop(self) -> None:
        """A black hole: the link is up, and every packet vanishes."""
        inside(self._holder, "ip", "link", "set", self._place.port, "nomaster")

    def heal(self) -> None:
        """End cut, drop, loss and slow."""
        inside(self._holder, "ip", "link", "set", self._place.port, "master", self._place.bridge, "up")
        shape = f"tc qdisc del dev {self._place.port} root; nsenter --net={self._disk}/net tc qdisc del dev eth0 root"
        inside(self._holder, "sh", "-c", f"{{ {shape}; }} 2>/dev/null || true")
        if self.up:
            self._forget_rules("LOSS")

    def loss(self, percent: float) -> None:
        """Lose that part of the packets, each way."""
        self._add_rules("LOSS", [f"-m statistic --mode random --probability {percent / 100:.4f}"] * 2)

    def slow(self, kbit: int) -> None:
        """Let no more than that many kilobits a second through, each way."""
        shape = f"root tbf rate {kbit}kbit burst 3000 latency 2s".split()
        inside(self._holder, "tc", "qdisc", "replace", "dev", self._place.port, *shape)
        inside(self._holder, "nsenter", f"--net={self._disk}/net", "tc", "qdisc", "replace", "dev", "eth0", *shape)

    def part(self, addresses: list[str]) -> None:
        """Exchange no packet with these addresses."""
        for address in addresses:
            self._add_rules("PART", [f"-s {address}", f"-d {address}"])

    def rejoin(self) -> None:
        """End ``part``."""
        self._forget_rules("PART")

    def _link(self, state: str) -> None:
        inside(self._holder, "ip", "link", "set", self._place.port, state)

    def _add_rules(self, chain: str, matches: list[str]) -> None:
        """Drop what comes in and matches the first, and what goes out and matches the second."""
        for hook, match in zip(("INPUT", "OUTPUT"), matches, strict=True):
            rule = f"{hook} {'-i' if hook == 'INPUT' else '-o'} eth0 {match} -m comment --comment {chain} -j DROP"
            self.run("iptables", "-w", "-I", *rule.split())

    def _forget_rules(self, chain: str) -> None:
        for line in self.run("iptables", "-w", "-S").stdout.splitlines():
            if line.startswith("-A") and f"--comment {chain} " in line:
                self.run("iptables", "-w", "-D", *line.split()[1:])

    # --- disk and clock -----------------------------------------------------------------------------------------------

    def fill(self, leave: int = 0) -> None:
        """Fill the disk under /srv, but for so many bytes."""
        room = shutil.disk_usage(self.disk / "srv").free - leave
        with open(self.disk / "srv" / _BALLAST, "ab") as ballast:
            os.posix_fallocate(ballast.fileno(), ballast.tell(), max(room, 1))

    def free(self) -> None:
        """End ``fill``."""
        (self.disk / "srv" / _BALLAST).unlink(missing_ok=True)

    def clock(self, offset: str | None) -> None:
        """Let logins and services that start from now on see a wall clock that is off, as ``+30d``; None: right.

        The other clocks go on as they are, as with a host whose time is set wrongly.
        """
        wrong = "" if offset is None else f"LD_PRELOAD={_PRELOAD} FAKETIME={offset}"
        self.path("/etc/environment").write_text("\n".join([_ENVIRONMENT, *wrong.split()]) + "\n")
        manager = self.path("/etc/systemd/system.conf.d/bed.conf")
        manager.parent.mkdir(exist_ok=True)
        manager.write_text(f"[Manager]\nDefaultEnvironment={_ENVIRONMENT} {wrong}\n")
        self.run("systemctl", "daemon-reload")
