# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What follows ``vault:`` in a reference: a path, and what is asked there (private)."""

from __future__ import annotations

import dataclasses
import re
import urllib.parse

from ....module_utils._model.errors import InputError
from ..reference import Reference

__all__ = ["Place", "place_of"]

_PATH = re.compile(r"[^\s?#%\\]+(?: [^\s?#%\\]+)*\Z")


@dataclasses.dataclass(frozen=True)
class Place:
    """One thing to ask for, whatever the keys that are wanted of it."""

    path: str
    query: tuple[tuple[str, str], ...] = ()
    version: str = ""

    def below(self, mount: str) -> str:
        return self.path[len(mount) + 1 :]


def place_of(reference: Reference) -> Place:
    """Raises InputError (``secret-reference-malformed``): there is no mount and path, or no key."""
    path, _mark, query = reference.rest.partition("?")
    parts = path.split("/")
    if len(parts) < 2 or not _PATH.match(path) or any(part in ("", ".", "..") for part in parts) or not reference.key:
        raise InputError(
            "secret-reference-malformed",
            f"{reference.scheme}:{path}: this names no mount, path and key",
            hint=f"Write {reference.scheme}:MOUNT/PATH#KEY, for example {reference.scheme}:kv/shop#db_password.",
        )
    # Not parse_qsl: base64 holds + and it would make a space of that.
    pairs = [part.partition("=") for part in query.split("&") if part]
    return Place(path, tuple((name, urllib.parse.unquote(value)) for name, _is, value in pairs), reference.version)
