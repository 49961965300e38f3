# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The root file system that all hosts share: made once by mmdebstrap, kept under a name that says its recipe.

It is made beside its place and moved there when it is whole, so a half made one is never taken for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
import platform
import shutil
import typing as t

from .errors import BedError
from .system import command

__all__ = ["check_maker", "image"]

PACKAGES = (
    "dbus",
    "faketime",
    "haproxy",
    "iproute2",
    "iptables",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "systemd",
    "systemd-sysv",
)
# Units that need hardware, a kernel of their own, or the outside world.
MASKED = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "getty@tty1.service",
    "modprobe@.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-firstboot.service",
    "systemd-machine-id-commit.service",
    "systemd-networkd.service",
    "systemd-pstore.service",
    "systemd-remount-fs.service",
    "systemd-timesyncd.service",
    "systemd-udev-trigger.service",
    "systemd-udevd.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
)
WITHOUT = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/info")
# The second line lets a wrong wall clock reach what a login does as root.
_SUDOERS = """deploy ALL=(ALL) NOPASSWD: ALL
Defaults env_file=/etc/environment, env_keep+="LD_PRELOAD FAKETIME FAKETIME_DONT_FAKE_MONOTONIC"
"""
FILES = {
    "etc/ssh/sshd_config.d/bed.conf": "UseDNS no\nMaxStartups 100:30:200\nMaxSessions 100\nPrintMotd no\n",
    "etc/sudoers.d/deploy": _SUDOERS,
    "etc/systemd/journald.conf.d/bed.conf": "[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\nAudit=no\n",
    "etc/machine-id": "",
}


def image() -> pathlib.Path:
    """The directory of the image, made if it is not there yet: in a minute, with the machine's own package sources.

    Raises:
        BedError: ``image-unsupported``, ``tool-missing``, ``command-failed``.
    """
    suite = _suite()
    place = _place(suite)
    if place.is_dir():
        return place
    with _locked(place.parent):
        if not place.is_dir():
            _make(suite, place)
    return place


def check_maker() -> None:
    """See that an image is here, or can be made.

    Raises:
        BedError: ``tool-missing``, ``image-unsupported``.
    """
    if not _place(_suite()).is_dir() and shutil.which("mmdebstrap") is None:
        raise BedError(
            "tool-missing",
            "mmdebstrap, which makes the root file system of the hosts, is not on this machine.",
            hint="Install it: apt-get install mmdebstrap",
        )


def _place(suite: str) -> pathlib.Path:
    recipe = repr((suite, platform.machine(), PACKAGES, MASKED, WITHOUT, sorted(FILES.items())))
    return _cache() / f"{suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def _cache() -> pathlib.Path:
    root = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(root, "relmgmt", "testbed")


def _suite() -> str:
    system = platform.freedesktop_os_release()
    if system["ID"] != "debian" or "VERSION_CODENAME" not in system:
        raise BedError(
            "image-unsupported",
            f"The hosts are made from the machine's own package sources, and {system['ID']} is not Debian stable.",
            hint="Use a machine with Debian.",
        )
    return system["VERSION_CODENAME"]


@contextlib.contextmanager
def _locked(directory: pathlib.Path) -> t.Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(suite: str, place: pathlib.Path) -> None:
    for half in place.parent.glob(".half-*"):
        shutil.rmtree(half)
    half = place.with_name(f".half-{place.name}")
    sources = [*pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"), pathlib.Path("/etc/apt/sources.list")]
    print(f"Making the root file system of the hosts (Debian {suite}), once: about a minute", flush=True)
    try:
        command(
            "mmdebstrap",
            "--variant=minbase",
            f"--include={','.join(PACKAGES)}",
            *(f"--dpkgopt=path-exclude={path}/*" for path in WITHOUT),
            "--dpkgopt=force-unsafe-io",
            '--aptopt=Acquire::Languages "none"',
            # Where the packages came from is nothing to the hosts.
            '--customize-hook=rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d',
            suite,
            half,
            next((path for path in sources if path.exists()), "-"),
        )
        _prepare(half)
        half.rename(place)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _prepare(root: pathlib.Path) -> None:
    """What all hosts have in common. Keys and names are a host's own."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "etc/sudoers.d/deploy").chmod(0o440)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    units = root / "etc/systemd/system"
    for name in MASKED:
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to("/dev/null")
    (units / "multi-user.target.wants/haproxy.service").unlink(missing_ok=True)
    (units / "default.target").unlink(missing_ok=True)
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")
    command("chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", "deploy")
