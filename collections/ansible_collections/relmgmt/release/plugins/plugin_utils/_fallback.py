# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packages of what hosts run now: what they may have lost of it is sent from there before it is left (private).

Found in the cache, as a rule, since they were deployed from there; else fetched once. They are fetched at the plan, not
when a host asks: staging then needs nothing but the controller's disk, and many hosts at once do not all open the DML.
"""

from __future__ import annotations

import collections.abc
import contextlib
import pathlib

from ..module_utils._model.digest import digest_of, hex_of
from ..module_utils._model.errors import RelmgmtError
from ._dml import Settings

__all__ = ["find_packages"]


def find_packages(
    settings: Settings,
    releases: collections.abc.Mapping[str, str],
    *,
    package: str,
    environment: str,
    cache: pathlib.Path | None = None,
) -> dict[str, pathlib.Path]:
    """Release → directory of its package, for those that can be had; that one cannot be is no error.

    Args:
        releases: digest → version, as hosts report them.
        cache: where to put what is fetched; None: into the cache. Else nothing is written but that.
    """
    found = {}
    for digest in releases:
        with contextlib.suppress(RelmgmtError):  # a host says what it likes
            path = settings.cache / "packages" / hex_of(digest)
            manifest = path / "manifest.json"
            if manifest.is_file() and digest_of(manifest.read_bytes()) == digest:
                found[digest] = path
    missing = {digest: version for digest, version in releases.items() if digest not in found}
    if missing:
        with contextlib.suppress(RelmgmtError), settings.client(write=cache is None) as client:
            for digest, version in missing.items():
                with contextlib.suppress(RelmgmtError):
                    target = client.resolve(package, version, environment)
                    if target.digest == digest:
                        found[digest] = client.fetch(target, cache or settings.cache)
    return found
