# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changes on a host, from what staging says that it would do there (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model.manifest import NONE, RELOAD, RESTART, Manifest
from ...module_utils._model.origin import strongest
from ...module_utils._model.profile import Profile
from ...module_utils._model.runtime import Runtime

__all__ = ["ADDED", "CHANGED", "KINDS", "REMOVED", "Changes", "Difference", "asked_by", "changes_of", "service_of"]

ADDED, CHANGED, REMOVED = "added", "changed", "removed"
KINDS = ("files", "rendered", "configuration", "secrets", "facts", "placements")
_KIND = {"release": "files", "profile": "rendered", "config": "configuration", "secrets": "secrets", "facts": "facts"}
_DONE = {RESTART: "restarted", RELOAD: "reloaded", NONE: "not interrupted"}
Difference = collections.abc.Mapping[str, collections.abc.Mapping[str, str]]


class Item(t.NamedTuple):
    """One thing that changes. size: of what comes, or of what goes; None where that is not known, or means nothing."""

    how: str
    name: str
    size: int | None = None

    def to_dict(self) -> dict[str, t.Any]:
        return {"change": self.how, "name": self.name, **({} if self.size is None else {"size": self.size})}


@dataclasses.dataclass(frozen=True)
class Changes:
    """What changes on a host, by kind; hosts with the same of it are shown together. service: what is done to it."""

    before: str
    after: str
    items: tuple[tuple[str, tuple[Item, ...]], ...] = ()
    service: str = ""

    def to_dict(self) -> dict[str, t.Any]:
        named = dict(self.items)
        kinds = {kind: [item.to_dict() for item in named.get(kind, ())] for kind in KINDS}
        return {"before": self.before, "after": self.after, **kinds, "service": self.service}


def changes_of(
    difference: Difference, manifest: Manifest, leaving: Manifest | None, *, before: str, after: str, service: str
) -> Changes:
    """difference: what ``release_stage`` returned as ``changes``; leaving: of the release that runs, where it is
    known."""
    old, new = difference.get("before", {}), difference.get("after", {})
    comes, goes = _sizes(manifest), _sizes(leaving) if leaving else {}
    kinds: dict[str, list[Item]] = {}
    for name in sorted({*old, *new}):
        top, _slash, rest = name.partition("/")
        kind = _KIND.get(top, "placements")
        how = ADDED if name not in old else CHANGED if name in new else REMOVED
        size = (goes if how == REMOVED else comes).get(rest) if kind == "files" else None
        kinds.setdefault(kind, []).append(Item(how, name if kind == "placements" else rest, size))
    return Changes(before, after, tuple((kind, tuple(items)) for kind, items in sorted(kinds.items())), service)


def service_of(runtime: Runtime | None, *, app: str, runs: bool, asked: str = RESTART) -> str:
    """What is done to the service, in words; empty where there is none. runs: whether a deployment is current now;
    asked: what the change asks for."""
    if runtime is None or runtime.service is None:
        return "the host is started anew" if runtime and runtime.reboot else ""
    name = runtime.service.unit or app
    if runtime.reboot:
        return f"{name} starts with the host, which is started anew"
    return f"{name} is {_DONE[asked]}" if runs else f"{name} is started"


def asked_by(
    difference: Difference, manifest: Manifest, runtime: Runtime | None, profile: Profile | None = None
) -> str:
    """What it takes to make a change current, as far as its files and values tell: a new release always takes a
    restart."""
    names = [name.partition("/") for name in {*difference.get("before", {}), *difference.get("after", {})}]
    if any(_KIND.get(top, "placements") in ("files", "placements") for top, _slash, _rest in names):
        return RESTART
    declared = {template.destination: template.on_change for template in manifest.config.templates}
    unit_file = runtime.service.unit_file if runtime and runtime.service else ""
    changed = [f"{top}/{rest}" for top, _slash, rest in names if top not in ("profile", "release")]

    def asked(path: str) -> str:
        otherwise = declared.get(path, RESTART)
        origin = profile.origins.get(path) if profile and path != unit_file else None
        return origin.asks(origin, changed, profile.asks, otherwise) if profile and origin else otherwise

    files = [rest for top, _slash, rest in names if top == "profile"]
    return strongest(RESTART if path == unit_file else asked(path) for path in files) if files else RESTART


def _sizes(manifest: Manifest) -> dict[str, int]:
    return {
        f"{unit.destination}/{entry.path}": entry.size
        for unit in manifest.units
        for entry in unit.entries
        if entry.is_file
    }
