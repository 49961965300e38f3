# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which engine answers for a path (private).

The settings say it (``mounts``), or else the server: one request a mount. Where its policies hide that, the form of the
path decides.
"""

from __future__ import annotations

import collections.abc
import typing as t

from .place import Place
from .session import Session

__all__ = ["Mount", "Mounts"]

_HIDDEN = " (that it is one is a guess from the path: the policies hide what is mounted; the setting mounts can say it)"
_SHAPES = {"creds": "database", "static-creds": "database", "issue": "pki", "decrypt": "transit"}


class Mount(t.NamedTuple):
    """kind: as in the table of engines; note: what has to be told where something is not found."""

    path: str
    kind: str
    note: str = ""


class Mounts:
    """Asks once a mount: none lies below another."""

    def __init__(self, given: collections.abc.Mapping[str, str], session: Session) -> None:
        self._known = {path: Mount(path, kind) for path, kind in given.items()}
        self._session = session

    def of(self, place: Place) -> Mount:
        """Raises what ``Session.ask`` raises."""
        for path, mount in self._known.items():
            if place.path.startswith(f"{path}/"):
                return mount
        return self._asked(place)

    def _asked(self, place: Place) -> Mount:
        answer = self._session.ask("GET", f"sys/internal/ui/mounts/{place.path}", capability="read")
        path = str(answer.data.get("path") or "").strip("/")
        if answer.status != 200 or not path:
            return _guessed(place)  # not kept: it holds for this path alone
        kind = str(answer.data.get("type") or "")
        if kind in ("kv", "generic"):
            kind = f"kv{(answer.data.get('options') or {}).get('version') or 1}"
        self._known[path] = Mount(path, kind)
        return self._known[path]


def _guessed(place: Place) -> Mount:
    mount, second = place.path.split("/")[:2]
    return Mount(mount, _SHAPES.get(second, "kv2"), _HIDDEN)
