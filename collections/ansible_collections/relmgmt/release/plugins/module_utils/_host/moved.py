# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an instance still lies where it was told that it lies: a root may be moved, or restored elsewhere (private).

Its own links are relative and go with it. What was rendered for it, and the link by which systemd finds its unit, are
not, and do not.
"""

from __future__ import annotations

import os
import pathlib
import re

from .instance import Instance
from .systemctl import UNITS

__all__ = ["moved", "unit_elsewhere"]


def unit_elsewhere(instance: Instance, deployment: int, *, units: pathlib.Path = UNITS) -> str:
    """Where systemd's link to the deployment's unit leads, if that is this instance under another path; else empty.

    Raises:
        RelmgmtError, OSError: the deployment cannot be read.
    """
    service = instance.runtime(deployment).service
    if service is None or not service.unit_file:
        return ""
    try:
        target = os.readlink(str(units / service.unit_file.rpartition("/")[2]))
    except OSError:
        return ""
    root = _root_in(instance, target)
    return target if root and root != str(instance.root) else ""


def moved(instance: Instance, deployment: int, *, units: pathlib.Path = UNITS) -> list[str]:
    """What of the deployment leads elsewhere, for people. Raises as ``unit_elsewhere``."""
    found = []
    elsewhere = unit_elsewhere(instance, deployment, units=units)
    if elsewhere:
        found.append(f"systemd's unit is a link to {elsewhere}")
    service = instance.runtime(deployment).service
    for word in service.command if service is not None else ():
        root = _root_in(instance, word)
        if root and os.path.realpath(root) != os.path.realpath(str(instance.root)):
            found.append(f"its service's command names {root}")
            break
    for path in _links(instance, deployment):
        if not path.exists() or instance.path.resolve() not in path.resolve().parents:
            found.append(f"{path.relative_to(instance.path)} leads to {os.readlink(str(path))}")
    return found


def _root_in(instance: Instance, text: str) -> str:
    """The root that the text has this instance below, empty where it does not speak of it."""
    place = re.escape(f"/{instance.package}/{instance.name}")
    found = re.search(r"(?<![\w./-])(/[\w.-][\w./-]*)?" + place + r"(?![\w.-])", text)
    return "" if found is None else found.group(1) or "/"


def _links(instance: Instance, deployment: int) -> list[pathlib.Path]:
    directory = instance.disk.path("deployments", str(deployment))
    names = [instance.disk.path("current"), directory / "release", directory / "profile"]
    return [path for path in names if path.is_symlink()]
