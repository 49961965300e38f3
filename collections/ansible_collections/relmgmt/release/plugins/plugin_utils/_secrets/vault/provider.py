# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The provider of the scheme ``vault`` (private).

``vault:MOUNT/PATH#KEY``, where PATH is as people write it, without the ``data`` of a KV version 2. What lies at a path
is read once, however many keys of it are asked for. There is one login; it ends when the provider is closed, unless
something was leased with it: then somebody has to keep it (``Access.keep``).

Versions: that of a KV version 2 is its number. A KV version 1 has none: its version is an HMAC of the value, made with
a key that lies in the store itself (``version_key``), since a plain digest of a short secret would let it be guessed.
A credential's version is a digest of its lease's id, or of when its password was changed; a certificate's its serial
number; that of a ciphertext a digest of it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import os
import pathlib
import typing as t

from ....module_utils._model.digest import canonical
from ....module_utils._model.errors import InputError
from ..reference import Reference, parse
from ..secret import NOT_ISSUED, Access, Secret
from .engines import ENGINES, Found, Leased
from .leases import Kept
from .line import Line
from .mounts import Mount, Mounts
from .place import Place, place_of
from .session import Session
from .settings import Settings, read_settings

__all__ = ["Vault"]

_VERSION_DIGITS, _SHORTEST_KEY = 12, 16
_GONE = ("secret-deleted", "secret-destroyed", "secret-version-missing")  # of a version


class Vault:
    """One store. clock, sleep and jitter of ``options`` are those of ``Line``."""

    def __init__(self, access: Access, scheme: str, **options: t.Any) -> None:
        self._access = access
        self._settings = self._located(read_settings(scheme, access.stores.get(scheme) or {}, access.environ))
        self._line = Line(self._settings.connection, **options)
        self._session = Session(self._settings, self._line, self._path)
        self._mounts = Mounts(self._settings.mounts, self._session)
        self._found: dict[Place, Found] = {}
        self._leases: list[Leased] = []
        self._key = b""

    def check(self, reference: Reference) -> None:
        place_of(reference)

    def read(self, reference: Reference) -> Secret:
        """Raises, besides what the protocol says: InputError ``secret-forbidden``, ``secret-deleted``,
        ``secret-destroyed``, ``secret-version-missing``, ``secret-engine-unknown``, ``secret-login-*``."""
        return self._read(reference, place_of(reference))

    def read_at(self, reference: Reference, version: str) -> Secret:
        """As it was at that version, where the engine keeps old ones; else as it is."""
        place = place_of(reference)
        engine = ENGINES.get(self._mounts.of(place).kind)
        if engine and engine.versions and version.isdecimal() and not place.version:
            try:
                return self._read(reference, dataclasses.replace(place, version=version))
            except InputError as exc:
                if exc.code not in _GONE:
                    raise
        return self._read(reference, place)

    def close(self) -> None:
        if self._leases and self._access.keep:
            token, own = self._session.token, self._session.own
            self._access.keep(Kept(self._settings.connection, token, own, tuple(self._leases)))
            self._leases.clear()
        else:
            self._session.end()
        self._line.close()

    def _read(self, reference: Reference, place: Place) -> Secret:
        mount = self._mounts.of(place)
        if mount.kind not in ENGINES:
            raise InputError(
                "secret-engine-unknown",
                f"{reference}: {mount.path} is a {mount.kind}, which is none of {', '.join(sorted(ENGINES))}",
                hint="Mend the reference, or let the setting mounts say what it is.",
            )
        engine = ENGINES[mount.kind]
        if place.version and not engine.versions:
            raise InputError(
                "secret-reference-malformed",
                f"{reference}: {mount.path} ({mount.kind}) keeps no versions",
                hint="Leave out what begins with @.",
            )
        if engine.issues.get(place.below(mount.path).partition("/")[0]):
            self._require_keeper(reference, mount)
            if not self._access.issue:
                self._access.tell(f"{reference.scheme}:{place.path} would be issued")
                return Secret(str(reference), f"(not issued: {reference})", NOT_ISSUED)
        if place not in self._found:
            self._found[place] = engine.read(self._session, reference, place, mount)
            lease = self._found[place].lease
            self._leases += [lease] if lease else []
        return self._secret(reference, self._found[place], mount)

    def _secret(self, reference: Reference, found: Found, mount: Mount) -> Secret:
        if reference.key not in found.values:
            there = ", ".join(sorted(map(str, found.values))) or "none"
            raise InputError(
                "secret-key-missing",
                f"{reference}: there is no key {reference.key!r}; there are: {there}{mount.note}",
                hint="Mend the reference, or add the key.",
            )
        value = found.values[reference.key]
        if not isinstance(value, str):
            raise InputError(
                "secret-not-text",
                f"{reference}: the value is not a text",
                hint="Write it as text: a number would have several forms in a file.",
            )
        return Secret(str(reference), value, found.version or self._hmac(reference, value))

    def _require_keeper(self, reference: Reference, mount: Mount) -> None:
        if self._access.issue and not self._access.keep and mount.kind != "pki":
            raise InputError(
                "secret-lease-unkept",
                f"{reference}: this is leased, and outside a rollout nobody would renew it and give it back",
                hint="Use a static role, or a secret of a KV engine.",
            )

    def _hmac(self, reference: Reference, value: str) -> str:
        message = canonical([reference.rest, reference.key, value])
        return hmac.new(self._version_key(reference), message, hashlib.sha256).hexdigest()[:_VERSION_DIGITS]

    def _version_key(self, reference: Reference) -> bytes:
        if not self._key:
            scheme, where = reference.scheme, self._settings.version_key
            if not where:
                raise InputError(
                    "secret-version-key-missing",
                    f"{reference}: this engine keeps no versions, and no version_key is set to tell values apart",
                    hint="Write a long random text into the store, and set version_key: MOUNT/PATH#KEY to its place.",
                )
            place = place_of(key := parse(f"{scheme}:{where}", where=f"{scheme}: version_key"))
            mount = self._mounts.of(place)
            if mount.kind not in ("kv1", "kv2"):
                raise InputError(
                    "secret-version-key-weak", f"{key}: a version_key lies in a KV engine", hint="Move it."
                )
            if place not in self._found:
                self._found[place] = ENGINES[mount.kind].read(self._session, key, place, mount)
            value = self._found[place].values.get(key.key)
            if not isinstance(value, str) or len(value) < _SHORTEST_KEY:
                raise InputError(
                    "secret-version-key-weak",
                    f"{key}: the version_key is not a text of at least {_SHORTEST_KEY} characters",
                    hint="Write a long random text there. Changing it makes every secret of a KV version 1 look new.",
                )
            self._key = value.encode()
        return self._key

    def _path(self, text: str) -> pathlib.Path:
        return self._access.base / pathlib.Path(os.path.expanduser(text))

    def _located(self, settings: Settings) -> Settings:
        over = settings.connection
        paths = {name: getattr(over, name) for name in ("ca_cert", "client_cert", "client_key")}
        found: dict[str, t.Any] = {name: str(self._path(path)) if path else "" for name, path in paths.items()}
        return dataclasses.replace(settings, connection=dataclasses.replace(over, **found))
