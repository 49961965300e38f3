# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key that evidence has to be signed with (private).

Made on first use, beside the keys of the DML. From then on the registry trusts its public part, and no other.
"""

from __future__ import annotations

import typing as t

from ...module_utils._model.errors import InputError, IntegrityError
from .._dml import Keys
from .._optional import optional
from .._registry import Registry

if t.TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, Key
else:
    (Key,) = optional("securesystemslib.signer", "Key", package="securesystemslib")

__all__ = ["ready_signer", "signer", "trusted_key"]

ROLE = "rehearsal"
SETTING = "rehearsal-key"
_ANOTHER = (
    "Name the directory that holds it (relmgmt_keys). If it is lost or stolen, relmgmt_rehearsal_new_key=true makes the"
    " registry trust another one; what was rehearsed before does not count then."
)


def trusted_key(registry: Registry) -> Key | None:
    """The public part of the key that the registry trusts; None before the first rehearsal.

    Raises:
        IntegrityError: what the registry holds is no key (``evidence-key-malformed``).
    """
    held = registry.setting(SETTING)
    if held is None:
        return None
    try:
        fields = dict(held)
        return Key.from_dict(fields.pop("keyid"), fields)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise IntegrityError(
            "evidence-key-malformed",
            f"the key that the registry trusts for rehearsals cannot be read ({type(exc).__name__})",
            hint="Rehearse with relmgmt_rehearsal_new_key=true.",
        ) from None


def ready_signer(registry: Registry, keys: Keys, *, replace: bool = False, write: bool = True) -> bool:
    """See that rehearsals can be signed; whether the registry trusts another key now.

    Without a trusted key, or with ``replace``, it trusts the one that is here, or a new one.

    Raises:
        InputError: the key is not here or another one (``key-missing``, ``rehearsal-key-other``), or not kept well
            (``keys-readable``, ``key-malformed``).
    """
    if not replace and registry.setting(SETTING) is not None:
        signer(registry, keys)
        return False
    public = keys.signer_or_new(ROLE).public_key
    value = {"keyid": public.keyid, **public.to_dict()}
    if not write:
        return registry.setting(SETTING) != value
    keys.store()
    return registry.put_setting(SETTING, value)


def signer(registry: Registry, keys: Keys) -> CryptoSigner:
    """What signs rehearsals. Raises as ``ready_signer``."""
    trusted = trusted_key(registry)
    if not keys.has(ROLE):
        raise InputError("key-missing", f"the key that signs rehearsals is not in {keys.path(ROLE)}", hint=_ANOTHER)
    found = keys.signer(ROLE)
    if trusted is None or found.public_key != trusted:
        raise InputError(
            "rehearsal-key-other",
            f"{keys.path(ROLE)} is not the key that the registry trusts for rehearsals",
            hint=_ANOTHER,
        )
    return found
