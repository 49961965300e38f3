# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of each host for a preview: what it said, and what the controller has ready for it (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import json
import pathlib
import typing as t

from ...module_utils._model.errors import InputError
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.profile import Profile
from ...module_utils._model.runtime import Runtime
from .._rollout import DEPLOY, Plan, declared
from .._transfer import weigh

__all__ = ["Said", "Sight", "see"]

Data = collections.abc.Mapping[str, t.Any]


class Said(t.NamedTuple):
    """info: what the host said of itself; task: its part of the plan; staged: what it said to the step that is ahead,
    None if it was not asked."""

    info: Data
    task: Data
    staged: Data | None


@dataclasses.dataclass(frozen=True)
class Sight:
    """What is known of one host.

    info: what it said of itself; staged: what staging, or going back, would do there, None if it was not asked;
    manifest: of the release that comes; leaving: of the one that runs, where it can be had; profile, runtime: None
    where none could be made; send: bytes that staging would send.
    """

    info: Data
    staged: Data | None = None
    manifest: Manifest | None = None
    leaving: Manifest | None = None
    profile: Profile | None = None
    runtime: Runtime | None = None
    send: int | None = None

    @property
    def takes(self) -> float | None:
        """Seconds that a switch may take there, as the release that comes declares; None where that is not known."""
        said = (self.staged or {}).get("takes")
        return declared(self.runtime) if self.runtime else float(said) if said is not None else None


def see(plan: Plan, fleet: collections.abc.Mapping[str, Said]) -> dict[str, Sight]:
    """Of each host of the fleet.

    Raises:
        InputError: what was laid ready is gone (``preview-ended``).
    """
    shelf = _Shelf()
    return {host: _sight(plan, host, said, shelf) for host, said in fleet.items()}


class _Shelf:
    """The packages that a preview tells of: each is read and weighed once for all hosts."""

    def __init__(self) -> None:
        self.manifest = functools.cache(_manifest)
        self.weight = functools.cache(self._weigh)

    def _weigh(self, source: pathlib.Path, held: tuple[str, ...], fallback: tuple[pathlib.Path, ...]) -> int:
        return weigh(self.manifest(source), source, [{"release": digest} for digest in held], fallback)


def _sight(plan: Plan, host: str, said: Said, shelf: _Shelf) -> Sight:
    info, task = said.info, said.task
    if not task.get("source") or plan.hosts[host].action != DEPLOY:
        return Sight(info, said.staged)
    source, fallback = pathlib.Path(task["source"]), tuple(map(pathlib.Path, task["fallback"]))
    release = info.get("release") or {}
    held = tuple(sorted({deployment["release"] for deployment in release.get("deployments", ())}))
    profile = _profile(task.get("profile") or "")
    same = (release.get("current") or {}).get("release") == plan.digest
    return Sight(
        info=info,
        staged=said.staged,
        manifest=shelf.manifest(source),
        leaving=shelf.manifest(source) if same else shelf.manifest(fallback[0]) if fallback else None,
        profile=profile,
        runtime=Runtime.from_dict(profile.runtime) if profile else None,
        send=shelf.weight(source, held, fallback),
    )


def _manifest(directory: pathlib.Path) -> Manifest:
    return Manifest.from_dict(_read(directory / "manifest.json"))


def _profile(path: str) -> Profile | None:
    return Profile.from_dict(_read(pathlib.Path(path))) if path else None


def _read(path: pathlib.Path) -> dict[str, t.Any]:
    try:
        return t.cast("dict[str, t.Any]", json.loads(path.read_bytes()))
    except (OSError, ValueError):
        raise InputError(
            "preview-ended",
            f"{path} is not there any more",
            hint="Run it anew from step=begin; keep_profiles=true lets a preview be told twice.",
        ) from None
