# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Placing: the directories of a release, of its profile and of the deployment of both (private).

Each is filled under a temporary name, flushed, and given its name.
"""

from __future__ import annotations

import json
import os
import pathlib
import pwd
import typing as t

from .._model.digest import digest_of, hex_of
from .._model.manifest import Manifest
from .._model.profile import Profile
from .capsule import Capsule
from .instance import PROFILE, Instance, profile_name, release_name
from .objects import mtime_of

__all__ = ["Built", "Placing", "about_runtime"]


class Built(t.NamedTuple):
    """A filled temporary directory, its name to be, its mode."""

    directory: pathlib.Path
    parts: tuple[str, str]
    mode: int


class Placing:
    """One release with one profile. user: the account that the service runs as; None where it is the engine's own."""

    def __init__(
        self, instance: Instance, manifest: Manifest, profile: Profile, user: pwd.struct_passwd | None
    ) -> None:
        self._instance = instance
        self._disk = instance.disk
        self._manifest = manifest
        self._profile = profile
        self._user = user if os.geteuid() == 0 else None

    def build(self) -> list[Built]:
        """Release and profile, to be flushed and then settled."""
        return [self._release(), self._rendered()]

    def settle(self, built: t.Iterable[Built]) -> None:
        """Give names to what was built; what stands there just the same stays."""
        for directory, parts, mode in built:
            place = self._disk.path(*parts)
            stood = place.is_dir()
            if not _same(directory, place):
                self._disk.settle(directory, *parts, mode=mode)
                if stood and parts[0] == "profiles":
                    self._seal_others(parts)

    def deploy(self, number: int, engine: str) -> None:
        """The deployment, sealed; then the journal says that it is staged. engine: its path below the instance."""
        digests = {"release": self._manifest.digest, "profile": self._profile.digest}
        meta = dict(digests, version=self._manifest.version, versions=dict(self._profile.versions))
        directory = self._disk.temporary("deployments", str(number))
        release = release_name(self._manifest.version, self._manifest.digest)
        os.symlink("../../releases/" + release, str(directory / "release"))
        os.symlink("../../profiles/" + profile_name(self._profile.digest), str(directory / "profile"))
        (directory / "meta.json").write_bytes(json.dumps(meta, sort_keys=True).encode("utf-8"))
        Capsule(self._instance, number).seal(engine=engine, directory=directory)
        self._make_state()
        self._disk.keep_reserve()
        self._disk.flush()
        self._disk.settle(directory, "deployments", str(number), mode=0o755)
        self._instance.journal.write("staged", deployment=number, version=self._manifest.version, **digests)

    def _release(self) -> Built:
        parts = ("releases", release_name(self._manifest.version, self._manifest.digest))
        directory = self._disk.temporary(*parts)
        for unit in self._manifest.units:
            os.symlink("../../units/" + hex_of(unit.digest), str(directory / unit.destination))
        (directory / "manifest.json").write_bytes(self._manifest.to_bytes())
        return Built(directory, parts, 0o755)

    def _rendered(self) -> Built:
        parts = ("profiles", profile_name(self._profile.digest))
        directory = self._disk.temporary(*parts)
        for item in self._profile.files:
            path = directory / item.path
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as stream:
                stream.write(item.contents)
                self._give(path)
                os.fchmod(handle, int(item.mode, 8))
            os.utime(str(path), (mtime_of(digest_of(item.contents)),) * 2)  # systemd goes by it, too
        (directory / PROFILE).write_bytes(about_runtime(self._profile))
        for parent, names, _files in os.walk(str(directory)):
            self._give(pathlib.Path(parent))
            for name in names:
                os.chmod(os.path.join(parent, name), 0o750)
        return Built(directory, parts, 0o750)

    def _give(self, path: pathlib.Path) -> None:
        """The service's group may read; the owner stays."""
        if self._user is not None:
            os.chown(str(path), -1, self._user.pw_gid)

    def _make_state(self) -> None:
        """Its directory appears with its owner and mode, or not at all."""
        for state in self._manifest.state:
            if not self._disk.exists("state", state.name):
                directory = self._disk.temporary("state", state.name)
                if self._user is not None:
                    os.chown(str(directory), self._user.pw_uid, self._user.pw_gid)
                self._disk.settle(directory, "state", state.name, mode=int(state.mode, 8))

    def _seal_others(self, parts: tuple[str, str]) -> None:
        """A profile's digest does not cover the bytes of a secret without a version: they changed under its name.

        Deployments of the same profile go on with the new ones.
        """
        prefix = "/".join(parts)
        for number in self._instance.deployments():
            capsule = Capsule(self._instance, number)
            damages = [path for path in capsule.damages() if not path.startswith(prefix)]
            if not damages and capsule.document() is not None:
                capsule.seal()


def about_runtime(profile: Profile) -> bytes:
    """What ``profile.json`` says beside the rendered files."""
    about: dict[str, t.Any] = {name: dict(getattr(profile, name)) for name in ("runtime", "versions", "inputs")}
    if profile.asks:
        about["asks"] = dict(profile.asks)
    if profile.origins:
        about["origins"] = {path: origin.to_dict() for path, origin in profile.origins.items()}
    return json.dumps(about, sort_keys=True).encode("utf-8")


def _same(one: pathlib.Path, other: pathlib.Path) -> bool:
    """Whether two directories hold the same names with the same bytes, targets and modes."""
    return other.is_dir() and _listing(one) == _listing(other)


def _listing(directory: pathlib.Path) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    for parent, names, files in os.walk(str(directory)):
        for name in names + files:
            path = pathlib.Path(parent, name)
            key = str(path.relative_to(directory))
            if path.is_symlink():
                found[key] = os.readlink(str(path))
            else:
                found[key] = (path.stat().st_mode, path.stat().st_gid, path.read_bytes() if path.is_file() else b"")
    return found
