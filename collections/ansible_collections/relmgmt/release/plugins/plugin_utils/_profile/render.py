# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles: a package's templates and runtime, rendered for all hosts at once (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import pathlib
import typing as t

from ...module_utils._model.digest import canonical, digest_of
from ...module_utils._model.errors import InputError, RelmgmtError, combined
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.origin import CONFIG_SECRET, dotted
from ...module_utils._model.profile import Profile
from .._secrets import Secret
from .limits import Limits
from .origins import Reads, origins_of, steps_of
from .process import run_job

__all__ = ["FORMAT", "Request", "render"]

FORMAT = 1
Data = collections.abc.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Request:
    """What one host's profile is made of.

    Args:
        template_dir: the unpacked ``config`` directory of the package.
        config: values that its schema allows.
        secrets: name → secret; a name that the package does not ask for is left out, unless it names a place of the
            configuration (``config:/db/password``), at which its reference stands.
        facts: at least those that the package names in ``config.facts``; others are left out.
        relmgmt: package, version, environment, site, host, instance, root, release, profile, state, python.
        asks: key of the configuration → what a change of it alone asks of the service.
        kept: names of secrets that could not be read: files that can see them are not rendered, the host keeps its own.
    """

    host: str
    manifest: Manifest
    template_dir: pathlib.Path
    config: Data
    secrets: collections.abc.Mapping[str, Secret] = dataclasses.field(repr=False)
    facts: Data
    relmgmt: Data
    asks: collections.abc.Mapping[str, str] = dataclasses.field(default_factory=dict)
    kept: collections.abc.Collection[str] = ()

    @functools.cached_property
    def bound(self) -> dict[str, Secret]:
        """The secrets that the package, or a value of its configuration, asks for."""
        names = [*self.manifest.config.secrets, *(name for name in self.secrets if name.startswith(CONFIG_SECRET))]
        return {name: self.secrets[name] for name in names if name in self.secrets}

    @functools.cached_property
    def named_facts(self) -> dict[str, t.Any]:
        """The facts that the package names."""
        return {name: self.facts[name] for name in self.manifest.config.facts if name in self.facts}

    def lacks(self) -> list[RelmgmtError]:
        """What the package asks for and the request does not have."""
        config, name = self.manifest.config, self.manifest.name
        errors: list[RelmgmtError] = [
            InputError(
                "secret-unbound",
                f"{self.host}: {name} needs the secret {secret!r}, and nothing binds it",
                hint=f"Name its place in the inventory: relmgmt_secrets: {{{name}: {{{secret}: ...}}}}.",
            )
            for secret in config.secrets
            if secret not in self.secrets
        ]
        errors += [
            InputError(
                "fact-missing",
                f"{self.host}: {name} needs the fact {fact!r}, which the host does not have",
                hint="Gather facts before the plan, or take the name out of config.facts.",
            )
            for fact in config.facts
            if fact not in self.facts
        ]
        return errors


def render(requests: collections.abc.Sequence[Request], *, limits: Limits | None = None) -> list[Profile]:
    """The hosts' profiles, in the order of the requests.

    Raises:
        InputError: all that is wrong with all hosts' templates, as one error with the code of the first:
            ``template-undefined``, ``template-forbidden``, ``template-syntax``, ``template-missing``,
            ``template-failed``, ``template-too-large``, ``template-endless``; ``secret-unbound``, ``fact-missing``;
            or what Runtime does not accept.
        IntegrityError: a template differs from the one that the manifest names (``template-changed``).
    """
    lacks = [error for request in requests for error in request.lacks()]
    if lacks:
        raise combined(lacks)
    keys = {id(request.manifest): request.manifest.digest for request in requests}
    places = [f"{keys[id(request.manifest)]} {request.template_dir}" for request in requests]
    packages = {place: _package(request) for place, request in zip(places, requests, strict=True)}
    hosts = [_host(request, place) for place, request in zip(places, requests, strict=True)]
    results = run_job("render", {"packages": packages, "hosts": hosts}, limits=limits or Limits())
    reads: dict[str, Reads] = {result["package"]: result["reads"] for result in results[: len(packages)]}
    rendered = zip(places, requests, results[len(packages) :], strict=True)
    return [_profile(request, result, reads[place]) for place, request, result in rendered]


def _package(request: Request) -> dict[str, t.Any]:
    config = request.manifest.config
    return {
        "directory": str(request.template_dir),
        "digests": {entry.path: entry.digest for entry in (config.unit.entries if config.unit else ())},
        "templates": [template.to_dict() for template in config.templates],
        "runtime": request.manifest.runtime,
    }


def _host(request: Request, package: str) -> dict[str, t.Any]:
    values = {name: secret.value for name, secret in request.bound.items()}
    return {
        "host": request.host,
        "package": package,
        "config": request.config,
        "config_secrets": [
            (steps_of(name, request.config), value) for name, value in values.items() if name.startswith(CONFIG_SECRET)
        ],
        "secrets": {name: value for name, value in values.items() if not name.startswith(CONFIG_SECRET)},
        "kept": sorted(dotted(f"secrets/{name}") for name in request.kept),
        "facts": request.named_facts,
        "relmgmt": request.relmgmt,
    }


def _profile(request: Request, result: dict[str, t.Any], reads: Reads) -> Profile:
    try:
        profile = Profile.from_dict(
            {
                "digest": _digest(request, result["runtime"]),
                "files": result["files"],
                "runtime": result["runtime"],
                "versions": {secret.reference: secret.version for secret in request.bound.values()},
                "inputs": _inputs(request),
                "asks": _asks(request),
                "origins": origins_of(request, reads),
            }
        )
    except InputError as exc:
        raise InputError(exc.code, f"{request.host}: release.yml, rendered: {exc.message}", hint=exc.hint) from exc
    return profile


def _inputs(request: Request) -> dict[str, str]:
    """What the profile is made of, each by a digest of its own, so that a host can name what changes."""
    values = {f"config/{name}": value for name, value in _leaves(request.config)}
    values |= {f"secrets/{name}": [secret.reference, secret.version] for name, secret in request.bound.items()}
    values |= {f"facts/{name}": value for name, value in request.named_facts.items()}
    return {name: digest_of(canonical(value)) for name, value in values.items()}


def _asks(request: Request) -> dict[str, str]:
    asks = {f"config/{name}": ask for name, ask in request.asks.items()}
    secrets = {f"secrets/{name}": asks.get(dotted(f"secrets/{name}")) for name in request.bound}
    return asks | {name: ask for name, ask in secrets.items() if ask}


def _leaves(values: Data, above: str = "") -> collections.abc.Iterator[tuple[str, t.Any]]:
    for name, value in values.items():
        if value and isinstance(value, collections.abc.Mapping):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _digest(request: Request, runtime: Data) -> str:
    """Covers everything that goes into the profile but the secrets, of which it has references and versions.

    All files of the package's configuration count, since a template may include another; its schema does not.
    """
    config = request.manifest.config
    entries = config.unit.entries if config.unit else ()
    return digest_of(
        canonical(
            {
                "format": FORMAT,
                "sources": {entry.path: entry.digest for entry in entries if entry.path != config.schema},
                "templates": [template.to_dict() for template in config.templates],
                "config": request.config,
                "secrets": {name: [secret.reference, secret.version] for name, secret in request.bound.items()},
                "facts": request.named_facts,
                "relmgmt": request.relmgmt,
                "runtime": runtime,
            }
        )
    )
