# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a CMDB holds of a configuration item: a record for each instance of a package on it (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model.errors import InputError
from .._source import meant
from .fleet import OWN, Versions
from .seen import Seen, seen
from .sites import wanted

__all__ = ["FIELDS", "NEWEST", "Placed", "Record", "known", "placed"]

NEWEST = "newest"  # wanted, in the newest version that is promoted
ABSENT = "absent"


class Record(t.NamedTuple):
    """package and instance are empty for a host that has no package. version, since, state: as ``Seen`` has them;
    wanted: what the inventory asks for, empty where it does not ask for the package."""

    host: str
    site: str = ""
    environment: str = ""
    package: str = ""
    instance: str = ""
    version: str = ""
    wanted: str = ""
    since: str = ""
    state: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.host, self.package, self.instance


FIELDS = Record._fields


class Placed(t.NamedTuple):
    """Where the inventory has a host, and what it is to have."""

    site: str
    environment: str
    packages: Versions


def placed(
    inventory: collections.abc.Mapping[str, collections.abc.Mapping[str, t.Any]],
    names: collections.abc.Iterable[str],
    *,
    all_of_them: bool,
    plain: collections.abc.Callable[[t.Any], t.Any],
) -> dict[str, Placed]:
    """Host → where the inventory has it.

    Args:
        all_of_them: also those of which it says neither site nor environment nor packages; else they are no
            configuration items.
        plain: makes plain values of those that Ansible gives.

    Raises:
        InputError: a host is not there (``host-unknown``), its packages are no packages (``packages-malformed``).
    """
    found = {}
    for name in names:
        if name not in inventory:
            hint = "See ansible-inventory --graph."
            raise InputError("host-unknown", f"The inventory has no host {name!r}{meant(name, inventory)}", hint=hint)
        site, environment, packages = (plain(inventory[name].get(variable)) for variable in OWN)
        if all_of_them or site or environment or packages:
            found[name] = Placed(str(site or ""), str(environment or ""), _versions(name, packages or {}))
    return found


def _versions(host: str, packages: t.Any) -> Versions:
    if isinstance(packages, (list, dict)):
        made = wanted(packages) if all(isinstance(name, str) for name in packages) else {}
        instances = [(*pair,) for about in made.values() for pair in about.items()]
        if len(made) == len(packages) and all(isinstance(text, str) for pair in instances for text in pair):
            return made
    hint = "It is package → instance → version, all of it text: put versions in quotes."
    raise InputError("packages-malformed", f"{host}: relmgmt_packages cannot be understood", hint=hint)


def known(
    hosts: collections.abc.Mapping[str, Placed], rows: collections.abc.Iterable[collections.abc.Mapping[str, t.Any]]
) -> list[Record]:
    """The records of these hosts, with what ``Registry.last_seen`` tells of them, in the order of host, package and
    instance."""
    there: dict[str, dict[tuple[str, str], Seen]] = {}
    for row in seen(rows):
        there.setdefault(row.host, {})[row.package, row.instance] = row
    found = []
    for host, at in hosts.items():
        asked = {
            (package, instance): version or NEWEST
            for package, instances in at.packages.items()
            for instance, version in instances.items()
        }
        held = {key: row for key, row in there.get(host, {}).items() if row.version or key in asked}
        for package, instance in sorted({*asked, *held}) or [("", "")]:
            last = held.get((package, instance))
            absent = ("", "", ABSENT if package else "")
            version, since, state = (last.version, last.since, last.state) if last else absent
            wish = asked.get((package, instance), "")
            found.append(Record(host, at.site, at.environment, package, instance, version, wish, since, state))
    return sorted(found)
