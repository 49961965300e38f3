# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts would be configured with, beside what they have, with masks in the place of secrets (private).

A host never sends its files: what it has is rendered again from what is on record of its profile.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import json
import pathlib
import typing as t

from ...module_utils._model.errors import RelmgmtError
from ...module_utils._model.manifest import Manifest
from ...module_utils._model.profile import Profile
from .._registry import ProfileRecord
from .._secrets import Secret
from .masking import mask
from .profiles import HostInput, Made, render_again

__all__ = ["Unpacked", "View", "before_of", "running_profile", "view_of"]

RUNTIME = "release.yml"
_TEXT = "utf-8"
_SHOWN = 19  # letters of a digest
Files = dict[str, str]


class Unpacked(t.NamedTuple):
    """A package that lies here."""

    manifest: Manifest
    path: pathlib.Path


@dataclasses.dataclass(frozen=True)
class View:
    """One host. before: path → text of what it has, None where that cannot be told, for the reason in ``unknown``;
    ``release.yml`` is how the release is run."""

    host: str
    after: Files
    before: Files | None
    unknown: str = ""

    def to_dict(self) -> dict[str, t.Any]:
        before = self.before or {}
        names = sorted(name for name in {*before, *self.after} if before.get(name) != self.after.get(name))
        return {
            "known": self.before is not None,
            "unknown": self.unknown,
            "changed": self.before is None or bool(names),
            "files": {name: _difference(before.get(name), self.after.get(name), name) for name in names},
        }


def running_profile(known: HostInput) -> str:
    """The digest of the profile that the host has; empty where nothing runs."""
    return str(((known.info.get("release") or {}).get("current") or {}).get("profile") or "")


def before_of(
    hosts: collections.abc.Mapping[str, HostInput],
    records: collections.abc.Mapping[str, ProfileRecord],
    packages: collections.abc.Mapping[str, Unpacked],
    *,
    versions: bool,
) -> dict[str, Files | str]:
    """Host → what it has, or why that cannot be told.

    Args:
        records: by the digests of profiles; packages: by releases, those that can be had.
        versions: whether masks name the versions of secrets.
    """
    found: dict[str, Files | str] = {}
    wanted: dict[tuple[str, str], dict[str, ProfileRecord]] = {}
    for host, known in hosts.items():
        digest = running_profile(known)
        record = records.get(digest)
        if not digest:
            found[host] = {}
        elif record is None:
            found[host] = f"its profile {digest[:_SHOWN]} is not on record here"
        elif record.release not in packages:
            found[host] = f"the package of {record.version}, which it runs, cannot be had"
        else:
            held = json.dumps(record.versions, sort_keys=True)
            wanted.setdefault((record.release, held), {})[host] = record
    for (release, _held), same in wanted.items():
        found.update(_rendered(same, packages[release], versions=versions))
    return found


def _rendered(
    records: dict[str, ProfileRecord], package: Unpacked, *, versions: bool
) -> collections.abc.Mapping[str, Files | str]:
    """Of hosts with the same release, and the same versions of the same secrets."""
    held = next(iter(records.values())).versions
    secrets = {name: mask(Secret(name, "", version if versions else "")) for name, version in held.items()}
    try:
        made = render_again(records.values(), package.manifest, package.path, secrets)
    except RelmgmtError as exc:
        return dict.fromkeys(records, f"what it has cannot be rendered again: {exc.message}")
    return {host: files_of(each.profile) for host, each in zip(records, made, strict=True)}


def view_of(made: collections.abc.Mapping[str, Made], before: collections.abc.Mapping[str, Files | str]) -> list[View]:
    """All hosts, in their order."""
    views = []
    for host, each in sorted(made.items()):
        has = before[host]
        known = has if isinstance(has, dict) else None
        views.append(View(host, files_of(each.profile), known, "" if isinstance(has, dict) else has))
    return views


def files_of(profile: Profile) -> Files:
    """Path → text of the rendered files, and how the release is run."""
    files = {item.path: item.contents.decode(_TEXT) for item in profile.files}
    return {**files, RUNTIME: json.dumps(profile.runtime, indent=2, sort_keys=True) + "\n"}


def _difference(before: str | None, after: str | None, name: str) -> dict[str, str]:
    how = "added" if before is None else "removed" if after is None else "changed"
    lines = difflib.unified_diff(
        (before or "").splitlines(keepends=True), (after or "").splitlines(keepends=True), name, name
    )
    return {"change": how, "diff": "".join(line if line.endswith("\n") else line + "\n" for line in lines)}
