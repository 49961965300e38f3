# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys of a DML's roles: PKCS8 PEM files that nobody else can read, one for each role (private).

The key of the role ``packages/calendar`` lies in ``<keys>/packages/calendar.pem``. New keys stay in memory until
``store``.
"""

from __future__ import annotations

import os
import pathlib
import stat
import typing as t

from ...module_utils._model.errors import InputError
from .._files import write_file
from .._optional import optional
from .errors import system_errors
from .files import make_directory
from .limits import LIMITS, Limits

if t.TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner
else:
    (Ed25519PrivateKey,) = optional(
        "cryptography.hazmat.primitives.asymmetric.ed25519", "Ed25519PrivateKey", package="cryptography"
    )
    (load_pem_private_key,) = optional(
        "cryptography.hazmat.primitives.serialization", "load_pem_private_key", package="cryptography"
    )
    (CryptoSigner,) = optional("securesystemslib.signer", "CryptoSigner", package="securesystemslib")

__all__ = ["Keys"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Keys:
    """The private keys in one directory."""

    def __init__(self, directory: pathlib.Path, *, limits: Limits = LIMITS) -> None:
        self.directory = directory
        self._limits = limits
        self._signers: dict[str, CryptoSigner] = {}
        self._new: list[str] = []

    def path(self, role: str) -> pathlib.Path:
        return self.directory / f"{role}.pem"

    def has(self, role: str) -> bool:
        """Whether the role's key is here."""
        return role in self._signers or self.path(role).exists()

    def signer(self, role: str) -> CryptoSigner:
        """The role's key.

        Raises:
            InputError: it is not here (``key-missing``), is no key (``key-malformed``), others can read it
                (``keys-readable``).
        """
        if role not in self._signers:
            self._signers[role] = self._load(role)
        return self._signers[role]

    def signer_or_new(self, role: str) -> CryptoSigner:
        """The role's key; if there is none, a new one. Raises like ``signer``."""
        if not self.has(role):
            if self.directory.exists():
                self._private(self.directory)
            self._signers[role] = CryptoSigner(Ed25519PrivateKey.generate())
            self._new.append(role)
        return self.signer(role)

    def store(self) -> None:
        """Write the new keys.

        Raises:
            InputError: others can read the directory (``keys-readable``).
            BackendError: the system refused (``dml-io``).
        """
        for role in self._new:
            path = self.path(role)
            with system_errors("private keys"):
                make_directory(path.parent, mode=0o700)
                self._private(self.directory)
                write_file(path, [self._signers[role].private_bytes], mode=0o600, replace=False)
        self._new = []

    def _load(self, role: str) -> CryptoSigner:
        path = self.path(role)
        if not path.exists():
            raise InputError(
                "key-missing",
                f"the key of role {role} is not in {path}",
                hint="Name the directory that holds it, or run this where the key is kept.",
            )
        self._private(self.directory)
        self._private(path)
        with system_errors("private keys"), path.open("rb") as stream:
            data = stream.read(self._limits.key)
        try:
            return CryptoSigner(load_pem_private_key(data, None))
        except (ValueError, TypeError) as exc:
            raise InputError(
                "key-malformed",
                f"{path} is not a private key in PKCS8 PEM form without a passphrase ({type(exc).__name__})",
                hint="Put the right file there; dml_repository makes keys for roles that it adds.",
            ) from None

    @staticmethod
    def _private(path: pathlib.Path) -> None:
        with system_errors("private keys"):
            status = path.stat()
        mode, wanted = stat.S_IMODE(status.st_mode), "0700" if stat.S_ISDIR(status.st_mode) else "0600"
        if mode & _OTHERS:
            raise InputError(
                "keys-readable",
                f"private keys: others can use {path}, its mode is {mode:04o}",
                hint=f"chmod {wanted} {path}; if others may have read the keys, replace them.",
            )
        if status.st_uid not in (0, os.geteuid()):
            raise InputError(
                "keys-readable",
                f"private keys: {path} belongs to another user (uid {status.st_uid})",
                hint="Work as the user who owns the keys.",
            )
