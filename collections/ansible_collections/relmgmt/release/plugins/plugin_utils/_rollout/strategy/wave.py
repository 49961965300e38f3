# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves, and what a strategy makes them from (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

__all__ = ["Group", "Options", "Sites", "Wave"]

Sites = collections.abc.Mapping[str, str]  # by host; empty where nobody named one


@dataclasses.dataclass(frozen=True)
class Wave:
    """Hosts that are switched together. index counts from 1; site: the only one that they are of, where a strategy goes
    site by site; bake: seconds that they have to stay healthy before the next wave."""

    index: int
    name: str
    hosts: tuple[str, ...]
    site: str = ""
    bake: float = 0.0

    def to_dict(self) -> dict[str, t.Any]:
        return {**dataclasses.asdict(self), "hosts": list(self.hosts)}

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> Wave:
        """Raises KeyError, TypeError, ValueError: it is not what ``to_dict`` gave."""
        site, bake = str(data.get("site") or ""), float(data.get("bake") or 0.0)
        return cls(data["index"], data["name"], tuple(data["hosts"]), site, bake)


class Group(t.NamedTuple):
    """A wave in the making. bakes: whether something waits for it to bake."""

    name: str
    hosts: list[str]
    site: str = ""
    bakes: bool = False


@dataclasses.dataclass(frozen=True)
class Options:
    """What a strategy can be told. canary, batch: hosts that go first, hosts of a wave, as a count or with ``%``;
    canary_hosts: who goes first, by name; batch_of: ``all``, or ``site`` where the batch is meant of each site;
    site_order: of ``phased``, empty for one by hash; bake: seconds; largest: how many hosts a wave may have, 0 where
    that does not matter; fleet: all hosts of the rollout, also those that need nothing; empty if all need something."""

    package: str
    canary: str = "1"
    canary_hosts: tuple[str, ...] = ()
    batch: str = "25%"
    batch_of: str = "all"
    site_order: tuple[str, ...] = ()
    bake: float = 0.0
    largest: int = 0
    fleet: Sites = dataclasses.field(default_factory=dict)
