# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must hold on every host before anything is staged on any (private)."""

from __future__ import annotations

import typing as t

from ...module_utils._model.errors import InputError
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.wire import space
from .._drift import seen
from .replacing import replaced_by

__all__ = ["IGNORE", "REPAIR", "STOP", "WARN", "code_of", "drifted", "needed", "problem_of", "require_distinct"]

# What becomes of hosts that are not as they were left: nobody asks; they are named; left out; put right.
IGNORE, WARN, STOP, REPAIR = "ignore", "warn", "stop", "repair"

Info = t.Mapping[str, t.Any]


def problem_of(info: Info | None, manifest: Manifest | None, *, drift: str = IGNORE) -> str:
    """Why the host cannot take part, in words; empty if it can. ``info`` is what ``host_info`` returned."""
    if not info or info.get("outcome") != "ok":
        return str((info or {}).get("reason") or (info or {}).get("msg") or "the host gave no answer")
    problems = info["host"]["problems"]
    if problems:
        return str(problems[0]["message"])
    by = replaced_by(info)
    if by:
        return (
            f"{by} has taken its place there. Roll out {by}, or go back first: relmgmt.release.rollback"
            f" -e relmgmt_package={by} -e relmgmt_version=adopted"
        )
    free, wanted = int(info["host"]["root"]["free_bytes"]), needed(info, manifest) if manifest else 0
    if free < wanted:
        return f"{info['host']['root']['path']}: {free >> 20} MiB free, {(wanted >> 20) + 1} MiB needed"
    return drifted(info) if drift == STOP else ""


def drifted(info: Info) -> str:
    """How the host is not as it was left, in words; empty where it is. It was asked to verify that."""
    return seen(info).summary


def code_of(info: Info | None, *, drift: str = IGNORE) -> str:
    """The code of what ``problem_of`` tells in words."""
    if not info or info.get("outcome") != "ok":
        return str((info or {}).get("code") or "host-silent")
    problems = info["host"]["problems"]
    if problems:
        return str(problems[0]["code"])
    if replaced_by(info):
        return "package-replaced"
    return "host-drifted" if drift == STOP and drifted(info) else "disk-full"


def needed(info: Info, manifest: Manifest) -> int:
    """Bytes that staging the package needs on the host."""
    return space(manifest, set((info.get("release") or {}).get("units") or ()))


def require_distinct(hosts: t.Mapping[str, tuple[str, Info]]) -> None:
    """That no two names of the inventory stand for one place. hosts: name → site and what ``host_info`` returned.

    Raises:
        InputError: two do (``host-repeated``).
    """
    seen: dict[str, str] = {}
    for host, (site, info) in sorted(hosts.items()):
        identity = str((info.get("host") or {}).get("identity") or "")
        other = seen.setdefault(identity, host) if identity else host
        if other != host:
            sites = " and ".join(dict.fromkeys(name or "no site" for name in (hosts[other][0], site)))
            raise InputError(
                "host-repeated",
                f"{other} and {host} are two names for the same root on the same machine (of {sites})",
                hint="Leave one of them out of the inventory, or give each a relmgmt_root of its own.",
            )
