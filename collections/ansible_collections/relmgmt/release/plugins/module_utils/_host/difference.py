# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one deployment places differently from another (private).

Files are named by digest, configuration by its profile's digest: that of a rendered file, or of a value, would let what
is short be guessed.
"""

from __future__ import annotations

import typing as t

from .._model.digest import digest_of, short
from .._model.manifest import Manifest
from .._model.profile import Profile
from .capsule import Capsule

__all__ = ["Side", "difference"]

SHOWN = 19  # letters of a digest


class Side(t.NamedTuple):
    """What runs, or is to: its manifest, the digest of its profile, those of its rendered files by their path, and of
    what they were made of by name; None where that is not known."""

    manifest: Manifest
    profile: str
    rendered: t.Mapping[str, str]
    inputs: t.Mapping[str, str] | None = None

    @classmethod
    def brought(cls, manifest: Manifest, profile: Profile) -> Side:
        """What the controller brings."""
        rendered = {item.path: digest_of(item.contents) for item in profile.files}
        return cls(manifest, profile.digest, rendered, profile.inputs)

    @classmethod
    def held(cls, capsule: Capsule, manifest: Manifest) -> Side:
        """What the host holds."""
        profile = capsule.event["profile"] if capsule.event else ""
        return cls(manifest, profile, capsule.rendered(), capsule.inputs())


def difference(before: Side | None, after: Side | None) -> dict[str, dict[str, str]]:
    """As Ansible shows it; a side is None where nothing runs."""
    old, new = (_files(side.manifest) if side else {} for side in (before, after))
    known = all(side is None or side.inputs is not None for side in (before, after))
    was, will = (_configuration(side, inputs=known) if side else {} for side in (before, after))
    for name in set(was) | set(will):
        if was.get(name) != will.get(name):
            old.update({name: "profile " + short(before.profile)} if before and name in was else {})
            new.update({name: "profile " + short(after.profile)} if after and name in will else {})
    names = sorted(name for name in set(old) | set(new) if old.get(name) != new.get(name))
    return {
        "before": {name: old[name] for name in names if name in old},
        "after": {name: new[name] for name in names if name in new},
    }


def _configuration(side: Side, *, inputs: bool) -> dict[str, str]:
    made_of = (side.inputs or {}) if inputs else {}
    return {**{"profile/" + path: digest for path, digest in side.rendered.items()}, **made_of}


def _files(manifest: Manifest) -> dict[str, str]:
    return {
        f"release/{unit.destination}/{entry.path}": (entry.digest or entry.link or entry.state)[:SHOWN]
        for unit in manifest.units
        for entry in unit.entries
    }
