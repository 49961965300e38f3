# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell the registry what happened, now or when it is there again: hosts do not wait for it (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from ...module_utils._model.errors import BackendError, ConflictError, InputError, RelmgmtError
from .._registry import Entry, Holder, Lease, Registry, location
from . import spool

__all__ = ["LEASE_SECONDS", "catch_up", "keep", "later", "record", "registry_of"]

LEASE_SECONDS = 120  # renewed by the run's heartbeat, and whenever something is recorded


def registry_of(rollout: collections.abc.Mapping[str, t.Any], *, write: bool = True) -> Registry:
    """The registry that the rollout began with; never a new one in its place.

    Raises RelmgmtError as ``Registry.open``.
    """
    fence = rollout["fence"] or {}
    return Registry.open(location(rollout), identity=fence.get("registry", ""), write=write)


def keep(
    rollout: collections.abc.Mapping[str, t.Any],
    lease: Lease,
    entries: collections.abc.Sequence[Entry],
    *,
    last: bool = False,
) -> list[str]:
    """Renew the lease and record it, now or later; with the last of a job, leave the lease. For people: what waits.

    Raises:
        ConflictError: somebody else has the lease (``lease-lost``) or the rollout (``rollout-taken-over``).
        InputError: there is no such rollout (``rollout-unknown``).
        BackendError: it could neither be recorded nor kept.
    """
    try:
        registry = registry_of(rollout)
    except RelmgmtError as exc:
        return [later(rollout, lease, entries, exc)]
    try:
        with registry:
            if not last:
                registry.renew(lease, ttl=LEASE_SECONDS)
            record(registry, rollout, lease, entries)
            if last:
                registry.release(lease)
    except BackendError as exc:
        return [later(rollout, lease, entries, exc)]
    return []


def record(
    registry: Registry,
    rollout: collections.abc.Mapping[str, t.Any],
    lease: Lease,
    entries: collections.abc.Sequence[Entry],
) -> None:
    """Record it behind what waits of this job.

    Raises:
        RelmgmtError: as ``Registry.record``. Where the registry refuses, nothing of it counts, and nothing waits.
    """
    job = _job(rollout, lease)
    try:
        registry.record(job.rollout, [*job.entries, *entries], token=lease.token)
    except BackendError:
        raise
    except RelmgmtError:
        spool.remove(job)
        raise
    spool.remove(job)


def later(
    rollout: collections.abc.Mapping[str, t.Any],
    lease: Lease,
    entries: collections.abc.Sequence[Entry],
    why: RelmgmtError,
) -> str:
    """Keep it until the registry is there again; what a person should know of that.

    Raises:
        BackendError: it cannot be kept.
    """
    job = _job(rollout, lease)
    try:
        spool.add(job, entries)
    except OSError as exc:
        raise BackendError(
            why.code,
            f"{why.message}; nor can it be kept in {job.path}: {exc.strerror}",
            hint=f"{why.hint} Hosts know what they run: the next rollout asks them.",
        ) from why
    return f"Not in the registry yet: {why} It is kept in {job.path} and recorded when the registry is there again."


def _job(rollout: collections.abc.Mapping[str, t.Any], lease: Lease) -> spool.Waiting:
    return spool.of_job(spool.Waiting(lease.registry, str(rollout["id"]), lease.token, Holder.run()))


def catch_up(registry: Registry) -> list[str]:
    """Record what earlier jobs of this user could not, as far as it still counts; what does not, for people."""
    notes = []
    for job in spool.left(registry.id):
        try:
            registry.record(job.rollout, job.entries, token=job.token)
        except (ConflictError, InputError) as exc:
            notes.append(
                f"What an earlier job could not record of rollout {job.rollout} does not count any more: {exc}"
            )
        spool.remove(job)
    return notes
