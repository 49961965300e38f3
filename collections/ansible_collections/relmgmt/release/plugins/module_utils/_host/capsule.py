# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The capsule of a deployment: all that going back to it needs, sealed by digest (private).

``deployments/<n>/capsule.json`` (0600: digests of rendered files would let short secrets be guessed) holds

    format, deployment, version, release, profile, versions    what it is
    engine, interpreter      what knows how to run it: a file below the instance, and an absolute path
    links                    path → target
    directories              path → mode, group
    files                    path → sha256, mode, group: all but the units' files, which the release's manifest names
    seal                     the digest of all that

Service, probes, health and the versions of databases are in the profile's ``profile.json``.
``deployments/<n>/capsule/`` (0700) holds a second copy of each of ``files``: a profile cannot be had again when its
secrets are gone. Paths begin at the instance.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pathlib
import sys
import typing as t

from .._model.digest import canonical, digest_of, hex_of
from .._model.errors import IntegrityError
from .._model.manifest import Manifest
from .adoption import adoption_of
from .instance import PROFILE, Instance, profile_name, release_name
from .journal import Event
from .objects import Objects
from .plain import contents_of, mode_of, owner_of, read_plain, status_of
from .tree import is_folder

__all__ = ["CAPSULE", "Capsule", "Document", "damaged", "manifest_of", "require_whole", "sealed"]

CAPSULE = "capsule.json"
COPIES = "capsule"
FORMAT = 1
SHOWN = 3  # paths in a message
Document = t.Dict[str, t.Any]


class Capsule:
    """The capsule of one deployment. ``objects`` is shared where several are asked, so that each file is read once."""

    def __init__(self, instance: Instance, deployment: int, objects: Objects | None = None) -> None:
        self.deployment = deployment
        self.here = f"deployments/{deployment}"
        self.path = f"{self.here}/{CAPSULE}"
        self._instance = instance
        self._disk = instance.disk
        self._objects = objects or Objects(instance.disk, shared=False)
        self._owner = owner_of(instance.disk.root)

    @functools.cached_property
    def event(self) -> Event | None:
        """What the journal says was staged as this deployment."""
        return self._instance.history().staged.get(self.deployment)

    # --- what it says -------------------------------------------------------------------------------------------------

    def document(self) -> Document | None:
        """What ``capsule.json`` says; None where there is none, it is not what its own seal says, or not of this."""
        data = self.read(self.path)
        document = _parsed(data)
        with contextlib.suppress(ValueError):  # numbers and text that cannot be written
            if sealed(document) == data and document["deployment"] == self.deployment:
                known = self.event or document
                return document if all(document[name] == known[name] for name in ("release", "profile")) else None
        return None

    def manifest(self) -> Manifest | None:
        """The release's manifest, from wherever on this host it is whole; None where it is nowhere."""
        data = self.whole(manifest_of(self.event), self.event["release"]) if self.event else None
        return Manifest.from_dict(json.loads(data)) if data is not None else None

    def rendered(self) -> dict[str, str]:
        """Digests of the profile's rendered files by their path in the profile. They must not leave the host."""
        document = self.document()
        if document is not None:
            files = {path: kept["sha256"] for path, kept in document["files"].items()}
        else:
            files = {path: digest_of(self.read(path) or b"") for path in self._below(self._profile())}
        prefix = self._profile() + "/"
        found = {path[len(prefix) :]: digest for path, digest in files.items() if path.startswith(prefix)}
        found.pop(PROFILE, None)
        return found

    def inputs(self) -> dict[str, str] | None:
        """What the profile was made of, by digest; None where it does not say. They must not leave the host."""
        found = self.about_profile().get("inputs")
        return found if isinstance(found, dict) else None

    def about_profile(self) -> Document:
        """What lies beside the profile's rendered files: see ``about_runtime``; empty where that cannot be read."""
        return _parsed(self.read(f"{self._profile()}/{PROFILE}"))

    def rendered_file(self, path: str) -> bytes | None:
        """A rendered file of the profile as it was sealed; None where it is not one, or nowhere whole."""
        digest = self.rendered().get(path)
        return self.whole(f"{self._profile()}/{path}", digest) if digest else None

    def copy_of(self, path: str) -> str:
        """Where the second copy of a file lies."""
        return f"{self.here}/{COPIES}/{path}"

    def read(self, path: str) -> bytes | None:
        """The bytes of a plain file, None where there is none or its disk does not give them back."""
        found = read_plain(self._disk.path(path))
        return found.data if found else None

    def whole(self, path: str, digest: str) -> bytes | None:
        """The bytes with the digest, from the file or from its copy."""
        for place in (path, self.copy_of(path)):
            data = self.read(place)
            if data is not None and digest_of(data) == digest:
                return data
        return None

    # --- sealing ------------------------------------------------------------------------------------------------------

    def seal(self, *, engine: str = "", directory: pathlib.Path | None = None) -> None:
        """Write it, durably, over what is here; the caller has verified that.

        Args:
            engine: path of the engine below the instance; the one that the capsule names already, if it is empty.
            directory: where the deployment is filled before it gets its name: the caller flushes that.
        """
        document = self.compose(engine=engine, directory=directory)
        copies = directory / COPIES if directory else self._disk.temporary(*self.here.split("/"), COPIES)
        copies.mkdir(mode=0o700, exist_ok=True)
        for path, kept in document["files"].items():
            self._write_copy(self._place(path, directory), copies / path, int(kept["mode"], 8) & 0o700)
        if directory:
            _write(directory / CAPSULE, sealed(document), 0o600)
            return
        self._disk.flush()
        self._disk.settle(copies, *self.here.split("/"), COPIES, mode=0o700)
        self._disk.write(sealed(document), *self.path.split("/"), mode=0o600)

    def compose(self, *, engine: str = "", directory: pathlib.Path | None = None) -> Document:
        """What a capsule of what is here would say. Arguments as of ``seal``.

        Raises:
            OSError, ValueError, LookupError: parts of the deployment are missing or unreadable.
        """
        engine = engine or (self.document() or {}).get("engine", "")
        about = json.loads(self._place(f"{self.here}/meta.json", directory).read_bytes())
        release = "releases/" + release_name(about["version"], about["release"])
        profile = "profiles/" + profile_name(about["profile"])
        folders, files = contents_of(self._disk.path(profile))
        manifest = json.loads(self._disk.path(release, "manifest.json").read_bytes())
        names = [f"{release}/manifest.json", f"{self.here}/meta.json", *(f"{profile}/{name}" for name in files)]
        group = os.lstat(str(self._disk.path(release))).st_gid
        return {
            "format": FORMAT,
            "deployment": self.deployment,
            **{name: about[name] for name in ("version", "release", "profile", "versions")},
            "engine": engine,
            "interpreter": sys.executable,
            "links": {
                f"{self.here}/release": f"../../{release}",
                f"{self.here}/profile": f"../../{profile}",
                **{
                    f"{release}/{unit['destination']}": "../../units/" + hex_of(unit["digest"])
                    for unit in manifest["units"]
                },
            },
            "directories": {
                self.here: {"mode": "0755", "group": group},
                f"{self.here}/{COPIES}": {"mode": "0700", "group": group},
                release: {"mode": "0755", "group": group},
                **{f"{profile}/{name}".rstrip("/"): status_of(self._disk.path(profile, name)) for name in folders},
            },
            "files": {path: _kept(self._place(path, directory)) for path in [*names, *([engine] if engine else [])]},
        }

    def _place(self, path: str, directory: pathlib.Path | None) -> pathlib.Path:
        """Where the file lies now: the deployment's own ones in ``directory`` for as long as it has no name."""
        own = directory is not None and path.startswith(self.here + "/")
        return directory / path[len(self.here) + 1 :] if directory and own else self._disk.path(path)

    @staticmethod
    def _write_copy(source: pathlib.Path, target: pathlib.Path, mode: int) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, source.read_bytes(), mode)

    # --- proving ------------------------------------------------------------------------------------------------------

    def damages(self) -> list[str]:
        """Everything read again: paths that are missing, changed or not listed, the capsule's own included; none where
        it is whole. A unit whose tree is missing is named by the tree alone. ``absent`` needs nothing."""
        if not self.deployment:
            adoption = adoption_of(self._instance)
            return adoption.damages() if adoption is not None else []
        document = self.document()
        found = self.unproven() if document is None else self.strayed(document)
        if document is None or mode_of(self._disk.path(self.path), owner=self._owner) != 0o600:
            found.add(self.path)
        manifest = self.manifest()
        if manifest is None and self.event is not None:
            found.add(manifest_of(self.event))  # without it, nobody knows what the units are to be
        for unit in manifest.units if manifest else ():
            tree = "units/" + hex_of(unit.digest)
            wrong = self._objects.verify(unit)
            found |= {f"{tree}/{path}".rstrip("/") for path in wrong} if is_folder(self._objects.tree(unit)) else {tree}
        return sorted(found)

    def strayed(self, document: Document) -> set[str]:
        """What is not as the document says, the units' trees left out."""
        found = {path for path, target in document["links"].items() if self._disk.target(path) != target}
        for path, kept in document["files"].items():
            mode, copy = int(kept["mode"], 8), self.copy_of(path)
            if not self._same(path, kept["sha256"], mode, kept["group"]):
                found.add(path)
            if not self._same(copy, kept["sha256"], mode & 0o700):
                found.add(copy)
        listed = {*document["links"], *document["files"], *map(self.copy_of, document["files"]), self.path}
        listed |= {path[:end] for path in listed for end, letter in enumerate(path) if letter == "/"}
        for path, kept in document["directories"].items():
            found |= self._strays(path, listed)
            if mode_of(self._disk.path(path), kept["group"], self._owner) != int(kept["mode"], 8):
                found.add(path)
        if not os.access(document["interpreter"], os.X_OK):
            found.add(document["interpreter"])
        return found

    def unproven(self) -> set[str]:
        """Without a capsule, what is not known to be as it was staged: what the journal, itself or its copy belies."""
        event = self.event
        if event is None:
            return set()
        profile, meta = self._profile(), f"{self.here}/meta.json"
        found = set()
        if digest_of(self.read(manifest_of(event)) or b"") != event["release"]:
            found.add(manifest_of(event))
        about = _parsed(self.read(meta))
        if any(about.get(name) != event[name] for name in ("version", "release", "profile")):
            found.add(meta)
        if "runtime" not in _parsed(self.read(f"{profile}/{PROFILE}")):
            found.add(f"{profile}/{PROFILE}")
        if self._disk.exists(self.here, COPIES):
            names = {meta, *self._below(profile), *self._below(profile, copies=True)}
            found |= {name for name in names if self.read(name) != self.read(self.copy_of(name))}
        return found

    def _profile(self) -> str:
        return "profiles/" + profile_name(self.event["profile"]) if self.event else ""

    def _below(self, path: str, *, copies: bool = False) -> list[str]:
        """The files below a directory, or those that have copies there."""
        top = self._disk.path(self.copy_of(path) if copies else path)
        return [f"{path}/{name}" for name in contents_of(top)[1]]

    def _same(self, path: str, digest: str, mode: int, group: int | None = None) -> bool:
        found = read_plain(self._disk.path(path))
        if found is None or found.mode != mode or group not in (None, found.group):
            return False
        if self._owner not in (None, found.owner):
            return False
        return digest_of(found.data) == digest

    def _strays(self, path: str, listed: set[str]) -> set[str]:
        try:
            return {f"{path}/{name}" for name in os.listdir(str(self._disk.path(path)))} - listed
        except OSError:  # that it is not there is found by its mode
            return set()


def manifest_of(event: t.Mapping[str, t.Any]) -> str:
    """Where the manifest of what was staged lies."""
    return "releases/{}/manifest.json".format(release_name(event["version"], event["release"]))


def sealed(document: Document) -> bytes:
    """The bytes of ``capsule.json``: the document with the seal that it should have."""
    content = {key: value for key, value in document.items() if key != "seal"}
    return canonical(dict(content, seal=digest_of(canonical(content))))


def require_whole(instance: Instance, *deployments: int) -> None:
    """Raise IntegrityError (``capsule-damaged``) unless the capsules of the deployments are whole. 0 always is."""
    objects = Objects(instance.disk, shared=False)
    for deployment in deployments:
        found = Capsule(instance, deployment, objects).damages()
        if found:
            raise damaged(instance, deployment, found, hint="Stage the release again: it repairs what can be repaired.")


def damaged(instance: Instance, deployment: int, paths: t.Sequence[str], *, hint: str) -> IntegrityError:
    """The error that says what is damaged."""
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return IntegrityError(
        "capsule-damaged",
        f"{instance.path}: deployment {deployment} is not whole; missing, changed, or not its own: "
        f"{', '.join(paths[:SHOWN])}{more}",
        hint=f"Nothing was touched. {hint}",
    )


def _parsed(data: bytes | None) -> Document:
    """The JSON object in the bytes; an empty one where there is none."""
    try:
        value = json.loads(data or b"")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _kept(path: pathlib.Path) -> dict[str, t.Any]:
    return {"sha256": digest_of(path.read_bytes()), **status_of(path)}


def _write(path: pathlib.Path, data: bytes, mode: int) -> None:
    with os.fdopen(os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(data)
