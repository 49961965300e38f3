# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prune: remove what no deployment that is kept needs (private)."""

from __future__ import annotations

import typing as t

from .._model import outcome
from .._model.manifest import Manifest, Unit
from .engines import unneeded
from .instance import Instance, profile_name, release_name
from .journal import History
from .objects import Objects

__all__ = ["prune"]


def prune(instance: Instance, *, keep: int, check: bool) -> dict[str, t.Any]:
    """Keep the current deployment, the ones it can go back to, those staged after it, ``keep`` further confirmed ones,
    and the engines that know these.

    Orders by deployment number, never by time. State is never touched. The caller holds the lock.
    """
    history = instance.history()
    kept = _kept(history, keep)
    going = [number for number in instance.deployments() if number not in kept]
    going_bytes = {
        "deployments": [str(number) for number in going],
        "releases": _unused(
            instance, "releases", {release_name(m["version"], m["release"]) for m in _metas(instance, kept)}
        ),
        "profiles": _unused(instance, "profiles", {profile_name(m["profile"]) for m in _metas(instance, kept)}),
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


def _kept(history: History, keep: int) -> set[int]:
    current = history.current
    kept = {current, history.previous(current)}
    if history.unfinished:
        kept |= {history.unfinished.origin, history.unfinished.target}
    kept |= {number for number, status in history.status.items() if status == outcome.STAGED and number > current}
    proven = sorted(history.proven - kept, reverse=True)
    return (kept | set(proven[:keep])) & set(history.staged)


def _metas(instance: Instance, numbers: t.Iterable[int]) -> list[dict[str, t.Any]]:
    return [instance.meta(number) for number in numbers]


def _unused(instance: Instance, directory: str, used: set[str]) -> list[str]:
    return [name for name in instance.disk.names(directory) if name not in used]


def _units(instance: Instance) -> list[Unit]:
    """The units of all releases that are still here."""
    return [
        unit
        for name in instance.disk.names("releases")
        for unit in Manifest.from_dict(instance.disk.read_json("releases", name, "manifest.json")).units
    ]
