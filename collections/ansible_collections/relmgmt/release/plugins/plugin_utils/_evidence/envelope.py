# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signing and verifying statements: DSSE envelopes, as plain data (private)."""

from __future__ import annotations

import collections.abc
import json
import typing as t

from ...module_utils._model.digest import canonical
from ...module_utils._model.errors import IntegrityError
from .._optional import optional

if t.TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError, UnverifiedSignatureError
    from securesystemslib.signer import Key, Signer
else:
    (Envelope,) = optional("securesystemslib.dsse", "Envelope", package="securesystemslib")
    FormatError, UnverifiedSignatureError = optional(
        "securesystemslib.exceptions", "FormatError", "UnverifiedSignatureError", package="securesystemslib"
    )

__all__ = ["seal", "unseal"]

PAYLOAD = "application/vnd.in-toto+json"
Data = dict[str, t.Any]


def seal(statement: collections.abc.Mapping[str, t.Any], signer: Signer) -> Data:
    """The statement in an envelope, signed."""
    envelope = Envelope(canonical(dict(statement)), PAYLOAD, {})
    envelope.sign(signer)
    return t.cast(Data, envelope.to_dict())


def unseal(envelope: collections.abc.Mapping[str, t.Any], key: Key) -> Data:
    """The statement in an envelope that the key has signed.

    Raises:
        IntegrityError: it was changed, somebody else signed it, or it is no envelope (``evidence-forged``).
    """
    try:
        opened = Envelope.from_dict(json.loads(json.dumps(dict(envelope))))
        opened.verify([key], 1)
        statement = json.loads(opened.payload)
    except UnverifiedSignatureError as exc:
        raise _forged("it was changed, or not signed by the key that this registry trusts") from exc
    except (FormatError, KeyError, TypeError, ValueError, AttributeError) as exc:
        raise _forged(f"it is no envelope ({type(exc).__name__})") from exc
    if opened.payload_type != PAYLOAD or not isinstance(statement, dict):
        raise _forged("it holds something else than a statement")
    return statement


def _forged(why: str) -> IntegrityError:
    return IntegrityError("evidence-forged", f"the evidence does not verify: {why}", hint="Do not rely on it.")
