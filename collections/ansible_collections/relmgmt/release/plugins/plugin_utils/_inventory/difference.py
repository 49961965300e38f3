# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between a CMDB and what relmgmt knows (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from .cmdb_file import Cmdb
from .record import Record

__all__ = ["DIFFERENT", "MISSING_HERE", "MISSING_THERE", "Difference", "compare"]

MISSING_HERE, MISSING_THERE, DIFFERENT = "missing_here", "missing_there", "different"
_OF_HOST, _OF_PACKAGE = ("site", "environment"), ("version", "wanted")


class Difference(t.NamedTuple):
    """here: what relmgmt knows; there: what the CMDB says. package and instance are empty where it is about the host,
    field, here and there where the one or the other lacks all of it."""

    host: str
    package: str
    instance: str
    kind: str
    field: str = ""
    here: str = ""
    there: str = ""

    def __str__(self) -> str:
        what = f"{self.host}: {self.package} ({self.instance})" if self.package else self.host
        if self.kind == DIFFERENT:
            return f"{what}: {self.field} is {self.here or 'nothing'} here, {self.there or 'nothing'} there"
        return f"{what}: {self.kind.replace('_', ' ')}"


def compare(here: collections.abc.Iterable[Record], cmdb: Cmdb) -> list[Difference]:
    """What differs, by host, package and instance. A field that the CMDB does not have at all is not compared; nor are
    since and state, which move by themselves."""
    ours, theirs = _hosts(here), _hosts(cmdb.records)
    found = []
    for host in sorted(ours.keys() | theirs.keys()):
        if host not in ours or host not in theirs:
            found.append(Difference(host, "", "", MISSING_HERE if host in theirs else MISSING_THERE))
            continue
        found += _fields(ours[host][0], theirs[host][0], _OF_HOST, cmdb.fields, of_package=False)
        if "package" in cmdb.fields:
            found += _packages(ours[host], theirs[host], cmdb.fields)
    return found


def _hosts(records: collections.abc.Iterable[Record]) -> dict[str, list[Record]]:
    hosts: dict[str, list[Record]] = {}
    for record in records:
        hosts.setdefault(record.host, []).append(record)
    return hosts


def _packages(
    here: list[Record], there: list[Record], fields: collections.abc.Container[str]
) -> collections.abc.Iterator[Difference]:
    ours = {record.key: record for record in here if record.package}
    theirs = {record.key: record for record in there if record.package}
    for key in sorted(ours.keys() | theirs.keys()):
        if key not in ours or key not in theirs:
            yield Difference(*key, MISSING_HERE if key in theirs else MISSING_THERE)
        else:
            yield from _fields(ours[key], theirs[key], _OF_PACKAGE, fields, of_package=True)


def _fields(
    here: Record,
    there: Record,
    names: collections.abc.Iterable[str],
    fields: collections.abc.Container[str],
    *,
    of_package: bool,
) -> collections.abc.Iterator[Difference]:
    key = here.key if of_package else (here.host, "", "")
    for name in names:
        pair = getattr(here, name), getattr(there, name)
        if name in fields and pair[0] != pair[1]:
            yield Difference(*key, DIFFERENT, name, *pair)
