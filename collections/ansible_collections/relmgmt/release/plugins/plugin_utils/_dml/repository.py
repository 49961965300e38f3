# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The publisher's side of a DML: make it, publish to it, promote in it, keep its signatures fresh (private).

Each method computes everything first, and writes only if ``write`` is true: keys, then blobs, then metadata, the
timestamp last. A crash in between leaves what was there before, and files that nothing refers to. One publisher works
at a time.
"""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import pathlib
import typing as t

from ...module_utils._model.errors import ConflictError, InputError
from ...module_utils._model.manifest import Manifest, check_name
from .._files import write_file
from . import anchor
from .blobs import Bytes, damaged, package_blobs, put, stored_manifest
from .errors import dml_missing, not_published, promotion_mismatch, role_unknown, system_errors
from .files import exclusive, make_directory
from .keys import Keys
from .layout import DmlLayout, environment_role, target_path, team_role
from .limits import LIMITS, Clock, Limits, utc_now
from .records import Change
from .roles import RoleSet
from .targets import new_target, target_digest

if t.TYPE_CHECKING:
    from tuf.api.metadata import Targets

    from .._package import Layout

__all__ = ["Repository"]


class Repository:
    """A DML in a directory, with the keys to sign for it."""

    def __init__(
        self, path: pathlib.Path, keys: pathlib.Path, *, clock: Clock = utc_now, limits: Limits = LIMITS
    ) -> None:
        """Raises InputError if the keys would lie in the DML (``keys-inside-dml``)."""
        if path.resolve() in (keys.resolve(), *keys.resolve().parents):
            raise InputError(
                "keys-inside-dml",
                f"the private keys would lie in {keys}, inside of the DML {path}, which others read",
                hint="Keep them in a directory of their own.",
            )
        self.layout = DmlLayout(path)
        self._keys_path = keys
        self._clock = clock
        self._limits = limits

    @property
    def exists(self) -> bool:
        """Whether there is a DML.

        Raises:
            ConflictError: there is something else (``dml-incomplete``).
        """
        with system_errors(f"DML {self.layout.root}"):
            return self._exists()

    def create(
        self,
        teams: collections.abc.Iterable[str],
        environments: collections.abc.Iterable[str],
        *,
        expiry: collections.abc.Mapping[str, int] | None = None,
        trusted_root: pathlib.Path | None = None,
        write: bool = True,
    ) -> Change:
        """Make the DML if there is none, add the teams and environments it lacks, renew what is about to expire.

        ``expiry`` changes the days that it names. The root that clients are to trust is put at ``trusted_root``.

        Raises:
            InputError, IntegrityError, ConflictError, BackendError: see ``errors``.
        """
        teams, environments = tuple(teams), tuple(environments)
        if write and not self.exists:  # whatever would be refused is refused before anything is made
            self.create(teams, environments, expiry=expiry, trusted_root=trusted_root, write=False)
            self._make_directories()
        keys = Keys(self._keys_path, limits=self._limits)
        with self._lock(write):
            existed = self.exists
            roles = RoleSet.load(self.layout, limits=self._limits) if existed else RoleSet.new(keys)
            before, reasons = (_describe(roles), []) if existed else ({}, ["created"])
            wanted = dataclasses.replace(roles.expiry, **(expiry or {}))
            if wanted != roles.expiry:
                roles.expiry = wanted
                reasons.append("expiry set")
            reasons += [f"role {role} added" for role in roles.add(teams, environments, keys)]
            warnings = self._renew(roles, keys, reasons) if existed else []
            files = roles.seal(self.layout, keys, self._clock())
            if trusted_root and anchor.differs(trusted_root, roles.root):
                reasons.append("trusted root written")
            if write:
                self._write(keys, {}, files)
                if trusted_root:
                    anchor.put(trusted_root, roles.root)
            after = _describe(roles)
        return Change(tuple(reasons), before, after, after, tuple(warnings))

    def refresh(self, *, write: bool = True) -> Change:
        """Sign anew what has less than a third of its time left. Raises like ``create``, and ``dml-missing``."""
        self._require()
        return self.create((), (), write=write)

    def publish(self, package: Layout, *, write: bool = True) -> Change:
        """Add a package that was built. The same bytes again are no change, but mend blobs that were damaged.

        Raises:
            ConflictError: the version exists with other bytes (``package-exists``).
            InputError: ``dml-missing``, ``team-unknown``, ``key-missing``, ``key-mismatch``, ``keys-readable``.
            IntegrityError: the package or the DML is damaged.
        """
        manifest = package.verify()
        blobs = package_blobs(package, manifest)
        role = team_role(manifest.name.partition("/")[0])
        path = target_path(role, manifest.name, manifest.version)
        with self._open(write) as (roles, keys):
            targets = self._targets(roles, role)
            found = targets.targets.get(path)
            if found is not None and target_digest(found) != manifest.digest:
                raise ConflictError(
                    "package-exists",
                    f"{manifest.name} {manifest.version} is published with digest {target_digest(found)},"
                    f" this package has {manifest.digest}",
                    hint="A published version never changes: give the new contents a new version.",
                )
            reasons = []
            lost = {digest: data for digest, data in blobs.items() if damaged(self.layout, digest, data.size)}
            if found is None:
                targets.targets[path] = new_target(path, manifest)
                roles.changed.add(role)
                reasons.append("published")
            elif lost:
                reasons.append("blobs restored")
            self._commit(roles, keys, lost, write)
        return _change(reasons, path, manifest)

    def promote(self, name: str, version: str, environment: str, *, write: bool = True) -> Change:
        """List a published version for an environment, after having verified its bytes.

        Raises:
            InputError: ``dml-missing``, ``team-unknown``, ``environment-unknown``, ``package-not-found``, keys.
            IntegrityError: the DML is damaged, or the environment lists other bytes (``promotion-mismatch``).
        """
        team = check_name(name).partition("/")[0]
        role, source = environment_role(environment, team), team_role(team)
        path = target_path(role, name, version)
        with self._open(write) as (roles, keys):
            published = self._targets(roles, source).targets.get(target_path(source, name, version))
            targets = self._targets(roles, role)
            if published is None:
                raise not_published(name, version, self.layout.root)
            digest = target_digest(published)
            manifest = stored_manifest(
                self.layout, digest, published.length, name=name, version=version, limits=self._limits
            )
            found = targets.targets.get(path)
            if found is not None and target_digest(found) != digest:
                raise promotion_mismatch(name, version, environment)
            reasons = []
            if found is None:
                targets.targets[path] = new_target(path, manifest)
                roles.changed.add(role)
                reasons.append(f"promoted to {environment}")
            self._commit(roles, keys, {}, write)
        return _change(reasons, path, manifest)

    def trusted_root(self) -> bytes:
        """The newest root, to be given to clients over a trustworthy way."""
        self._require()
        return RoleSet.load(self.layout, limits=self._limits).root.to_bytes()

    # --- how ---------------------------------------------------------------------------------------------------------

    def _renew(self, roles: RoleSet, keys: Keys, reasons: list[str]) -> list[str]:
        warnings = []
        for role in roles.near_expiry(self._clock()):
            expires = roles.metadata(role).signed.expires
            if role in roles.changed:
                continue
            if keys.has(role):
                roles.changed.add(role)
                reasons.append(f"role {role} renewed")
            else:
                warnings.append(f"role {role} expires on {expires.isoformat()} and its key is not in {keys.directory}")
        return warnings

    def _exists(self) -> bool:
        layout = self.layout
        if layout.timestamp.exists():
            return True
        if not layout.root.exists():
            return False
        known = {layout.metadata, layout.blobs.parent, layout.inbox, layout.lock}
        rest = [path for path in layout.root.iterdir() if path not in known]
        if layout.metadata.is_dir():
            rest += [path for path in layout.metadata.iterdir() if not path.name.startswith(("1.", ".tmp-"))]
        if layout.blobs.is_dir():
            rest += list(layout.blobs.iterdir())
        if rest:
            raise ConflictError(
                "dml-incomplete",
                f"{layout.root} is neither empty nor a DML: there is {min(rest)} but no {layout.timestamp}",
                hint="Choose another directory, or restore the DML from a backup.",
            )
        return False

    def _require(self) -> None:
        if not self.exists:
            raise dml_missing(self.layout.root)

    def _make_directories(self) -> None:
        with system_errors(f"DML {self.layout.root}"):
            for path in (self.layout.metadata, self.layout.blobs, self.layout.inbox):
                make_directory(path, mode=0o755)

    @contextlib.contextmanager
    def _lock(self, write: bool) -> collections.abc.Iterator[None]:
        if not write:
            yield
            return
        with contextlib.ExitStack() as stack:
            with system_errors(f"DML {self.layout.root}"):
                stack.enter_context(exclusive(self.layout.lock, what="DML", limits=self._limits))
            yield

    @contextlib.contextmanager
    def _open(self, write: bool) -> collections.abc.Iterator[tuple[RoleSet, Keys]]:
        self._require()
        with self._lock(write):
            yield RoleSet.load(self.layout, limits=self._limits), Keys(self._keys_path, limits=self._limits)

    def _commit(self, roles: RoleSet, keys: Keys, blobs: collections.abc.Mapping[str, Bytes], write: bool) -> None:
        files = roles.seal(self.layout, keys, self._clock())
        if write:
            self._write(keys, blobs, files)

    def _write(
        self, keys: Keys, blobs: collections.abc.Mapping[str, Bytes], files: list[tuple[pathlib.Path, bytes]]
    ) -> None:
        keys.store()
        with system_errors(f"DML {self.layout.root}"):
            for digest, data in blobs.items():
                put(self.layout, digest, data)
            for path, contents in files:
                write_file(path, [contents], mode=0o644)

    @staticmethod
    def _targets(roles: RoleSet, role: str) -> Targets:
        if role not in roles.delegated:
            raise role_unknown(role, roles.teams, roles.environments)
        return roles.delegated[role].signed


def _change(reasons: list[str], path: str, manifest: Manifest) -> Change:
    after = {path: manifest.digest}
    subject = {key: getattr(manifest, key) for key in ("name", "version", "versioning", "type", "digest")}
    return Change(tuple(reasons), {} if reasons else after, after, subject)


def _describe(roles: RoleSet) -> dict[str, t.Any]:
    signed = {role: roles.metadata(role).signed for role in sorted(roles.all())}
    return {
        "teams": list(roles.teams),
        "environments": list(roles.environments),
        "expiry": roles.expiry.to_dict(),
        "roles": [
            {"name": role, "version": data.version, "expires": data.expires.strftime("%Y-%m-%dT%H:%M:%SZ")}
            for role, data in signed.items()
        ],
    }
