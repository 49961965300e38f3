# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Batch after batch (private)."""

from __future__ import annotations

import itertools

from .share import share_of
from .sites import by_site, require_sites
from .spread import chunks, pieces, ranked, spread
from .wave import Group, Options, Sites

__all__ = ["rolling"]


def rolling(hosts: Sites, options: Options) -> list[Group]:
    """Each batch takes about the same share of every site; with ``batch_of: site`` exactly the batch of each.

    Raises:
        InputError: ``batch-malformed``, ``site-unset``.
    """
    parts = _of_each_site(hosts, options) if options.batch_of == "site" else _of_all(hosts, options)
    return [Group(f"batch-{number}", part, bakes=True) for number, part in enumerate(parts, start=1)]


def _of_all(hosts: Sites, options: Options) -> list[list[str]]:
    size = max(1, share_of(options.batch, option="batch", least=1).of(len(hosts)))
    return chunks(spread(hosts, options.package), min(size, options.largest or size))


def _of_each_site(hosts: Sites, options: Options) -> list[list[str]]:
    share = share_of(options.batch, option="batch", least=1)
    require_sites({**options.fleet, **hosts}, why="batch_of: site")
    of_sites = [
        chunks(ranked(found, options.package), max(1, share.of(len(found)))) for found in by_site(hosts).values()
    ]
    batches = [sorted(itertools.chain(*parts)) for parts in itertools.zip_longest(*of_sites, fillvalue=[])]
    return [part for batch in batches for part in pieces({host: hosts[host] for host in batch}, options)]
