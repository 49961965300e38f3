# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Companions: deployments that the host holds, made anew with the secrets of the one that is about to come (private).

A companion is sealed when that one is staged, as ``deployments/<held>-with-<coming>``, beside the held deployment: a
way back that is taken before anything is confirmed leads to what was sealed before. That the coming one is confirmed
proves that its secrets work. Then the journal says which deployments are re-sealed (``resealing``): from this line on
they are what their companions are, and whoever finds that unfinished goes on with giving each companion the name of its
deployment.

A companion that is not whole any more, or that another one outran, is dropped: its deployment stays as it was sealed.
"""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

from .._model.digest import digest_of
from .._model.errors import InputError, RelmgmtError
from .._model.manifest import Manifest
from .._model.profile import Profile
from .capsule import CAPSULE, COPIES, Capsule, manifest_of, sealed
from .instance import Instance, profile_name, release_name
from .journal import Event, History
from .plain import read_plain

__all__ = ["Companion", "Companions", "companion_name", "is_whole", "split_name"]

MOST = 16  # in a request: each is a profile, and as many deployments within reach are more than anybody goes back
_BETWEEN = "-with-"
Data = t.Mapping[str, t.Any]


class Companion(t.NamedTuple):
    """What a held deployment is to be from then on: its release stays, its profile is a new one."""

    deployment: int
    release: str
    profile: Profile

    @classmethod
    def all_of(cls, data: t.Sequence[Data]) -> list[Companion]:
        """As a request holds them. Raises InputError (``companions-malformed``)."""
        found = [
            cls(int(item["deployment"]), str(item["release"]), Profile.from_dict(item["profile"])) for item in data
        ]
        if len(found) > MOST or len({companion.deployment for companion in found}) < len(found):
            raise InputError("companions-malformed", f"there are more than {MOST} companions, or two of one deployment")
        return found


def companion_name(held: int, coming: int) -> str:
    """Of its directory below ``deployments``."""
    return f"{held}{_BETWEEN}{coming}"


def split_name(name: str) -> tuple[int, int] | None:
    """Held and coming deployment of a name; None where it is not one of a companion."""
    held, between, coming = name.partition(_BETWEEN)
    return (int(held), int(coming)) if between and held.isdigit() and coming.isdigit() else None


class Companions:
    """Of one instance. The caller holds the lock."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._disk = instance.disk

    # --- staging ------------------------------------------------------------------------------------------------------

    def wanted(self, history: History, brought: t.Iterable[Companion]) -> dict[int, Companion]:
        """Those that can be had: of a deployment that is here, was ever confirmed, is of that release, and is not what
        it would become already."""
        found = {}
        for companion in brought:
            event = history.staged.get(companion.deployment)
            if event is None or companion.deployment not in history.proven or event["release"] != companion.release:
                continue
            if event["profile"] != companion.profile.digest and self._whole(event):
                found[companion.deployment] = companion
        return found

    def _whole(self, event: Event) -> bool:
        """Whether the manifest of its release is as it is to be where it lies: that is what a seal would vouch for."""
        data = Capsule(self._instance, event["deployment"]).read(manifest_of(event))
        return data is not None and digest_of(data) == event["release"]

    def manifest(self, deployment: int) -> Manifest | None:
        """Of a held deployment, from wherever it is whole."""
        return Capsule(self._instance, deployment).manifest()

    def place(
        self, coming: int, companions: t.Mapping[int, Companion], history: History, *, engine: str
    ) -> dict[int, str]:
        """Seal them beside their deployments; their profiles are placed already. Held deployment → profile, without
        those whose release is damaged here: that is no reason not to stage."""
        self.drop(coming)
        filled = {}
        for number, companion in companions.items():
            directory = self._disk.temporary("deployments", companion_name(number, coming))
            try:
                self._fill(directory, history.staged[number]["version"], companion, engine=engine)
            except (OSError, ValueError, LookupError):
                continue
            filled[number] = directory
        if filled:
            self._disk.flush()
        for number, directory in filled.items():
            self._disk.settle(directory, "deployments", companion_name(number, coming), mode=0o755)
        return {number: companions[number].profile.digest for number in filled}

    def _fill(self, directory: pathlib.Path, version: str, companion: Companion, *, engine: str) -> None:
        release, profile = companion.release, companion.profile
        meta = {"version": version, "release": release, "profile": profile.digest, "versions": dict(profile.versions)}
        os.symlink("../../releases/" + release_name(version, release), str(directory / "release"))
        os.symlink("../../profiles/" + profile_name(profile.digest), str(directory / "profile"))
        (directory / "meta.json").write_bytes(json.dumps(meta, sort_keys=True).encode("utf-8"))
        Capsule(self._instance, companion.deployment).seal(engine=engine, directory=directory)

    def drop(self, coming: int) -> None:
        """Remove those of a deployment. Raises OSError."""
        for name in self.names():
            if (split_name(name) or (0, 0))[1] == coming:
                self._disk.remove("deployments", name)

    def names(self) -> list[str]:
        """Of all that are here."""
        return [name for name in self._disk.names("deployments") if split_name(name)]

    # --- swapping them in ---------------------------------------------------------------------------------------------

    def settle(self) -> list[int]:
        """Re-seal what the confirmed deployment proves, or go on with that; the deployments that are new by it.

        Whatever goes wrong, what was confirmed is, and the next verb tries again.
        """
        try:
            history = self._instance.history()
            if history.resealing is None and history.companions_due:
                self._commit(history)
                history = self._instance.history()
            return self._finish(history)
        except (RelmgmtError, OSError):
            return []

    def _commit(self, history: History) -> None:
        coming = history.current
        ready = {
            str(number): profile
            for number, profile in history.companions[coming].items()
            if history.may_be_resealed(number, by=coming) and is_whole(self._instance, number, coming, profile)
        }
        self._instance.journal.write("resealing", deployment=coming, profiles=ready)

    def _finish(self, history: History) -> list[int]:
        if history.resealing is None:
            return []
        coming, numbers = history.resealing
        for number in numbers:
            name = companion_name(number, coming)
            if self._disk.exists("deployments", name):
                self._disk.settle(self._disk.path("deployments", name), "deployments", str(number), mode=0o755)
        self._disk.sync_directory(self._disk.path("deployments"))  # whoever was killed may have given the last name
        self.drop(coming)
        self._instance.journal.write("resealed", deployment=coming, deployments=list(numbers))
        return list(numbers)


def is_whole(instance: Instance, held: int, coming: int, profile: str) -> bool:
    """Whether a companion is as it was sealed, its second copies included."""
    own = f"deployments/{held}/"
    directory = instance.disk.path("deployments", companion_name(held, coming))
    found = read_plain(directory / CAPSULE)
    try:
        document = json.loads(found.data) if found else {}
        if found is None or sealed(document) != found.data:
            return False
        if (document["deployment"], document["profile"]) != (held, profile):
            return False
        for path, kept in document["files"].items():
            lies = directory / path[len(own) :] if path.startswith(own) else instance.disk.path(path)
            for place in (lies, directory / COPIES / path):
                plain = read_plain(place)
                if plain is None or digest_of(plain.data) != kept["sha256"]:
                    return False
    except (ValueError, LookupError, TypeError, AttributeError):
        return False
    return True
