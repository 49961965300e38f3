# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a profile whose secret could not be read: those of what runs, where they are proven the same (private).

So a store that is down stops nobody whose secrets did not change, and no secret leaves the host for it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._model.errors import ConflictError
from .._model.origin import Origin
from .._model.profile import Profile, ProfileFile
from .capsule import Capsule
from .instance import Instance

__all__ = ["filled"]


def filled(instance: Instance, profile: Profile) -> Profile:
    """The profile with the contents of the files that it is to keep.

    Raises:
        ConflictError: what runs here has no file that is proven to be the same (``secret-previous-unusable``).
    """
    if not any(item.kept for item in profile.files):
        return profile
    current = instance.history().current
    if not current:
        raise _unusable(instance, "", "nothing runs here yet")
    capsule = Capsule(instance, current)
    files = [_kept(instance, capsule, profile, item) if item.kept else item for item in profile.files]
    return dataclasses.replace(profile, files=tuple(files))


def _kept(instance: Instance, capsule: Capsule, profile: Profile, item: ProfileFile) -> ProfileFile:
    held = capsule.about_profile()
    before, after = held.get("origins", {}).get(item.path), profile.origins.get(item.path)
    if before is None or after is None:
        raise _unusable(instance, item.path, "what runs does not say what that file was made of")
    why = _differs(Origin.from_dict(before), after, held.get("versions", {}), profile.versions)
    contents = capsule.rendered_file(item.path)
    if why or contents is None:
        raise _unusable(instance, item.path, why or "what runs has lost it, or it was changed")
    return dataclasses.replace(item, contents=contents, kept=False)


def _differs(before: Origin, after: Origin, held: t.Mapping[str, str], asked: t.Mapping[str, str]) -> str:
    if before.rest != after.rest:
        return "its template or its values are other ones"
    for name, reference in after.secrets.items():
        if before.secrets.get(name) != reference:
            return f"the secret {name} is another one"
        if held.get(reference) != asked.get(reference):
            return f"{reference} is of another version"
    return "" if len(before.secrets) == len(after.secrets) else "it was made with more secrets"


def _unusable(instance: Instance, path: str, why: str) -> ConflictError:
    what = f"{path} cannot be kept: {why}" if path else f"no file can be kept: {why}"
    return ConflictError(
        "secret-previous-unusable",
        f"{instance.path}: its secrets cannot be read now, and {what}",
        hint="Run it again when the store of the secrets answers.",
    )
