# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts hold, rendered again with the secrets of the release that is to come: hosts re-seal it once these are
proven (private).

Nothing of this ever stops a rollout: what cannot be rendered again stays as it was sealed, and that is told.
"""

from __future__ import annotations

import collections.abc
import contextlib
import json
import pathlib
import typing as t

from ...module_utils._model.digest import digest_of
from ...module_utils._model.errors import RelmgmtError
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.origin import CONFIG_SECRET
from ...module_utils._model.secret_need import SecretNeed
from .._profile import needs_of
from .._registry import ProfileRecord
from .._secrets import Access, Secret
from .joining import named
from .profiles import HostInput, Made, render_again
from .renewing import Sealed, newer, renewed

__all__ = ["MOST_HELD", "Accompanied", "Companion", "Fetch", "accompany", "no_packages"]

MOST_HELD = 4  # confirmed deployments of a host, the newest first: as far as anybody is expected to go back
Fetch = collections.abc.Callable[[collections.abc.Mapping[str, str]], collections.abc.Mapping[str, pathlib.Path]]
Known = collections.abc.Callable[[collections.abc.Collection[str]], collections.abc.Mapping[str, ProfileRecord]]


def no_packages(_releases: collections.abc.Mapping[str, str]) -> dict[str, pathlib.Path]:
    """For those who fetch none."""
    return {}


class Companion(t.NamedTuple):
    """What a deployment that a host holds is to become."""

    deployment: int
    release: str
    made: Made

    def to_dict(self) -> dict[str, t.Any]:
        """As the engine takes it; holds secrets."""
        return {"deployment": self.deployment, "release": self.release, "profile": self.made.profile.to_dict()}


class Accompanied(t.NamedTuple):
    """Companions by host, and for people what comes back with older secrets."""

    companions: collections.abc.Mapping[str, tuple[Companion, ...]]
    notes: tuple[str, ...] = ()


class _Held(t.NamedTuple):
    """A deployment that a host holds, with what is known of it."""

    host: str
    deployment: int
    version: str
    release: str
    profile: str


class _Renewed(t.NamedTuple):
    held: _Held
    record: ProfileRecord
    secrets: collections.abc.Mapping[str, Secret]


def accompany(
    made: collections.abc.Mapping[str, Made],
    hosts: collections.abc.Mapping[str, HostInput],
    *,
    known: Known,
    fetch: Fetch,
    access: Access,
) -> Accompanied:
    """The companions of what the hosts are about to leave, or could go back to.

    Args:
        made: host → the profile that it is to get.
        known: digests of profiles → what they were made of.
        fetch: digests of releases, with their versions → directories of their packages, of those that can be had.
    """
    reach = [held for host in sorted(made) if made[host].request.bound for held in _within_reach(host, hosts[host])]
    if not reach:
        return Accompanied({})
    records, notes = known({held.profile for held in reach}), _Notes()
    stale = []
    for held in reach:
        record = records.get(held.profile)
        if record is None:
            notes.add(held, None, "what its configuration was made of is not on record")
        elif newer(record, made[held.host].read):
            stale.append((held, record))
    packages = _packages({held.release: held.version for held, _record in stale}, fetch)
    rules = _rules(stale, packages)
    ready = list[_Renewed]()
    with Sealed(access) as sealed:
        for held, record in stale:
            manifest = packages[held.release][0] if held.release in packages else None
            if manifest is None:
                notes.add(held, record, "its package cannot be had")
                continue
            try:
                needs = {**manifest.config.needs, **rules.get(held.profile, {})}
                secrets = renewed(record, needs, made[held.host].read, sealed)
            except RelmgmtError as exc:
                notes.add(held, record, exc.message)
                continue
            if secrets is not None:
                ready.append(_Renewed(held, record, secrets))
    return Accompanied(_rendered(ready, packages, notes), notes.told())


def _within_reach(host: str, known: HostInput) -> list[_Held]:
    release = known.info.get("release") or {}
    proven = [
        item
        for item in release.get("deployments", ())
        if item["proven"] and item["deployment"] >= release.get("frozen_at", 0)
    ]
    newest = sorted(proven, key=lambda item: int(item["deployment"]), reverse=True)[:MOST_HELD]
    return [_Held(host, int(item["deployment"]), *(str(item[name]) for name in _ABOUT)) for item in newest]


_ABOUT = ("version", "release", "profile")


def _packages(releases: collections.abc.Mapping[str, str], fetch: Fetch) -> dict[str, tuple[Manifest, pathlib.Path]]:
    found = {}
    for release, path in (fetch(releases) if releases else {}).items():
        with contextlib.suppress(OSError):
            data = (path / "manifest.json").read_bytes()
            if digest_of(data) == release:
                found[release] = (Manifest.from_dict(json.loads(data)), path)
    return found


def _rules(
    stale: collections.abc.Iterable[tuple[_Held, ProfileRecord]],
    packages: dict[str, tuple[Manifest, pathlib.Path]],
) -> dict[str, dict[str, SecretNeed]]:
    """Profile → what its schema says of the secrets in its values. A package whose schema cannot be used is none."""
    found: dict[str, dict[str, SecretNeed]] = {}
    for release, (manifest, path) in list(packages.items()):
        values = {
            held.profile: record.config
            for held, record in stale
            if held.release == release and any(name.startswith(CONFIG_SECRET) for name in record.secrets)
        }
        try:
            found.update(needs_of(values, manifest=manifest, directory=path / "config"))
        except RelmgmtError:
            del packages[release]
    return found


def _rendered(
    ready: collections.abc.Iterable[_Renewed],
    packages: collections.abc.Mapping[str, tuple[Manifest, pathlib.Path]],
    notes: _Notes,
) -> dict[str, tuple[Companion, ...]]:
    """One process for all of a release that get the same secrets; what it refuses stays as it was sealed."""
    groups: dict[tuple[object, ...], list[_Renewed]] = {}
    for each in ready:
        key = sorted((name, secret.reference, secret.version) for name, secret in each.secrets.items())
        groups.setdefault((each.held.release, *key), []).append(each)
    found: dict[str, tuple[Companion, ...]] = {}
    for group in groups.values():
        manifest, path = packages[group[0].held.release]
        try:
            again = render_again([each.record for each in group], manifest, path, group[0].secrets)
        except RelmgmtError as exc:
            for each in group:
                notes.add(each.held, each.record, exc.message)
            continue
        for each, made in zip(group, again, strict=True):
            if made.profile.digest != each.held.profile:
                companion = Companion(each.held.deployment, each.held.release, made)
                found[each.held.host] = (*found.get(each.held.host, ()), companion)
    return found


class _Notes:
    """What comes back with older secrets, told once for all hosts that it holds for."""

    def __init__(self) -> None:
        self._hosts: dict[tuple[str, str, str], list[str]] = {}

    def add(self, held: _Held, record: ProfileRecord | None, reason: str) -> None:
        of = (
            f"the secrets of {record.recorded[:10]}" if record and record.recorded else "the secrets it was sealed with"
        )
        self._hosts.setdefault((held.version, of, reason), []).append(held.host)

    def told(self) -> tuple[str, ...]:
        return tuple(
            f"{version} would come back with {of} on {named(sorted(set(hosts)))}: {reason}"
            for (version, of, reason), hosts in sorted(self._hosts.items())
        )
