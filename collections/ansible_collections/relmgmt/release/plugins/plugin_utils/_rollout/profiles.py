# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The profiles of all hosts, made in one process: values, secrets, templates (private)."""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import pathlib
import typing as t

from ...module_utils._model.digest import short
from ...module_utils._model.errors import IntegrityError
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.profile import Profile
from .._profile import Request, configure, merge_layers, render
from .._registry import ProfileRecord
from .._secrets import Access, Providers, Secret, bind, parse, resolve

__all__ = ["SECRETS_PREFIX", "HostInput", "Made", "Scope", "make_profiles", "render_again"]

SECRETS_PREFIX = "relmgmt_secrets"


@dataclasses.dataclass(frozen=True)
class HostInput:
    """What is known of a host before the plan: from the inventory (variables, site, facts) and from itself (info)."""

    site: str
    variables: collections.abc.Mapping[str, t.Any]
    facts: collections.abc.Mapping[str, t.Any]
    info: collections.abc.Mapping[str, t.Any]

    @property
    def root(self) -> str:
        """The root on the host; empty if the host did not answer."""
        return str(((self.info.get("host") or {}).get("root") or {}).get("path") or "")


class Scope(t.NamedTuple):
    """Where a profile is for."""

    environment: str
    instance: str


@dataclasses.dataclass(frozen=True)
class Made:
    """A host's profile, and what it was made of."""

    request: Request
    profile: Profile

    def record(self) -> ProfileRecord:
        """What it takes to render the profile again; no value of a secret is in it."""
        request, manifest, about = self.request, self.request.manifest, self.request.relmgmt
        return ProfileRecord(
            digest=self.profile.digest,
            package=manifest.name,
            version=manifest.version,
            release=manifest.digest,
            environment=str(about["environment"]),
            instance=str(about["instance"]),
            host=request.host,
            config=request.config,
            secrets={name: secret.reference for name, secret in request.bound.items()},
            versions=dict(self.profile.versions),
            facts=request.named_facts,
            relmgmt=about,
        )


def make_profiles(
    manifest: Manifest,
    package: pathlib.Path,
    hosts: collections.abc.Mapping[str, HostInput],
    scope: Scope,
    access: Access,
    *,
    pins: collections.abc.Mapping[str, str] | None = None,
    providers: Providers | None = None,
) -> dict[str, Made]:
    """Host → profile. All values of all hosts are checked before the first secret is read.

    Args:
        package: the package's directory in the cache.
        pins: as of ``resolve``; providers: those to ask, who are then not closed; else there are some for this alone.

    Raises:
        RelmgmtError: what ``configure``, ``resolve`` and ``render`` raise.
    """
    config = configure(
        {host: known.variables for host, known in hosts.items()}, manifest=manifest, directory=package / "config"
    )
    bound = {host: merge_layers(known.variables, SECRETS_PREFIX, manifest.name) for host, known in hosts.items()}
    needed = bind(bound, manifest.config.secrets, package=manifest.name)
    with contextlib.nullcontext(providers) if providers else Providers(access) as asked:
        secrets = resolve(needed, providers=asked, needed_by=needed, pins=pins)
    requests = [
        Request(
            host=host,
            manifest=manifest,
            template_dir=package / "config",
            config=config[host],
            secrets=_bound(bound[host], manifest, secrets),
            facts=known.facts,
            relmgmt=_about(manifest, host, known, scope),
        )
        for host, known in hosts.items()
    ]
    return {request.host: Made(request, profile) for request, profile in zip(requests, render(requests), strict=True)}


def render_again(
    records: collections.abc.Iterable[ProfileRecord],
    manifest: Manifest,
    package: pathlib.Path,
    secrets: collections.abc.Mapping[str, Secret],
) -> list[Made]:
    """Profiles from what is recorded of them, in the order of the records; with the same versions of their secrets,
    they have the same digests.

    Args:
        manifest: of the release that they are of; package: its directory in the cache.
        secrets: reference → secret, for all that the records refer to.

    Raises:
        IntegrityError: a record is of another release (``profile-release``).
        RelmgmtError: what ``render`` raises.
    """
    requests = [_request_of(record, manifest, package, secrets) for record in records]
    return [Made(request, profile) for request, profile in zip(requests, render(requests), strict=True)]


def _request_of(
    record: ProfileRecord,
    manifest: Manifest,
    package: pathlib.Path,
    secrets: collections.abc.Mapping[str, Secret],
) -> Request:
    if record.release != manifest.digest:
        raise IntegrityError(
            "profile-release",
            f"{record.host}: the profile {short(record.digest)} is of another release than {manifest.version} here",
            hint="Fetch the package by the digest that is on record.",
        )
    return Request(
        host=record.host,
        manifest=manifest,
        template_dir=package / "config",
        config=record.config,
        secrets={name: secrets[reference] for name, reference in record.secrets.items()},
        facts=record.facts,
        relmgmt=record.relmgmt,
    )


def _bound(
    references: collections.abc.Mapping[str, object], manifest: Manifest, secrets: collections.abc.Mapping[str, Secret]
) -> dict[str, Secret]:
    names = [name for name in manifest.config.secrets if name in references]
    return {name: secrets[str(parse(references[name], where=name))] for name in names}


def _about(manifest: Manifest, host: str, known: HostInput, scope: Scope) -> dict[str, t.Any]:
    """What templates see as ``relmgmt``."""
    instance = f"{known.root.rstrip('/')}/{manifest.name}/{scope.instance}"
    return {
        "package": manifest.name,
        "version": manifest.version,
        "environment": scope.environment,
        "site": known.site,
        "host": host,
        "instance": scope.instance,
        "root": instance,
        "release": f"{instance}/current/release",
        "profile": f"{instance}/current/profile",
        "state": {state.name: f"{instance}/state/{state.name}" for state in manifest.state},
        "python": known.info["host"]["python"]["executable"],
    }
