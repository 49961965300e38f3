# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release takes the place of on hosts that run it already, installed by somebody else (private)."""

from __future__ import annotations

import typing as t

from .errors import InputError
from .field import UNIT
from .path import safe_path
from .record import record

__all__ = ["Adopts"]


@record(frozen=True)
class Adopts:
    """units: of systemd, by their full names; paths: absolute ones of files that are given back with them."""

    units: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> Adopts:
        units, paths = (tuple(map(str, data.get(name) or ())) for name in ("units", "paths"))
        for unit in units:
            if not UNIT.match(unit):
                raise InputError(
                    "unit-malformed",
                    f"adopts.units: {unit!r} is not the full name of a unit",
                    hint="Write it with its ending, such as 'app.service'.",
                )
        for path in paths:
            if not path.startswith("/"):
                raise InputError(
                    "adopts-path-malformed", f"adopts.paths: {path!r} is not absolute", hint="Write it from '/'."
                )
            safe_path(path[1:], what="adopts.paths")
        return cls(units, paths)
