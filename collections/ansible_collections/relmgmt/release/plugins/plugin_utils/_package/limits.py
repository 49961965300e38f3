# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How large things of a package may be: named in one place (private)."""

from __future__ import annotations

import dataclasses

__all__ = ["LIMITS", "Limits"]

_MEBI = 1 << 20


@dataclasses.dataclass(frozen=True)
class Limits:
    """Sizes in bytes unless the name says otherwise."""

    release_file: int = _MEBI
    release_nodes: int = 20_000  # values in release.yml with all anchors expanded
    release_depth: int = 32  # levels of nesting in release.yml
    requirements: int = 4 * _MEBI
    schema: int = _MEBI
    template: int = _MEBI
    manifest: int = 64 * _MEBI
    oci_document: int = _MEBI
    unit_entries: int = 200_000  # files and links of one unit
    unit_bytes: int = 8 << 30  # all files of one unit, unpacked
    wheel_bytes: int = 512 * _MEBI  # all files of one wheel, unpacked; held in memory
    archive_bytes: int = 512 * _MEBI  # what comes out of one archive; held in memory
    archive_ratio: int = 200  # how many times its own size may come out of an archive
    archive_floor: int = 16 * _MEBI  # what may come out of an archive however small it is
    window: int = 128 * _MEBI  # memory that a compressed blob may ask for


LIMITS = Limits()
