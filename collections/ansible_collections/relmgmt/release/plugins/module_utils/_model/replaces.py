# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages by another name that a release takes the place of (private)."""

from __future__ import annotations

import re
import typing as t

from .errors import InputError

__all__ = ["record_of", "replaces_of"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}/[a-z0-9][a-z0-9_-]{0,62}\Z")


def replaces_of(data: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    """Their names. Raises InputError (``replaces-malformed``)."""
    names = tuple(map(str, data.get("replaces") or ()))
    for name in names:
        if not _NAME.match(name):
            raise InputError("replaces-malformed", f"replaces: {name!r} is not of the form team/app")
    return names


def record_of(package: str, version: str, release: str) -> dict[str, t.Any]:
    """What deployment 0 is where that package runs: as ``adoption`` keeps it, and as a controller can tell it, too. It
    says nothing that differs between hosts on which the same release runs. release: its digest."""
    return {
        "format": 1,
        "units": {},
        "files": {},
        "replaced": {"package": package, "version": version, "release": release},
    }
