# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each rendered file of a host was made of, by digest (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model.digest import canonical, digest_of
from ...module_utils._model.origin import CONFIG_SECRET, Origin

if t.TYPE_CHECKING:
    from .render import Request

__all__ = ["Reads", "origins_of", "steps_of"]

Reads = dict[str, dict[str, list[str]]]
"""Destination of a template → ``names``, the inputs that it can see, and ``sources``, the files that make it up."""


def origins_of(request: Request, reads: Reads) -> dict[str, dict[str, t.Any]]:
    """Path of a rendered file → its origin, as the wire has it."""
    unit = request.manifest.config.unit
    digests = {entry.path: entry.digest for entry in (unit.entries if unit else ())}
    found = {}
    for template in request.manifest.config.templates:
        names, sources = reads[template.destination]["names"], reads[template.destination]["sources"]
        values = {name: _value(request, name) for name in names if not name.startswith("secrets")}
        about = {name: value for name, value in values.items() if name.startswith("relmgmt")}
        made = {
            "template": [template.source, template.destination, template.mode],
            "sources": {source: digests.get(source, "") for source in sources},
            "values": values,
        }
        origin = Origin(digest_of(canonical(made)), digest_of(canonical(about)), {}, tuple(names))
        seen = {name: secret.reference for name, secret in request.bound.items() if origin.sees(f"secrets/{name}")}
        found[template.destination] = {**origin.to_dict(), "secrets": seen}
    return found


def _value(request: Request, name: str) -> t.Any:
    """What a template reads under that name, in a list; an empty one where there is nothing."""
    root, _slash, rest = name.partition("/")
    value: t.Any = {"config": request.config, "facts": request.named_facts, "relmgmt": request.relmgmt}[root]
    if not rest:
        return [value]
    return _found(value, rest.split("."))


def _found(value: t.Any, parts: list[str]) -> list[t.Any]:
    """The values on the way that the parts name: a key may hold dots itself."""
    if not parts:
        return [value]
    if not isinstance(value, collections.abc.Mapping):
        return [value]  # what is read is an attribute of it, such as a method
    found = []
    for end in range(1, len(parts) + 1):
        key = ".".join(parts[:end])
        if key in value:
            found += _found(value[key], parts[end:])
    return found


def steps_of(name: str, config: t.Any) -> list[str | int]:
    """The path in the configuration that the name of a secret (``config:/db/0/password``) points to."""
    steps: list[str | int] = []
    for part in name[len(CONFIG_SECRET) + 1 :].split("/"):
        step: str | int = part.replace("~1", "/").replace("~0", "~")
        if isinstance(config, list):
            step = int(step)
        steps.append(step)
        config = config[step]
    return steps
