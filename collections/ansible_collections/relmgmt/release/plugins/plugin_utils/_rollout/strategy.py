# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Strategies: which hosts are switched together, and in which order. Same inputs, same waves (private)."""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ...module_utils._model.errors import InputError

__all__ = ["STRATEGIES", "Wave", "waves"]


@dataclasses.dataclass(frozen=True)
class Wave:
    """Hosts that are switched together. index counts from 1."""

    index: int
    name: str
    hosts: tuple[str, ...]

    def to_dict(self) -> dict[str, t.Any]:
        return {"index": self.index, "name": self.name, "hosts": list(self.hosts)}


Groups = list[tuple[str, list[str]]]


def _big_bang(hosts: list[str], _package: str, _canary: int) -> Groups:
    """All at once."""
    return [("all", hosts)]


def _canary(hosts: list[str], package: str, canary: int) -> Groups:
    """A few first, then the rest. Which go first depends on host and package, so that it is not always the same
    host."""
    if canary < 1:
        raise InputError("canary-empty", f"canary: {canary} hosts are no canary", hint="Use 1 or more, or big_bang.")
    ranked = sorted(hosts, key=lambda host: hashlib.sha256(f"{package}\0{host}".encode()).digest())
    first = set(ranked[:canary])
    return [("canary", [h for h in hosts if h in first]), ("rest", [h for h in hosts if h not in first])]


STRATEGIES: dict[str, t.Callable[[list[str], str, int], Groups]] = {"big_bang": _big_bang, "canary": _canary}


def waves(strategy: str, hosts: t.Iterable[str], *, package: str, canary: int = 1) -> tuple[Wave, ...]:
    """The hosts, each once, in waves; no empty wave.

    Raises:
        InputError: ``strategy-unknown``, ``canary-empty``.
    """
    if strategy not in STRATEGIES:
        raise InputError("strategy-unknown", f"strategy: {strategy!r} is none of {', '.join(sorted(STRATEGIES))}")
    groups = STRATEGIES[strategy](sorted(set(hosts)), package, canary)
    filled = [(name, group) for name, group in groups if group]
    return tuple(Wave(index, name, tuple(group)) for index, (name, group) in enumerate(filled, start=1))
