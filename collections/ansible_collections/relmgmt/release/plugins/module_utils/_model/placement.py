# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a release that lie outside of relmgmt's root, where the host's own software looks for them (private)."""

from __future__ import annotations

import re
import typing as t

from .errors import InputError
from .field import UNIT
from .manifest import check_mode
from .path import safe_path
from .record import record

__all__ = ["PLACES", "Place", "Placement", "placements_of"]

Data = t.Mapping[str, t.Any]
_CONF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,200}\.conf\Z")


class Place(t.NamedTuple):
    """Where placements of a kind lie below /etc, and the names that are found there; example: for people."""

    directory: str
    name: t.Pattern[str]
    example: str


PLACES: dict[str, Place] = {
    "drop_in": Place("systemd/system/{unit}.d", _CONF, "limits.conf"),
    "logrotate": Place("logrotate.d", re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,200}\Z"), "shop"),
    "sysusers": Place("sysusers.d", _CONF, "shop.conf"),
    "tmpfiles": Place("tmpfiles.d", _CONF, "shop.conf"),
    "unit": Place("systemd/system", UNIT, "shop-report.timer"),
}


@record(frozen=True)
class Placement:
    """One of them. file: in the profile; name: that it gets; unit: whose drop-in it is."""

    kind: str
    file: str
    name: str
    unit: str = ""
    mode: str = "0644"

    @classmethod
    def from_dict(cls, data: Data) -> Placement:
        kind, name, unit = str(data["kind"]), str(data["name"]), str(data.get("unit", ""))
        what = f"placement {name}"
        if kind not in PLACES:
            raise InputError("placement-kind-unknown", f"{what}: {kind!r} is none of {', '.join(sorted(PLACES))}")
        if not PLACES[kind].name.match(name):
            raise InputError(
                "placement-malformed",
                f"{what}: nobody would find a file of kind {kind} by this name",
                hint=f"Write a name such as {PLACES[kind].example!r}.",
            )
        if (kind == "drop_in") != bool(unit) or (unit and not re.fullmatch(UNIT, unit)):
            raise InputError(
                "placement-malformed",
                f"{what}: a drop-in names the unit that it is for, and nothing else does",
                hint="Write its full name, such as 'nginx.service'.",
            )
        return cls(
            kind, safe_path(data["file"], what=what), name, unit, check_mode(data.get("mode", "0644"), what=what)
        )

    @property
    def path(self) -> str:
        """Below /etc."""
        return PLACES[self.kind].directory.format(unit=self.unit) + "/" + self.name


def placements_of(data: Data) -> tuple[Placement, ...]:
    """What a runtime declares. Raises InputError, also where two of them want one path (``placement-repeated``)."""
    placements = tuple(Placement.from_dict(item) for item in data.get("placements") or ())
    paths = [placement.path for placement in placements]
    for path in paths:
        if paths.count(path) > 1:
            raise InputError("placement-repeated", f"two placements want /etc/{path}", hint="Rename one of them.")
    return placements
