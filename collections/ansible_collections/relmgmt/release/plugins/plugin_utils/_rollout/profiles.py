# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The profiles of all hosts, made in one process: values, secrets, templates (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import pathlib
import typing as t

from ...module_utils._model.manifest import Manifest
from ...module_utils._model.profile import Profile
from .._profile import Request, configure, merge_layers, render, require_no_secrets
from .._secrets import Access, Providers, Secret, bind, handed_out, parse, resolve

__all__ = ["SECRETS_PREFIX", "HostInput", "Scope", "make_profiles"]

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


def make_profiles(
    manifest: Manifest,
    package: pathlib.Path,
    hosts: collections.abc.Mapping[str, HostInput],
    scope: Scope,
    access: Access,
) -> dict[str, Profile]:
    """Host → profile. All values of all hosts are checked before the first secret is read.

    Args:
        package: the package's directory in the cache.

    Raises:
        RelmgmtError: what ``configure``, ``resolve`` and ``render`` raise, or that a secret stands among the values.
    """
    variables = {host: known.variables for host, known in hosts.items()}
    require_no_secrets(variables, package=manifest.name, looked_up=handed_out())
    config = configure(variables, manifest=manifest, directory=package / "config")
    bound = {host: merge_layers(known.variables, SECRETS_PREFIX, manifest.name) for host, known in hosts.items()}
    needed = bind(bound, manifest.config.secrets, package=manifest.name)
    with Providers(access) as providers:
        secrets = resolve(needed, providers=providers, needed_by=needed)
    require_no_secrets(variables, package=manifest.name, read=secrets.values())
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
    return dict(zip(hosts, render(requests), strict=True))


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
