# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The consumer's side of a DML: what may be installed, and the bytes of it (private).

Nothing is believed but what the trusted root leads to. A version may be fetched for an environment if the team's role
and the environment's role name the same digest for it.
"""

from __future__ import annotations

import pathlib

from ...module_utils._model.errors import InputError
from ...module_utils._model.manifest import Manifest, check_name, check_version
from .._package import version as versions
from .blobs import parse_manifest
from .cache import PackageCache
from .errors import not_published, promotion_mismatch, system_errors
from .fetcher import DirectoryFetcher
from .files import checked, chunks, copy_verified
from .layout import DmlLayout, environment_role, team_role
from .limits import LIMITS, Clock, Limits, utc_now
from .records import Target, Version
from .targets import versions_of
from .trust import Trust

__all__ = ["Client"]


class Client:
    """Reads one DML.

    ``trusted_root`` are the bytes of a root from a trustworthy source. ``trusted_state`` is the directory that
    remembers what was seen; it is written to, so give a copy where nothing may change.
    """

    def __init__(
        self,
        dml: pathlib.Path,
        trusted_root: bytes,
        trusted_state: pathlib.Path,
        *,
        clock: Clock = utc_now,
        limits: Limits = LIMITS,
    ) -> None:
        self._layout = DmlLayout(dml)
        self._limits = limits
        self._fetcher = DirectoryFetcher(self._layout)
        self._trust = Trust(self._layout, trusted_root, trusted_state, self._fetcher, clock=clock, limits=limits)

    def versions(self, name: str) -> list[Version]:
        """The published versions of a package, oldest first, with the environments they are promoted to.

        Raises:
            InputError: ``dml-missing``, ``team-unknown``, ``name-malformed``.
            IntegrityError: the metadata do not verify; ``promotion-mismatch``.
        """
        team = check_name(name).partition("/")[0]
        published = self._published(name)
        promoted: dict[str, list[str]] = {version: [] for version in published}
        for environment in self._trust.environments(team):
            for version, listed in self._listed(name, environment).items():
                if version not in published or published[version].digest != listed.digest:
                    raise promotion_mismatch(name, version, environment)
                promoted[version].append(environment)
        return [
            Version(found.version, found.versioning, found.type, found.digest, tuple(promoted[found.version]))
            for found in sorted(published.values(), key=_by_version)
        ]

    def resolve(self, name: str, version: str | None, environment: str) -> Target:
        """The version of a package that both roles agree on; without a version, the newest that is promoted.

        Raises:
            InputError: ``package-not-found``, ``package-not-promoted``, ``versioning-mixed``; ``dml-missing``,
                ``team-unknown``, ``environment-unknown``, ``name-malformed``, ``version-malformed``.
            IntegrityError: the metadata do not verify; ``promotion-mismatch``.
        """
        check_name(name)
        if version is not None:
            check_version(version)
        published = self._published(name)
        listed = self._listed(name, environment)
        chosen = version if version is not None else self._newest(name, listed, environment)
        if chosen in listed and (chosen not in published or published[chosen].digest != listed[chosen].digest):
            raise promotion_mismatch(name, chosen, environment)
        if chosen not in published:
            raise not_published(name, chosen, self._layout.root)
        if chosen not in listed:
            raise _not_promoted(f"{name} {chosen} is not", environment)
        found = published[chosen]
        size = self._size(name, chosen)
        return Target(name, chosen, found.versioning, found.type, environment, found.digest, size)

    def manifest(self, target: Target) -> Manifest:
        """The manifest of the package, verified.

        Raises:
            IntegrityError: ``blob-missing``, ``blob-tampered``, ``package-mismatch``.
            BackendError: ``dml-io``.
        """
        with (
            system_errors(f"manifest of {target.name} {target.version}"),
            self._fetcher.open_blob(target.digest) as stream,
        ):
            data = stream.read(min(target.size, self._limits.manifest) + 1)
        return parse_manifest(data, target.digest, target.size, name=target.name, version=target.version)

    def verify(self, target: Target) -> None:
        """Read all that a fetch would fetch, and keep nothing. Raises like ``fetch``."""
        for unit in self.manifest(target).blobs:
            blob, what = unit.blob, f"blob {unit.blob.digest}"
            with system_errors(what), self._fetcher.open_blob(blob.digest) as stream:
                for _chunk in checked(chunks(stream), digest=blob.digest, size=blob.size, what=what):
                    pass

    def cached(self, target: Target, cache: pathlib.Path) -> bool:
        """Whether the cache holds the package, intact."""
        return PackageCache(cache, limits=self._limits).intact(target.digest)

    def path(self, target: Target, cache: pathlib.Path) -> pathlib.Path:
        """Where the cache holds the package, or would hold it."""
        return PackageCache(cache, limits=self._limits).path(target.digest)

    def fetch(self, target: Target, cache: pathlib.Path) -> pathlib.Path:
        """The directory of the package in the cache: ``manifest.json``, ``units/``, ``config/``, ``oci/``.

        What is there is verified and used again; what is missing or damaged is fetched.

        Raises:
            IntegrityError: as ``manifest``; the package's own contents do not fit together.
            ConflictError: another process is filling the cache and does not end (``dml-busy``).
            BackendError: ``dml-io``.
        """
        packages = PackageCache(cache, limits=self._limits)
        if packages.intact(target.digest):
            return packages.path(target.digest)
        return packages.fill(self.manifest(target), self._download)

    def _download(self, digest: str, size: int, path: pathlib.Path) -> None:
        with system_errors(f"blob {digest}"), self._fetcher.open_blob(digest) as stream:
            copy_verified(chunks(stream), path, digest=digest, size=size, what=f"blob {digest}")

    def _published(self, name: str) -> dict[str, Version]:
        team = name.partition("/")[0]
        return versions_of(name, team_role(team), self._trust.team(team))

    def _listed(self, name: str, environment: str) -> dict[str, Version]:
        team = name.partition("/")[0]
        return versions_of(name, environment_role(environment, team), self._trust.environment(environment, team))

    def _size(self, name: str, version: str) -> int:
        team, _slash, app = name.partition("/")
        return self._trust.team(team).targets[f"{team_role(team)}/{app}/{version}"].length

    @staticmethod
    def _newest(name: str, listed: dict[str, Version], environment: str) -> str:
        if not listed:
            raise _not_promoted(f"no version of {name} is", environment)
        schemes = sorted({found.versioning for found in listed.values()})
        if len(schemes) > 1:
            raise InputError(
                "versioning-mixed",
                f"{name}: the newest version in {environment} cannot be told, they follow {' and '.join(schemes)}",
                hint="Name the version.",
            )
        return max(listed.values(), key=_by_version).version


def _by_version(found: Version) -> tuple[str, object, str]:
    return found.versioning, versions.sort_key(found.versioning, found.version), found.version


def _not_promoted(what: str, environment: str) -> InputError:
    return InputError(
        "package-not-promoted",
        f"{what} promoted to {environment}",
        hint="Promote it first: package_promote. package_info lists what is promoted where.",
    )
