# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet as an inventory has it: configuration items, and the groups that they form (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import re
import typing as t

from ...module_utils._model.errors import InputError

__all__ = ["OWN", "SITES", "Fleet", "Group", "Item", "group_name", "groups"]

SITES, ENVIRONMENTS, PACKAGES = "sites", "environments", "packages"
OWN = ("relmgmt_site", "relmgmt_environment", "relmgmt_packages")  # what the inventory itself says of a host

Variables = collections.abc.Mapping[str, t.Any]
Versions = collections.abc.Mapping[str, collections.abc.Mapping[str, str]]


@dataclasses.dataclass(frozen=True)
class Item:
    """A configuration item. packages: package → instance → version, which is empty where none is said.

    site: empty where nobody said one, as it can be in the registry.
    """

    host: str
    site: str
    environment: str
    packages: Versions
    variables: Variables = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Fleet:
    """The items, and the variables that they share: all of them, those of a site, those of an environment."""

    items: tuple[Item, ...]
    variables: Variables = dataclasses.field(default_factory=dict)
    of_sites: collections.abc.Mapping[str, Variables] = dataclasses.field(default_factory=dict)
    of_environments: collections.abc.Mapping[str, Variables] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Group:
    """A group of the inventory. about: what it stands for, for people."""

    about: str
    variables: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    children: list[str] = dataclasses.field(default_factory=list)
    hosts: list[str] = dataclasses.field(default_factory=list)


def group_name(kind: str, name: str) -> str:
    """A name that Ansible takes: ``site_berlin``, ``package_calendar_radicale``."""
    return re.sub(r"[^a-z0-9_]", "_", f"{kind}_{name}")


def groups(fleet: Fleet) -> dict[str, Group]:
    """Name → group: those of sites, environments and packages, each below one that holds all of its kind.

    Raises:
        InputError: two names make the same group (``group-ambiguous``).
    """
    made = {name: Group(name) for name in (SITES, ENVIRONMENTS, PACKAGES)}
    made[SITES].variables.update(fleet.variables)
    for item in fleet.items:
        stage = _group(made, ENVIRONMENTS, "environment", item.environment, fleet.of_environments)
        stage.variables["relmgmt_environment"] = item.environment
        member = [stage, *(_group(made, PACKAGES, "package", name, {}) for name in item.packages)]
        if item.site:
            here = _group(made, SITES, "site", item.site, fleet.of_sites)
            here.variables["relmgmt_site"] = item.site
            member.append(here)
        for group in member:
            group.hosts.append(item.host)
    return made


def _group(
    made: dict[str, Group], parent: str, kind: str, name: str, variables: collections.abc.Mapping[str, Variables]
) -> Group:
    key, about = group_name("env" if kind == "environment" else kind, name), f"{kind} {name}"
    if key not in made:
        made[key] = Group(about, variables=dict(variables.get(name, {})))
        made[parent].children.append(key)
    if made[key].about != about:
        raise InputError(
            "group-ambiguous",
            f"{made[key].about} and {about} would both be the group {key}",
            hint="Rename one of them: groups know letters, digits and underscores only.",
        )
    return made[key]
