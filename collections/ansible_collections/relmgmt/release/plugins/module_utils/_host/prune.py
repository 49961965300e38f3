# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prune: remove what no deployment that is kept needs (private)."""

from __future__ import annotations

import calendar
import time
import typing as t

from .._model import outcome
from .._model.errors import InputError
from .._model.manifest import Manifest, Unit
from .companions import companion_name, split_name
from .engines import unneeded
from .instance import Instance, profile_name, release_name
from .journal import Event, History
from .objects import Objects

__all__ = ["Retention", "prune", "recent"]

_DAY = 24 * 3600


class Retention(t.NamedTuple):
    """Which confirmed deployments stay though nothing needs them: the newest ``keep``, and all that were in use within
    the last ``days``."""

    keep: int = 1
    days: int = 0

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> Retention | None:
        """None where nobody says.

        Raises:
            InputError: a number is below 0 (``keep-malformed``).
        """
        named = {"keep": params.get("keep"), "days": params.get("keep_days")}
        said = {name: int(value) for name, value in named.items() if value is not None}
        if any(value < 0 for value in said.values()):
            raise InputError("keep-malformed", "keep and keep_days are numbers from 0 on")
        return cls(**said) if said else None


def prune(instance: Instance, retention: Retention, *, now: float, check: bool) -> dict[str, t.Any]:
    """Keep the current deployment, the ones it can go back to, those staged after it, what is frozen, what the
    retention says, and the engines that know these.

    Orders by deployment number, never by time: ``now`` (wall time) only adds to what stays. State is never touched.
    The caller holds the lock.
    """
    events = instance.journal.events()
    history = History(events)
    kept = _kept(history, retention.keep, recent(events, days=retention.days, now=now))
    going = [number for number in instance.deployments() if number not in kept]
    companions = [name for name in instance.disk.names("deployments") if split_name(name)]
    coming = [name for name in companions if name in _coming(history, kept)]
    staying = [name for name in coming if instance.disk.exists("deployments", name, "meta.json")]
    going_bytes = {
        "deployments": [*map(str, going), *(name for name in companions if name not in staying)],
        "releases": _unused(
            instance, "releases", {release_name(m["version"], m["release"]) for m in _metas(instance, kept)}
        ),
        "profiles": _unused(
            instance, "profiles", {profile_name(m["profile"]) for m in _metas(instance, [*kept, *staying])}
        ),
    }
    going_bytes["bin"] = unneeded(instance, kept)
    removed = [f"{directory}/{name}" for directory, names in going_bytes.items() for name in names]
    if not check:
        instance.disk.sweep()
    if removed and not check:
        instance.journal.write("pruned", deployments=going)
        for path in removed:
            instance.disk.remove(*path.split("/", 1))
        Objects(instance.disk, shared=False).remove(_units(instance))
    return {"outcome": history.state, "changed": bool(removed), "removed": removed, "kept": sorted(kept)}


def recent(events: t.Iterable[Event], *, days: int, now: float) -> set[int]:
    """The deployments that were staged or left within the last days, by the clock of the host. A time that lies ahead
    of it, or cannot be read, counts as recent."""
    used: dict[int, float] = {}
    for event in events:
        if event["event"] in ("staged", "switch"):
            used[event["deployment" if event["event"] == "staged" else "from"]] = _moment(event)
    return {number for number, at in used.items() if days and now - at < days * _DAY}


def _moment(event: Event) -> float:
    try:
        return calendar.timegm(time.strptime(event["at"], "%Y-%m-%dT%H:%M:%SZ"))
    except (KeyError, TypeError, ValueError):
        return float("inf")


def _kept(history: History, keep: int, young: set[int]) -> set[int]:
    current = history.current
    kept = {current, history.previous(current), history.frozen}
    if history.unfinished:
        kept |= {history.unfinished.origin, history.unfinished.target}
    kept |= {number for number, status in history.status.items() if status == outcome.STAGED and number > current}
    proven = sorted(history.proven - kept, reverse=True)
    return (kept | set(proven[:keep]) | (young & history.proven)) & set(history.staged)


def _coming(history: History, kept: set[int]) -> set[str]:
    """The companions that a deployment which stays still has for one which stays."""
    return {
        companion_name(held, coming)
        for coming, companions in history.companions.items()
        for held in companions
        if {held, coming} <= kept
    }


def _metas(instance: Instance, names: t.Iterable[int | str]) -> list[dict[str, t.Any]]:
    return [instance.meta(name) for name in names]


def _unused(instance: Instance, directory: str, used: set[str]) -> list[str]:
    return [name for name in instance.disk.names(directory) if name not in used]


def _units(instance: Instance) -> list[Unit]:
    """The units of all releases that are still here."""
    return [
        unit
        for name in instance.disk.names("releases")
        for unit in Manifest.from_dict(instance.disk.read_json("releases", name, "manifest.json")).units
    ]
