# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets from a file that ansible-vault encrypted as a whole (private).

``ansible-vault:PATH#KEY``: KEY is a key at the top of the file, its value a string. The version of a secret is a digest
of the *encrypted* bytes: it changes with every edit of the file and lets nobody guess a value.
"""

from __future__ import annotations

import collections.abc
import os
import pathlib

from ...module_utils._model.digest import digest_of, hex_of
from ...module_utils._model.errors import BackendError, InputError
from .reference import Reference, require_unversioned
from .secret import Access, Secret

__all__ = ["AnsibleVault"]

_MARK = b"$ANSIBLE_VAULT;"
_VERSION_DIGITS = 12


class AnsibleVault:
    """The provider of the scheme ``ansible-vault``; a file is decrypted once."""

    def __init__(self, access: Access, scheme: str) -> None:
        self._access = access
        self._files: dict[pathlib.Path, tuple[collections.abc.Mapping[str, object], str]] = {}

    def close(self) -> None:
        """Nothing is held open."""

    def check(self, reference: Reference) -> None:
        require_unversioned(reference)
        if not reference.key:
            raise InputError(
                "secret-reference-malformed",
                f"{reference}: the key in the file is missing",
                hint="Write ansible-vault:PATH#KEY.",
            )

    def read(self, reference: Reference) -> Secret:
        values, version = self._file(self._access.base / pathlib.Path(os.path.expanduser(reference.rest)))
        if reference.key not in values:
            raise InputError(
                "secret-missing",
                f"{reference}: the file has no key {reference.key!r}",
                hint="Add the key with ansible-vault edit, or mend the reference.",
            )
        value = values[reference.key]
        if not isinstance(value, str):
            raise InputError(
                "secret-not-text",
                f"{reference}: the value is not a string",
                hint="Put it into quotation marks: YAML would change a number or a date on the way.",
            )
        return Secret(str(reference), value, version)

    def _file(self, path: pathlib.Path) -> tuple[collections.abc.Mapping[str, object], str]:
        if path not in self._files:
            before = self._ciphertext(path)
            values = self._access.decrypt(path)
            if self._ciphertext(path) != before:
                raise BackendError("secret-file-changed", f"{path} was changed while it was read", hint="Run it again.")
            if not isinstance(values, collections.abc.Mapping):
                raise InputError(
                    "secret-file-malformed",
                    f"{path}: its contents are not a mapping of names to secrets",
                    hint="Write one 'name: \"secret\"' per line with ansible-vault edit.",
                )
            self._files[path] = (values, hex_of(digest_of(before))[:_VERSION_DIGITS])
        return self._files[path]

    @staticmethod
    def _ciphertext(path: pathlib.Path) -> bytes:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise InputError(
                "secret-file-missing",
                f"{path}: there is no such file",
                hint="Make it with ansible-vault create, or mend the reference; relative paths start at the playbook.",
            ) from None
        except OSError as exc:
            raise BackendError("secret-file-unreadable", f"{path}: {exc.strerror}") from exc
        if not data.startswith(_MARK):
            raise InputError(
                "secret-not-encrypted",
                f"{path}: the file is not encrypted, its secrets would be open to everyone who reads the inventory",
                hint=f"Encrypt it with ansible-vault encrypt {path}, and change the secrets if others could read them.",
            )
        return data
