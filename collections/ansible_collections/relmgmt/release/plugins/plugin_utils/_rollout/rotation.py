# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotation: the version that hosts run, with the values it runs with, and the newest secrets (private).

What is rendered again is what is on record of each host's profile. The inventory only says which version of a secret is
wanted, where it pins one; what else it says by now is told, and not taken.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import pathlib
import typing as t

from ...module_utils._model.errors import InputError, RelmgmtError
from ...module_utils._model.manifest import Manifest
from .._profile import configure, merge_layers
from .._registry import ProfileRecord
from .._secrets import Access, Providers, Secret, parse, resolve
from .companions import Known
from .joining import named
from .plan import release_of
from .profiles import SECRETS_PREFIX, HostInput, Made, render_again
from .renewing import is_same

__all__ = ["Rotated", "require_one_release", "rotate"]

Hosts = collections.abc.Mapping[str, HostInput]
_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Rotated:
    """Profiles by host; which secrets change, by reference, from which versions to which; for people, what the
    inventory says by now and a rotation does not take."""

    made: collections.abc.Mapping[str, Made]
    secrets: collections.abc.Mapping[str, collections.abc.Mapping[str, t.Any]]
    notes: tuple[str, ...]


def require_one_release(hosts: Hosts, *, package: str, version: str) -> tuple[str, str]:
    """Digest and version of the release whose secrets are rotated. version: the one to choose where hosts run several;
    empty for whichever they run.

    Raises:
        InputError: no host runs it (``rotation-nothing-runs``); hosts run several releases
            (``rotation-versions-mixed``).
    """
    found: dict[tuple[str, str], list[str]] = {}
    for host, known in sorted(hosts.items()):
        current = (known.info.get("release") or {}).get("current") or {}
        if current and version in ("", current["version"]):
            found.setdefault((str(current["release"]), str(current["version"])), []).append(host)
    if not found:
        raise InputError(
            "rotation-nothing-runs",
            f"No host runs {package}{f' {version}' if version else ''}, so there is no secret to rotate",
            hint="Roll the package out; a rollout takes the newest secrets.",
        )
    if len(found) > 1:
        lines = "".join(f"  {of} on {named(names)}\n" for (_digest, of), names in sorted(found.items(), key=str))
        raise InputError(
            "rotation-versions-mixed",
            f"The hosts run several releases of {package}. Nothing was staged:\n{lines}",
            hint="Rotate one version after the other: -e relmgmt_version=...; or choose hosts by relmgmt_target.",
        )
    return next(iter(found))


def rotate(
    manifest: Manifest,
    package: pathlib.Path,
    hosts: Hosts,
    *,
    known: Known,
    access: Access,
    pins: collections.abc.Mapping[str, str] | None = None,
) -> Rotated:
    """The profiles of the hosts that run the release; the others are left as they are.

    Args:
        package: the package's directory in the cache.
        known: digests of profiles → what they were made of; pins: as of ``resolve``.

    Raises:
        InputError: what a host runs is not on record (``rotation-unrecorded``).
        RelmgmtError: what ``resolve`` and ``render`` raise.
    """
    running = {
        host: str(known_of.info["release"]["current"]["profile"])
        for host, known_of in hosts.items()
        if release_of(known_of.info) == manifest.digest
    }
    records = _recorded(running, known(set(running.values())), manifest)
    bound = {host: merge_layers(hosts[host].variables, SECRETS_PREFIX, manifest.name) for host in records}
    wanted = {host: _wanted(record, bound[host]) for host, record in records.items()}
    needed: dict[str, str] = {}
    for host, references in sorted(wanted.items()):
        for reference in references.values():
            needed.setdefault(reference, f"{manifest.name} on {host}")
    with Providers(access) as providers:
        secrets = resolve(needed, providers=providers, needed_by=needed, pins=pins)
    made = _rendered(records, wanted, manifest, package, secrets)
    return Rotated(
        made, _changes(records, made), (*_config_notes(records, hosts, manifest, package), *_moved(records, bound))
    )


def _recorded(
    running: collections.abc.Mapping[str, str],
    found: collections.abc.Mapping[str, ProfileRecord],
    manifest: Manifest,
) -> dict[str, ProfileRecord]:
    lacking = [host for host, profile in sorted(running.items()) if profile not in found]
    if lacking:
        raise InputError(
            "rotation-unrecorded",
            f"What the configuration of {manifest.name} {manifest.version} was made of is not on record for"
            f" {named(lacking)}. Nothing was staged.",
            hint=f"Roll {manifest.version} out to them once (relmgmt.release.rollout): that puts it on record, and"
            " takes the newest secrets.",
        )
    return {host: found[profile] for host, profile in sorted(running.items())}


def _wanted(record: ProfileRecord, bound: collections.abc.Mapping[str, object]) -> dict[str, str]:
    """Recorded reference → the one that is read: where the inventory pins another version of the same secret, that."""
    found = {}
    for name, reference in record.secrets.items():
        now = str(parse(bound[name], where=f"{record.host}: {name}")) if name in bound else reference
        found[reference] = now if is_same(now, reference) else reference
    return found


def _rendered(
    records: collections.abc.Mapping[str, ProfileRecord],
    wanted: collections.abc.Mapping[str, collections.abc.Mapping[str, str]],
    manifest: Manifest,
    package: pathlib.Path,
    secrets: collections.abc.Mapping[str, Secret],
) -> dict[str, Made]:
    """In one process for all that want the same."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for host, references in wanted.items():
        groups.setdefault(tuple(sorted(references.items())), []).append(host)
    found = {}
    for pairs, names in groups.items():
        taken = {recorded: secrets[now] for recorded, now in pairs}
        for host, made in zip(
            names, render_again([records[name] for name in names], manifest, package, taken), strict=True
        ):
            found[host] = _as_recorded(made, records[host])
    return found


def _as_recorded(made: Made, record: ProfileRecord) -> Made:
    """With the same secrets it is the same profile, however it is rendered by now."""
    same = dict(made.profile.versions) == dict(record.versions)
    return dataclasses.replace(made, profile=dataclasses.replace(made.profile, digest=record.digest)) if same else made


def _changes(
    records: collections.abc.Mapping[str, ProfileRecord], made: collections.abc.Mapping[str, Made]
) -> dict[str, dict[str, t.Any]]:
    found: dict[str, dict[str, t.Any]] = {}
    for host, each in made.items():
        for name, secret in each.request.bound.items():
            before = records[host].versions.get(records[host].secrets[name], "")
            if before != secret.version:
                change = found.setdefault(secret.reference, {"from": [], "to": secret.version})
                change["from"] = sorted({*change["from"], before})
    return found


def _config_notes(
    records: collections.abc.Mapping[str, ProfileRecord], hosts: Hosts, manifest: Manifest, package: pathlib.Path
) -> list[str]:
    """Values that the inventory has otherwise by now."""
    variables = {host: hosts[host].variables for host in records}
    try:
        values = configure(variables, manifest=manifest, directory=package / "config") if variables else {}
    except RelmgmtError:
        return ["The inventory has values by now that the package does not allow; a rotation does not take them."]
    return _told(
        {host: _differing(records[host].config, values[host].values) for host in records},
        "has other values in the inventory by now, which a rotation does not take",
    )


def _moved(
    records: collections.abc.Mapping[str, ProfileRecord],
    bound: collections.abc.Mapping[str, collections.abc.Mapping[str, object]],
) -> list[str]:
    """Secrets that the inventory has in another place by now."""
    moved = {
        host: [
            f"secret {name}"
            for name, reference in record.secrets.items()
            if name in bound[host] and not is_same(str(parse(bound[host][name], where=f"{host}: {name}")), reference)
        ]
        for host, record in records.items()
    }
    return _told(moved, "is in another place by now, which a rotation does not take")


def _told(differing: collections.abc.Mapping[str, collections.abc.Sequence[str]], what: str) -> list[str]:
    """What several hosts have in common is told once."""
    grouped: dict[str, list[str]] = {}
    for host, names in sorted(differing.items()):
        if names:
            more = len(names) - _SHOWN
            shown = ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
            grouped.setdefault(shown, []).append(host)
    return [f"{named(names)}: {shown} {what}" for shown, names in grouped.items()]


def _differing(before: object, after: object, path: str = "") -> list[str]:
    """JSON pointers of what differs; never the values."""
    if isinstance(before, collections.abc.Mapping) and isinstance(after, collections.abc.Mapping):
        names = sorted({*before, *after})
        return [found for name in names for found in _differing(before.get(name), after.get(name), f"{path}/{name}")]
    return [] if before == after else [path or "/"]
