# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that the inventory keeps encrypted, and that would be plain in a host's profile (private).

Whoever wrote them as ``!vault`` wants nobody to read them; plain values are shown, recorded and compared.
"""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model.errors import InputError, RelmgmtError, combined
from .._where import Where
from .configure import PREFIX
from .layers import merge_layers, sources
from .some import some

__all__ = ["require_none_encrypted"]

Data = collections.abc.Mapping[str, t.Any]
Path = tuple[str | int, ...]


def require_none_encrypted(
    hosts: collections.abc.Mapping[str, Data],
    *,
    package: str,
    where: collections.abc.Mapping[str, Where],
) -> None:
    """Refuse configuration values that the inventory keeps encrypted; no value is looked at.

    Args:
        hosts: host → its variables, in which None stands in the place of every value that is not kept encrypted.
        where: host → what tells where a value was written.

    Raises:
        InputError: each such value, as one error (``config-holds-secret``).
    """
    found: dict[str, list[str]] = {}
    for host, variables in hosts.items():
        for path in _places(merge_layers(variables, PREFIX, package)):
            (name,) = sources(variables, PREFIX, package, path)
            place = where[host](name, (package, *path))
            said = f"{name}: {package}: {'.'.join(map(str, path))}{f' ({place})' if place else ''}"
            found.setdefault(said, []).append(host)
    errors: list[RelmgmtError] = [
        InputError(
            "config-holds-secret",
            f"{said} on {some(on)} is kept encrypted by ansible-vault, and plain values are shown and recorded",
            hint="Keep it in a file of its own. Write a reference in its place, such as ansible-vault:FILE#KEY, where"
            f" the schema says x-relmgmt-secret; or bind that, relmgmt_secrets: {{{package}: {{NAME: ...}}}}, and have"
            " the template say secrets.NAME.",
        )
        for said, on in found.items()
    ]
    if errors:
        raise combined(errors)


def _places(value: t.Any, path: Path = ()) -> collections.abc.Iterator[Path]:
    """Where something is but None."""
    if isinstance(value, collections.abc.Mapping):
        for name, item in value.items():
            yield from _places(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _places(item, (*path, number))
    elif value is not None:
        yield path
