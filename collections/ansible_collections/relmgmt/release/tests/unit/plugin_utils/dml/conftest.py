# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small DML with two versions of a package, copied for each test, and the tools of an attacker."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import hashlib
import io
import pathlib
import shutil
import tarfile
import typing as t

import pytest
import zstandard

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml import Client, Repository
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml.keys import Keys
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml.layout import DmlLayout
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml.limits import LIMITS, Limits
from ansible_collections.relmgmt.release.plugins.plugin_utils._dml.roles import RoleSet
from ansible_collections.relmgmt.release.plugins.plugin_utils._package import Layout

NAME = "calendar/radicale"
MakePackage = collections.abc.Callable[..., Layout]


@dataclasses.dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime.datetime = datetime.datetime(2026, 11, 21, 12, 0, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.now

    def advance(self, days: float) -> None:
        self.now += datetime.timedelta(days=days)


def build_package(directory: pathlib.Path, version: str = "1.0.0", **changes: t.Any) -> Layout:
    """A package with one unit of one file and a configuration of one file, without the builder."""
    contents = changes.pop("contents", f"I am {version}\n".encode())
    blobs: dict[str, pathlib.Path] = {}
    data = {
        "format": 1,
        "name": NAME,
        "version": version,
        "versioning": "semver",
        "type": "minor",
        "owner": "Calendar team",
        "units": [_unit(directory, blobs, "app", "app/hello.txt", contents)],
        "config": {"unit": _unit(directory, blobs, "config", "schema.json", b"{}")},
        "state": [],
        "runtime": {},
        "activation": "restart",
        "about": {},
        **changes,
    }
    return Layout.write(directory / "layout", Manifest.from_dict(data), blobs)


def _unit(
    directory: pathlib.Path, blobs: dict[str, pathlib.Path], name: str, path: str, contents: bytes
) -> dict[str, t.Any]:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(path)
        member.size = len(contents)
        archive.addfile(member, io.BytesIO(contents))
    data = zstandard.ZstdCompressor().compress(plain.getvalue())
    blobs[digest_of(data)] = directory / f"{name}.blob"
    directory.mkdir(parents=True, exist_ok=True)
    blobs[digest_of(data)].write_bytes(data)
    entry = {"path": path, "mode": "0644", "size": len(contents), "digest": digest_of(contents)}
    blob = {"digest": digest_of(data), "size": len(data)}
    return {"name": name, "kind": "files", "destination": name, "blob": blob, "entries": [entry]}


@dataclasses.dataclass
class World:
    """A DML, its keys, a client's cache, and a clock that all of them share."""

    base: pathlib.Path
    clock: Clock
    limits: Limits = LIMITS

    @property
    def dml(self) -> pathlib.Path:
        return self.base / "dml"

    @property
    def keys(self) -> pathlib.Path:
        return self.base / "keys"

    @property
    def cache(self) -> pathlib.Path:
        return self.base / "cache"

    @property
    def layout(self) -> DmlLayout:
        return DmlLayout(self.dml)

    @property
    def repository(self) -> Repository:
        return Repository(self.dml, self.keys, clock=self.clock, limits=self.limits)

    @property
    def client(self) -> Client:
        """A client that starts anew but remembers what was seen."""
        root = (self.base / "root.json").read_bytes()
        return Client(self.dml, root, self.base / "trust", clock=self.clock, limits=self.limits)

    @property
    def roles(self) -> RoleSet:
        return RoleSet.load(self.layout)

    def package(self, version: str = "1.0.0", **changes: t.Any) -> Layout:
        return build_package(self.base / "built" / f"{version}-{len(changes)}", version, **changes)

    def release(self, version: str, environment: str = "prod", **changes: t.Any) -> None:
        self.repository.publish(self.package(version, **changes))
        self.repository.promote(changes.get("name", NAME), version, environment)

    def forge(self, roles: RoleSet, signers: collections.abc.Mapping[str, str | None]) -> None:
        """Write the roles as an attacker would: ``signers`` says whose key signs a role; None: nobody."""
        keys = Keys(self.keys)
        stolen = _StolenKeys(keys, signers)
        for path, data in roles.seal(self.layout, t.cast("Keys", stolen), self.clock()):
            path.write_bytes(data)


class _StolenKeys:
    """Keys of which some belong to other roles than they are used for."""

    def __init__(self, keys: Keys, signers: collections.abc.Mapping[str, str | None]) -> None:
        self._keys = keys
        self._signers = signers

    def signer(self, role: str) -> t.Any:
        owner = self._signers.get(role, role)
        genuine = self._keys.signer(role)
        return _Forger(genuine.public_key, self._keys.signer(owner) if owner else None)


class _Forger:
    """Signs with one key and says that it was another."""

    def __init__(self, claimed: t.Any, signer: t.Any) -> None:
        self.public_key = claimed
        self._signer = signer

    def sign(self, payload: bytes) -> t.Any:
        from securesystemslib.signer import Signature

        signature = self._signer.sign(payload).signature if self._signer else "00" * 64
        return Signature(self.public_key.keyid, signature)


def tree(*roots: pathlib.Path) -> dict[str, tuple[int, str]]:
    """Every file and directory below the roots, with mode and digest: equal trees, equal values."""
    found = {}
    for root in roots:
        for path in sorted(root.rglob("*")):
            data = path.read_bytes() if path.is_file() else b""
            found[str(path)] = path.lstat().st_mode, hashlib.sha256(data).hexdigest()
    return found


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    base = tmp_path_factory.mktemp("made")
    world = World(base, Clock())
    world.repository.create(("calendar", "mail"), ("staging", "prod"))
    (base / "root.json").write_bytes(world.repository.trusted_root())
    world.release("1.0.0")
    world.release("1.1.0")
    return base


@pytest.fixture
def world(made: pathlib.Path, tmp_path: pathlib.Path) -> World:
    """A DML that published and promoted 1.0.0 and 1.1.0 to prod, of the teams calendar and mail."""
    shutil.copytree(made, tmp_path / "world")
    return World(tmp_path / "world", Clock())


@pytest.fixture
def empty(tmp_path: pathlib.Path) -> World:
    """A world without a DML."""
    return World(tmp_path, Clock())


@pytest.fixture
def snapshot() -> collections.abc.Callable[..., dict[str, tuple[int, str]]]:
    return tree
