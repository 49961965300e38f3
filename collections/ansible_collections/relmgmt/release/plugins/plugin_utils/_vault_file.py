# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Ansible opens an ansible-vault file for the secrets of a run (private)."""

from __future__ import annotations

import collections.abc
import contextlib
import pathlib
import typing as t

from ansible.errors import AnsibleError
from ansible.parsing.vault import AnsibleVaultError

from ..module_utils._model.errors import InputError
from ._action import plain

__all__ = ["vault_file_opener"]

_LINE = 256


def vault_file_opener(loader: t.Any) -> collections.abc.Callable[[pathlib.Path], object]:
    """The ``decrypt`` of ``Access``, over the DataLoader that holds the run's vault passwords.

    The causes are not chained: a parser's may quote the decrypted text.
    """

    def decrypt(path: pathlib.Path) -> object:
        try:
            return plain(loader.load_from_file(str(path)))
        except AnsibleVaultError:
            raise InputError(
                "secret-undecryptable",
                f"{path}: none of the vault passwords of this run opens the file{_label(path)}",
                hint="Give its password with --vault-password-file, --vault-id or --ask-vault-pass, "
                "as ANSIBLE_VAULT_PASSWORD_FILE, or in AWX as a vault credential.",
            ) from None
        except AnsibleError:
            raise InputError(
                "secret-file-malformed",
                f"{path}: the decrypted text is not YAML (it is not shown)",
                hint="Look at it with ansible-vault edit.",
            ) from None

    return decrypt


def _label(path: pathlib.Path) -> str:
    """The vault id that the file was encrypted for, as its first line says it."""
    with contextlib.suppress(OSError, UnicodeDecodeError), path.open("rb") as stream:
        parts = stream.readline(_LINE).decode("ascii").strip().split(";")
        if len(parts) == 4:
            return f", which was encrypted for the vault id {parts[3]!r}"
    return ""
