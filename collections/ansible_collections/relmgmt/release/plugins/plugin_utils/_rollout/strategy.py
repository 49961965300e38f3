# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Strategies: which hosts are switched together, and in which order. Same inputs, same waves (private)."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import hashlib
import math
import re
import typing as t

from ...module_utils._model.errors import InputError

__all__ = ["STRATEGIES", "Options", "Wave", "budget_of", "waves"]

_BATCH = re.compile(r"([1-9][0-9]{0,8})(%?)", re.ASCII)
_BUDGET = re.compile(r"([0-9]{1,9})(%?)", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Wave:
    """Hosts that are switched together. index counts from 1."""

    index: int
    name: str
    hosts: tuple[str, ...]

    def to_dict(self) -> dict[str, t.Any]:
        return {"index": self.index, "name": self.name, "hosts": list(self.hosts)}


@dataclasses.dataclass(frozen=True)
class Options:
    """What a strategy can be told. canary: hosts that go first; batch: hosts of a wave, as a count or with ``%``;
    largest: how many hosts a wave may have, 0 where that does not matter."""

    package: str
    canary: int = 1
    batch: str = "25%"
    largest: int = 0


Sites = collections.abc.Mapping[str, str]  # by host
Groups = list[tuple[str, list[str]]]


def _big_bang(hosts: Sites, options: Options) -> Groups:
    """All at once."""
    return _pieces("all", hosts, options)


def _canary(hosts: Sites, options: Options) -> Groups:
    """A few first, then the rest."""
    if options.canary < 1:
        raise InputError(
            "canary-empty", f"canary: {options.canary} hosts are no canary", hint="Use 1 or more, or big_bang."
        )
    first = set(_ranked(hosts, options.package)[: options.canary])
    rest = {host: site for host, site in hosts.items() if host not in first}
    return [*_pieces("canary", {host: hosts[host] for host in sorted(first)}, options), *_pieces("rest", rest, options)]


def _rolling(hosts: Sites, options: Options) -> Groups:
    """Batch after batch, each taking about the same share of every site."""
    size = _batch_size(options.batch, len(hosts))
    return _batches("batch", hosts, options, min(size, options.largest or size))


def _pieces(name: str, hosts: Sites, options: Options) -> Groups:
    """The hosts as one group, or as several of about the same size where that would be too large."""
    if not options.largest or len(hosts) <= options.largest:
        return [(name, list(hosts))]
    count = math.ceil(len(hosts) / options.largest)
    return _batches(name, hosts, options, math.ceil(len(hosts) / count))


def _batches(name: str, hosts: Sites, options: Options, size: int) -> Groups:
    order = _spread(hosts, options.package)
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [(f"{name}-{number}", sorted(batch)) for number, batch in enumerate(batches, start=1)]


def budget_of(budget: str, hosts: int, *, name: str = "failure_budget") -> int:
    """How many of so many hosts may fail: a number, or a percentage of them, rounded down. name: of the option.

    Raises:
        InputError: it is neither (``budget-malformed``).
    """
    match = _BUDGET.fullmatch(budget)
    number = int(match[1]) if match else 0
    if match is None or (match[2] and number > 100):
        raise InputError(
            "budget-malformed",
            f"{name}: {budget!r} is neither a number of hosts nor a percentage of them",
            hint=f"Write a number from 0, such as 2, or a percentage, such as 10% (relmgmt_{name}).",
        )
    return hosts * number // 100 if match[2] else number


def _batch_size(batch: str, hosts: int) -> int:
    match = _BATCH.fullmatch(batch)
    number = int(match[1]) if match else 0
    if match is None or (match[2] and number > 100):
        raise InputError(
            "batch-malformed",
            f"batch: {batch!r} is neither a number of hosts nor a percentage of them",
            hint="Write a number from 1, such as 4, or a percentage from 1% to 100%, such as 25% (relmgmt_batch).",
        )
    return max(1, hosts * number // 100) if match[2] else number


def _spread(hosts: Sites, package: str) -> list[str]:
    """All hosts, so that any stretch of them holds each site in proportion to its size."""
    sites = collections.defaultdict[str, list[str]](list)
    for host in _ranked(hosts, package):
        sites[hosts[host]].append(host)
    places = {
        host: ((2 * index + 1) / (2 * len(ranked)), site)
        for site, ranked in sites.items()
        for index, host in enumerate(ranked)
    }
    return sorted(hosts, key=lambda host: places[host])


def _ranked(hosts: t.Iterable[str], package: str) -> list[str]:
    """An order that depends on host and package, so that it is not always the same host that goes first."""
    return sorted(hosts, key=lambda host: hashlib.sha256(f"{package}\0{host}".encode()).digest())


STRATEGIES: dict[str, t.Callable[[Sites, Options], Groups]] = {
    "big_bang": _big_bang,
    "canary": _canary,
    "rolling": _rolling,
}


def waves(strategy: str, hosts: Sites, options: Options) -> tuple[Wave, ...]:
    """The hosts, each once, in waves; no empty wave. hosts: by host its site, empty where nobody named one.

    Raises:
        InputError: ``strategy-unknown``, ``canary-empty``, ``batch-malformed``.
    """
    if strategy not in STRATEGIES:
        raise InputError("strategy-unknown", f"strategy: {strategy!r} is none of {', '.join(sorted(STRATEGIES))}")
    groups = STRATEGIES[strategy](dict(sorted(hosts.items())), options)
    filled = [(name, group) for name, group in groups if group]
    return tuple(Wave(index, name, tuple(group)) for index, (name, group) in enumerate(filled, start=1))
