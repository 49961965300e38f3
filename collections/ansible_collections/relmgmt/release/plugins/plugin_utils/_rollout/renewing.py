# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which secrets a profile that is on record is rendered again with (private)."""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import types

from ...module_utils._model.secret_need import NEWEST_HELD, SecretNeed
from .._registry import ProfileRecord
from .._secrets import Access, Providers, Secret, parse, resolve

__all__ = ["Sealed", "is_same", "newer", "renewed"]

Secrets = collections.abc.Mapping[str, Secret]


def is_same(one: str, other: str) -> bool:
    """Whether two references name one secret, in whichever version. The key of ``env`` is its version."""
    first, second = (parse(text, where="a reference") for text in (one, other))
    keys = first.key == second.key or first.kind == "env"
    return keys and (first.scheme, first.rest) == (second.scheme, second.rest)


def newer(record: ProfileRecord, read: Secrets) -> dict[str, Secret]:
    """Name → secret, where another version was read than the profile was made with. read: name → secret of the profile
    that is to come."""
    found = {name: _successor(name, reference, read) for name, reference in record.secrets.items()}
    return {
        name: secret
        for name, secret in found.items()
        if secret is not None and secret.version != record.versions.get(record.secrets[name])
    }


def _successor(name: str, reference: str, read: Secrets) -> Secret | None:
    """The same secret as it was read now: under the same name, else under any."""
    own = [read[name]] if name in read else []
    return next((secret for secret in (*own, *read.values()) if is_same(secret.reference, reference)), None)


class Sealed:
    """Reads secrets in the versions that profiles were made with, each once, in one login a store."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._open = contextlib.ExitStack()
        self._providers: Providers | None = None
        self._read: dict[str, Secret] = {}

    def __enter__(self) -> Sealed:
        return self

    def __exit__(self, *exc: types.TracebackType | type[BaseException] | BaseException | None) -> None:
        self._open.close()

    def secret(self, reference: str, version: str) -> Secret:
        """The secret, as it was read then.

        Raises:
            RelmgmtError: its store does not keep versions, does not have that one any more, or does not answer.
        """
        pinned = str(dataclasses.replace(parse(reference, where="a reference"), version=version))
        if pinned not in self._read:
            if self._providers is None:
                self._providers = self._open.enter_context(Providers(self._access))
            self._read.update(resolve([pinned], providers=self._providers))
        return dataclasses.replace(self._read[pinned], reference=reference, version=version)


def renewed(
    record: ProfileRecord, needs: collections.abc.Mapping[str, SecretNeed], read: Secrets, sealed: Sealed
) -> dict[str, Secret] | None:
    """Recorded reference → the secret that takes its place; None where the package wants none of them to be newer.
    needs: what holds for each.

    Raises:
        RelmgmtError: a secret is to stay as it is, and cannot be read in that version any more.
    """
    fresh = {
        name: secret
        for name, secret in newer(record, read).items()
        if needs.get(name, SecretNeed(name)).on_revert == NEWEST_HELD
    }
    if not fresh:
        return None
    found = {}
    for name, reference in record.secrets.items():
        version = record.versions.get(reference, "")
        now = _successor(name, reference, read)
        if name in fresh:
            found[reference] = fresh[name]
        elif now is not None and now.reference == reference and now.version == version:
            found[reference] = now
        else:
            found[reference] = sealed.secret(reference, version)
    return found
