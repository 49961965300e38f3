# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventory variables in layers, merged per package (private).

``<prefix>__<layer>`` variables hold ``{"team/app": {...}}``. They are merged in the order of their layers' names, the
variable ``<prefix>`` itself last. Mappings are merged key by key; everything else, lists too, replaces what was there.
"""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model.errors import InputError

__all__ = ["merge_layers", "sources"]

Data = collections.abc.Mapping[str, t.Any]


def merge_layers(variables: Data, prefix: str, package: str) -> dict[str, t.Any]:
    """What the host's variables say for the package; the variables are plain and resolved, and stay as they are.

    Raises:
        InputError: a layer is not a mapping of packages to mappings (``config-layer-malformed``).
    """
    merged: dict[str, t.Any] = {}
    for _name, values in _layers(variables, prefix, package):
        merged = _merge(merged, values)
    return merged


def sources(variables: Data, prefix: str, package: str, path: collections.abc.Sequence[str | int]) -> list[str]:
    """Names of the variables that say something about the value at the path, or else about what encloses it."""
    layers = _layers(variables, prefix, package)
    for end in range(len(path), -1, -1):
        names = [name for name, values in layers if _holds(values, path[:end])]
        if names:
            # Only a mapping is merged: of anything else, the last layer is the one that counts.
            return names if end < len(path) or not path else names[-1:]
    return []


def _layers(variables: Data, prefix: str, package: str) -> list[tuple[str, Data]]:
    names = sorted(name for name in variables if name.startswith(prefix + "__"))
    layers = []
    for name in [*names, prefix]:
        layer = _mapping(variables.get(name), what=name, hint=f"Write {name}: {{{package}: {{...}}}}.")
        values = _mapping(layer.get(package), what=f"{name}[{package!r}]", hint="Write a mapping of names to values.")
        if values:
            layers.append((name, values))
    return layers


def _mapping(value: t.Any, *, what: str, hint: str) -> Data:
    if value is None:
        return {}
    if not isinstance(value, collections.abc.Mapping):
        if isinstance(value, str):
            hint += " -e name=value gives text; -e '{...}' and -e @file give mappings."
        raise InputError("config-layer-malformed", f"{what} is a {type(value).__name__}, not a mapping", hint=hint)
    return value


def _merge(below: t.Any, above: t.Any) -> t.Any:
    if not isinstance(above, collections.abc.Mapping):
        return [_merge(None, item) for item in above] if isinstance(above, list) else above
    base = below if isinstance(below, collections.abc.Mapping) else {}
    return {**base, **{key: _merge(base.get(key), value) for key, value in above.items()}}


def _holds(values: t.Any, path: collections.abc.Sequence[str | int]) -> bool:
    for part in path:
        try:
            values = values[part]
        except (LookupError, TypeError):
            return False
    return True
