# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release places differently from what runs now (private).

Files are named by digest, configuration by its profile's digest: that of a rendered file, or of a value, would let what
is short be guessed.
"""

from __future__ import annotations

import typing as t

from .._model.digest import digest_of, short
from .._model.manifest import Manifest
from .._model.profile import Profile

__all__ = ["Before", "difference"]

SHOWN = 19  # letters of a digest


class Before(t.NamedTuple):
    """What runs: its manifest, the digest of its profile, those of its rendered files by their path, and of what they
    were made of by name; None where that is not known."""

    manifest: Manifest
    profile: str
    rendered: t.Mapping[str, str]
    inputs: t.Mapping[str, str] | None = None


def difference(before: Before | None, manifest: Manifest, profile: Profile) -> dict[str, dict[str, str]]:
    """As Ansible shows it; ``before`` is None where nothing runs."""
    old = _files(before.manifest) if before else {}
    new = _files(manifest)
    was = _configuration(before.rendered, before.inputs or {}) if before else {}
    known = before is None or before.inputs is not None
    rendered = {item.path: digest_of(item.contents) for item in profile.files}
    will = _configuration(rendered, profile.inputs if known else {})
    for name in set(was) | set(will):
        if was.get(name) != will.get(name):
            old.update({name: "profile " + short(before.profile)} if before and name in was else {})
            new.update({name: "profile " + short(profile.digest)} if name in will else {})
    names = sorted(name for name in set(old) | set(new) if old.get(name) != new.get(name))
    return {
        "before": {name: old[name] for name in names if name in old},
        "after": {name: new[name] for name in names if name in new},
    }


def _configuration(rendered: t.Mapping[str, str], inputs: t.Mapping[str, str]) -> dict[str, str]:
    return {**{"profile/" + path: digest for path, digest in rendered.items()}, **inputs}


def _files(manifest: Manifest) -> dict[str, str]:
    return {
        f"release/{unit.destination}/{entry.path}": (entry.digest or entry.link or entry.state)[:SHOWN]
        for unit in manifest.units
        for entry in unit.entries
    }
