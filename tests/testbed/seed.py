# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a host one of its own: names, keys, identity; and what a controller needs to know of all of them."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

from .layout import Layout, Place
from .system import command

__all__ = ["connection", "seed", "write_inventory"]

_KEY = "etc/ssh/ssh_host_ed25519_key"
_DEPLOY = 1000


def seed(place: Place, disk: pathlib.Path, layout: Layout, authorized: str) -> None:
    """Write the host's own files into the upper layer of its disk."""
    upper = disk / "upper"
    (upper / "etc/ssh").mkdir(parents=True)
    known = "".join(f"{other.address} {other.name}\n" for other in layout.places)
    (upper / "etc/hostname").write_text(f"{place.name}\n")
    (upper / "etc/hosts").write_text(f"127.0.0.1 localhost\n{known}")
    # Without one, systemd takes a boot for the first one and applies presets.
    (upper / "etc/machine-id").write_text(os.urandom(16).hex() + "\n")
    command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", place.name, "-f", upper / _KEY)
    for home, owner in (("root", 0), ("home/deploy", _DEPLOY)):
        directory = upper / home / ".ssh"
        directory.mkdir(parents=True)
        (directory / "authorized_keys").write_text(authorized)
        for path in (directory.parent, directory, directory / "authorized_keys"):
            os.chown(path, owner, owner)
        directory.parent.chmod(0o700)
        directory.chmod(0o700)


def write_inventory(directory: pathlib.Path, layout: Layout, disks: t.Mapping[str, pathlib.Path]) -> None:
    """Write known_hosts, and inventory.yml with a group for each site."""
    keys = {place: (disks[place.name] / f"upper/{_KEY}.pub").read_text().split()[:2] for place in layout.places}
    lines = [f"{place.address},{place.name} {' '.join(key)}\n" for place, key in keys.items()]
    (directory / "known_hosts").write_text("".join(lines))
    (directory / "cp").mkdir(mode=0o700)
    sites: dict[str, t.Any] = {}
    for place in layout.places:
        site = sites.setdefault(place.site, {"hosts": {}, "vars": connection(directory)})
        site["hosts"][place.name] = {"ansible_host": place.address}
    (directory / "inventory.yml").write_text(json.dumps({"all": {"children": sites}}, indent=2) + "\n")


def connection(directory: pathlib.Path) -> dict[str, t.Any]:
    """How Ansible logs in to the hosts: as somebody who may become root."""
    return {
        "ansible_become": True,
        "ansible_connection": "ansible.builtin.ssh",
        "ansible_control_path_dir": str(directory / "cp"),
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={directory}/known_hosts -o StrictHostKeyChecking=yes",
        "ansible_ssh_private_key_file": str(directory / "id"),
        "ansible_user": "deploy",
    }
