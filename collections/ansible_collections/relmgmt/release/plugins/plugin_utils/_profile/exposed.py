# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets that stand among the plain configuration values of a host (private).

Plain values are shown, recorded and compared; a secret must be there by reference alone. What is found is named by its
variable and place and by the reference, never by the value.
"""

from __future__ import annotations

import base64
import collections.abc
import json
import re
import typing as t
import urllib.parse

from ...module_utils._model.errors import InputError, RelmgmtError, combined
from .._secrets import Secret
from .layers import merge_layers, sources
from .some import some

__all__ = ["require_no_secrets"]

_CONFIG = "relmgmt_config"
_PART = 8  # a secret of this length is also found inside of a longer value
_LONG, _SURE = 12, 20
_KINDS = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^a-zA-Z0-9]")
Data = collections.abc.Mapping[str, t.Any]
Path = tuple[str | int, ...]


def require_no_secrets(
    hosts: collections.abc.Mapping[str, Data],
    *,
    package: str,
    looked_up: collections.abc.Iterable[Secret] = (),
    read: collections.abc.Iterable[Secret] = (),
) -> None:
    """Refuse values that hold a secret, as it is or as base64, quoted for JSON or for a URL.

    Args:
        hosts: host → its variables.
        looked_up: secrets that a lookup put into variables: whatever equals one of them is it.
        read: secrets that the run knows otherwise. A value may equal a short one by chance, such as the name of a user
            or a word; so these count only if they look like nothing else.

    Raises:
        InputError: each such value, as one error (``config-holds-secret``).
    """
    sought = [(secret, _forms(secret.value)) for secret in looked_up if secret.value]
    sought += [(secret, _forms(secret.value)) for secret in read if _is_unmistakable(secret.value)]
    found: dict[tuple[str, str], list[str]] = {}
    for host, variables in hosts.items() if sought else ():
        for path, text in _leaves(merge_layers(variables, _CONFIG, package)):
            for secret in (secret for secret, forms in sought if _holds(text, forms)):
                names = ", ".join(sources(variables, _CONFIG, package, path)) or _CONFIG
                place = ".".join(map(str, path)) or "a name at the top"
                found.setdefault((f"{names}: {package}: {place}", secret.reference), []).append(host)
                break
    errors: list[RelmgmtError] = [
        InputError(
            "config-holds-secret",
            f"{place} on {some(on)} holds the secret {reference}, and plain values are shown and recorded",
            hint=f"Bind the reference itself, relmgmt_secrets: {{{package}: {{NAME: {reference!r}}}}}, and have the "
            "template say secrets.NAME; or write it in place of the value where the schema says x-relmgmt-secret.",
        )
        for (place, reference), on in found.items()
    ]
    if errors:
        raise combined(errors)


def _leaves(value: t.Any, path: Path = ()) -> collections.abc.Iterator[tuple[Path, str]]:
    """Names and values as texts, with the place of each; for a name, that is the place of its mapping."""
    if isinstance(value, collections.abc.Mapping):
        for name, item in value.items():
            yield path, str(name)
            yield from _leaves(item, (*path, name))
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _leaves(item, (*path, number))
    elif value is not None and not isinstance(value, bool):
        yield path, str(value)


def _forms(value: str) -> set[str]:
    encoded = value.encode("utf-8", "surrogateescape")
    return {
        value,
        value.strip(),
        base64.b64encode(encoded).decode("ascii"),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        urllib.parse.quote(encoded),
        urllib.parse.quote(encoded, safe=""),
        urllib.parse.quote_plus(encoded),
    } - {""}


def _holds(text: str, forms: set[str]) -> bool:
    return text in forms or any(len(form) >= _PART and form in text for form in forms)


def _is_unmistakable(value: str) -> bool:
    """Whether nobody would write it by chance."""
    kinds = sum(bool(re.search(kind, value)) for kind in _KINDS)
    return len(value) >= _SURE or (len(value) >= _LONG and kinds >= 3)
