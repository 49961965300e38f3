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
from ...module_utils._model.errors import BackendError, IntegrityError
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.profile import Profile
from ...module_utils._model.secret_need import FAIL
from .._profile import (
    Configured,
    Request,
    configure,
    merge_layers,
    render,
    require_fit,
    require_no_secrets,
    require_none_encrypted,
)
from .._registry import ProfileRecord
from .._secrets import Access, Providers, Secret, attempt, bind, handed_out
from .._where import Where, nowhere
from .masking import NOT_MASKED, UNREAD, Masked, unread
from .stores_down import Needs, choose

__all__ = ["SECRETS_PREFIX", "HostInput", "Made", "Scope", "make_profiles", "render_again"]

SECRETS_PREFIX = "relmgmt_secrets"


@dataclasses.dataclass(frozen=True)
class HostInput:
    """What is known of a host before the plan: from the inventory (variables, site, facts) and from itself (info).

    where: tells in which file and line a variable, or a value in it, was written. vaulted: the variables again, with
    None in the place of every value that the inventory does not keep encrypted."""

    site: str
    variables: collections.abc.Mapping[str, t.Any]
    facts: collections.abc.Mapping[str, t.Any]
    info: collections.abc.Mapping[str, t.Any]
    where: Where = dataclasses.field(default=nowhere, repr=False, compare=False)
    vaulted: collections.abc.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)

    @property
    def versions(self) -> dict[str, str]:
        """Reference → version of the secrets that what runs was made with."""
        return dict(((self.info.get("release") or {}).get("current") or {}).get("versions") or {})

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
    """A host's profile, and what it was made of. fallbacks: names of secrets that could not be read → what was used."""

    request: Request
    profile: Profile
    fallbacks: collections.abc.Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def read(self) -> dict[str, Secret]:
        """The secrets by name that were read, without those that something else stands for."""
        return {name: secret for name, secret in self.request.bound.items() if name not in self.fallbacks}

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
            fallbacks=self.fallbacks,
            asks=request.asks,
        )


def make_profiles(
    manifest: Manifest,
    package: pathlib.Path,
    hosts: collections.abc.Mapping[str, HostInput],
    scope: Scope,
    access: Access,
    *,
    secrets_down: str = FAIL,
    masked: Masked = NOT_MASKED,
    pins: collections.abc.Mapping[str, str] | None = None,
    providers: Providers | None = None,
) -> dict[str, Made]:
    """Host → profile. All values of all hosts are checked before the first secret is read.

    Args:
        package: the package's directory in the cache.
        secrets_down: what holds for secrets that cannot be read and say nothing themselves: ``fail`` or ``previous``.
        masked: whether masks stand in the place of secrets, for people to look at.
        pins: as of ``resolve``; providers: those to ask, who are then not closed; else there are some for this alone.

    Raises:
        RelmgmtError: what ``configure``, ``resolve``, ``choose``, ``require_fit`` and ``render`` raise, or that a
            secret, or what the inventory keeps encrypted, stands among the values.
    """
    directory = package / "config"
    variables = {host: known.variables for host, known in hosts.items()}
    where = {host: known.where for host, known in hosts.items()}
    vaulted = {host: known.vaulted for host, known in hosts.items()}
    require_none_encrypted(vaulted, package=manifest.name, where=where)
    require_no_secrets(variables, package=manifest.name, looked_up=handed_out())
    config = configure(variables, manifest=manifest, directory=directory, where=where)
    needs = _needs(manifest, hosts, config)
    references = {host: each.references for host, each in needs.items()}
    own = sorted({name for each in config.values() for name in each.secrets})
    needed = bind(references, manifest.config.secrets, package=manifest.name, own=own)
    found, down = unread(needed), dict[str, BackendError]()
    if masked != UNREAD:
        with contextlib.nullcontext(providers) if providers else Providers(access) as asked:
            found, down = attempt(needed, providers=asked, needed_by=needed, pins=pins)
        require_no_secrets(variables, package=manifest.name, read=found.values())
    chosen = choose(needs, found, down, policy=secrets_down, package=manifest.name, needed_by=needed)
    if masked != UNREAD:
        fitting = {host: each.read(config[host].secrets) for host, each in chosen.items()}
        require_fit(config, fitting, manifest=manifest, directory=directory)
    if masked != NOT_MASKED:
        chosen = {host: each.masked() for host, each in chosen.items()}
    requests = [
        Request(
            host=host,
            manifest=manifest,
            template_dir=directory,
            config=config[host].values,
            secrets=chosen[host].secrets,
            facts=known.facts,
            relmgmt=_about(manifest, host, known, scope),
            asks=config[host].asks,
            kept=chosen[host].kept,
        )
        for host, known in hosts.items()
    ]
    made = zip(requests, render(requests), strict=True)
    return {request.host: Made(request, profile, chosen[request.host].fallbacks) for request, profile in made}


def _needs(
    manifest: Manifest,
    hosts: collections.abc.Mapping[str, HostInput],
    config: collections.abc.Mapping[str, Configured],
) -> dict[str, Needs]:
    """Host → its secrets: those that the package names, and those that its values refer to."""
    found = {}
    for host, known in hosts.items():
        bound = merge_layers(known.variables, SECRETS_PREFIX, manifest.name)
        own = {name: secret.reference for name, secret in config[host].secrets.items()}
        references = {name: bound[name] for name in manifest.config.secrets if name in bound}
        needs = {name: secret.need for name, secret in config[host].secrets.items()}
        found[host] = Needs({**references, **own}, {**manifest.config.needs, **needs}, known.versions)
    return found


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
        asks=record.asks,
    )


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
