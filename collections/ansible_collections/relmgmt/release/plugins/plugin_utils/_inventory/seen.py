# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the registry last saw on hosts, as an inventory needs it (private)."""

from __future__ import annotations

import collections.abc
import typing as t

__all__ = ["Seen", "seen"]

NOTHING = ("absent", "adopted")  # no release of relmgmt's runs
UNKNOWN = "unknown"


class Seen(t.NamedTuple):
    """version is empty where none is known to run; state is then ``absent`` or ``adopted`` if that is known, else it is
    the outcome of the last rollout. since: when the version was first seen."""

    host: str
    site: str
    environment: str
    package: str
    instance: str
    version: str
    since: str
    state: str


def seen(rows: collections.abc.Iterable[collections.abc.Mapping[str, t.Any]]) -> list[Seen]:
    """Out of what ``Registry.last_seen`` tells; the newest last, so that of two environments the newer one counts."""
    found = []
    for row in sorted(rows, key=lambda row: str(row["heard"])):
        runs = row["version"] not in (*NOTHING, UNKNOWN)
        found.append(
            Seen(
                host=row["host"],
                site=row["site"],
                environment=row["environment"],
                package=row["package"],
                instance=row["instance"],
                version=row["version"] if runs else "",
                since=row["since"] if runs else "",
                state=row["version"] if row["version"] in NOTHING else row["outcome"],
            )
        )
    return found
