# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of all stores, as the inventory has them (private)."""

from __future__ import annotations

import collections.abc
import difflib
import typing as t

from ...module_utils._model.errors import InputError
from .resolve import PROVIDERS

__all__ = ["read_stores"]

_SHOWN = 32  # characters: a name is no secret, but what is longer is hardly a name


def read_stores(given: object) -> dict[str, dict[str, t.Any]]:
    """Scheme → settings; what they mean is the provider's to say.

    Raises:
        InputError: ``secret-store-setting-malformed``, ``secret-store-unknown``.
    """
    stores = {} if given is None else given
    if not isinstance(stores, collections.abc.Mapping):
        raise _malformed("relmgmt_secret_stores")
    found: dict[str, dict[str, t.Any]] = {}
    for scheme, settings in stores.items():
        kind = str(scheme).partition("+")[0]
        if kind not in PROVIDERS:
            near = difflib.get_close_matches(kind, PROVIDERS, n=1)
            raise InputError(
                "secret-store-unknown",
                f"relmgmt_secret_stores: {str(scheme)[:_SHOWN]} is none of {', '.join(sorted(PROVIDERS))}",
                hint=f"Did you mean {near[0]}?" if near else "Name a kind of store, or kind+name for a second one.",
            )
        if not isinstance(settings or {}, collections.abc.Mapping):
            raise _malformed(f"relmgmt_secret_stores: {scheme}")
        found[str(scheme)] = dict(settings or {})
    return found


def _malformed(where: str) -> InputError:
    return InputError(
        "secret-store-setting-malformed",
        f"{where} is not a mapping (what it is, is not shown)",
        hint="Write relmgmt_secret_stores: {vault: {address: https://..., auth: {method: approle, ...}}}.",
    )
