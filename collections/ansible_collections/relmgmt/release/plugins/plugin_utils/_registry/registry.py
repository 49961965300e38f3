# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry: an index and a history of packages, promotions and rollouts, and who may roll out now (private).

What may be installed is decided by the DML's signed metadata alone. Every record may be made again: a resumed rollout
does that.
"""

from __future__ import annotations

import collections.abc
import secrets
import types
import typing as t

from ...module_utils._model.errors import BackendError, InputError
from ...module_utils._model.manifest import Manifest
from . import leases, queries, records, schemas
from .clock import Clock, stamp, utc_now
from .database import Database, open_database
from .holder import Alive, Holder, is_alive
from .leases import Lease
from .migrate import migrate
from .rows import RUNNING, DeploymentRow, EvidenceRow, Order, RolloutRow

__all__ = ["Registry"]

Data = dict[str, t.Any]
_ATTEMPTS = 16


class Registry:
    """An open registry; a context manager. ``id`` is its own for good: tokens of two registries do not compare."""

    def __init__(self, database: Database, identity: str, *, clock: Clock, alive: Alive) -> None:
        self.id = identity
        self._database, self._clock, self._alive = database, clock, alive

    @classmethod
    def open(cls, location: str, *, clock: Clock = utc_now, alive: Alive = is_alive, write: bool = True) -> Registry:
        """Open the registry at a path or URL and bring its schema forward.

        Args:
            write: False for check mode and questions: nothing is made or changed, a missing SQLite file is empty.

        Raises:
            InputError: ``registry-newer``, ``registry-older``, ``registry-exposed``, ``registry-location``.
            BackendError: ``registry-failed``, ``registry-busy``, ``dependency-missing``.
        """
        database = open_database(location, write=write)
        try:
            return cls(database, migrate(database, write=write), clock=clock, alive=alive)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()

    # --- records: True if something is new or changed ---

    def record_package(self, manifest: Manifest) -> bool:
        with self._database.write() as connection:
            return records.package(connection, manifest, now=self._now())

    def record_promotion(self, *, environment: str, name: str, version: str, digest: str) -> bool:
        with self._database.write() as connection:
            return records.promotion(connection, environment, name, version, digest, now=self._now())

    def new_rollout_id(self) -> str:
        """An id that no rollout has, for example ``20261121T103000Z-3f9a``; ids sort by time."""
        begun = self._clock().strftime("%Y%m%dT%H%M%SZ")
        for _attempt in range(_ATTEMPTS):
            identity = f"{begun}-{secrets.token_hex(2)}"
            with self._database.read() as connection:
                if not queries.rollouts(connection, {"id": identity}):
                    return identity
        raise BackendError(
            "registry-busy", "More rollouts begin in this second than there are ids", hint="Run it again."
        )

    def begin_rollout(self, rollout: RolloutRow) -> bool:
        """Record that it began; a resumed one keeps its start and gets plan and token anew.

        Raises:
            ConflictError: another one is unfinished (``rollout-open``); it has ended (``rollout-finished``).
        """
        with self._database.write() as connection:
            return records.begin(connection, rollout, now=self._now())

    def record_wave(
        self,
        rollout: str,
        index: int,
        *,
        name: str,
        hosts: collections.abc.Sequence[str],
        verdict: str = "",
        reason: str = "",
    ) -> bool:
        """Without a verdict the wave begins, with one it has finished.

        Raises:
            InputError: ``rollout-unknown``, ``record-malformed``.
        """
        data = {"name": name, "hosts": list(hosts), "verdict": verdict, "reason": reason}
        with self._database.write() as connection:
            return records.wave(connection, rollout, index, data, now=self._now())

    def record_deployment(self, rollout: str, row: DeploymentRow) -> bool:
        """Raises InputError (``rollout-unknown``)."""
        return self.record_deployments(rollout, [row]) == 1

    def record_deployments(self, rollout: str, rows: collections.abc.Iterable[DeploymentRow]) -> int:
        """All hosts of a wave in one transaction; how many rows are new or changed."""
        with self._database.write() as connection:
            return records.deploy(connection, rollout, rows, now=self._now())

    def finish_rollout(self, rollout: str, result: str, reason: str = "", *, token: int | None = None) -> bool:
        """Record its end. ``token``: of the lease that the job holds, so that no job ends what another one took over.

        Raises:
            InputError: ``rollout-unknown``.
            ConflictError: it has ended with another result (``rollout-finished``); ``rollout-taken-over``.
        """
        with self._database.write() as connection:
            return records.finish(connection, rollout, result, reason, token=token, now=self._now())

    def give_order(self, rollout: str, order: Order) -> bool:
        """Record what somebody asks of a running rollout; False if the newest order asks for the same already.

        Raises:
            InputError: ``rollout-unknown``, ``record-malformed``.
            ConflictError: it has ended (``rollout-finished``).
        """
        with self._database.write() as connection:
            return records.order(connection, rollout, order, now=self._now())

    def record_evidence(self, row: EvidenceRow) -> bool:
        with self._database.write() as connection:
            return records.evidence(connection, row, now=self._now())

    def put_setting(self, name: str, value: Data) -> bool:
        with self._database.write() as connection:
            return records.setting(connection, name, value, now=self._now())

    # --- questions ---

    def setting(self, name: str) -> Data | None:
        """The value that was put; None if there is none."""
        with self._database.read() as connection:
            return queries.setting(connection, name)

    def evidence(self, kind: str, package: str, before: str, after: str) -> list[Data]:
        """What is recorded about the way from one release to another, the newest first. Nothing of it is verified."""
        with self._database.read() as connection:
            return queries.evidence(connection, {"kind": kind, "package": package, "before": before, "after": after})

    def rollout(self, identity: str) -> Data:
        """One rollout with its ``waves``, ``deployments``, ``migrations`` and ``orders``.

        Raises:
            InputError: there is none of that id (``rollout-unknown``).
        """
        found = self._rollouts({"id": identity})
        if not found:
            raise InputError(
                "rollout-unknown", f"The registry knows no rollout {identity!r}", hint="See rollout_info without an id."
            )
        return found[0]

    def rollouts(self, *, package: str = "", environment: str = "", limit: int = 20) -> list[Data]:
        """The newest ones first; empty package or environment: all."""
        where = {"package": package, "environment": environment}
        return self._rollouts({name: value for name, value in where.items() if value}, limit=limit)

    def open_rollout(self, package: str, environment: str, instance: str) -> Data | None:
        """The unfinished one, if there is one."""
        where = {"package": package, "environment": environment, "instance": instance, "result": RUNNING}
        return next(iter(self._rollouts(where, limit=1)), None)

    # --- databases ---

    def begin_migrations(self, rollout: str, phase: str, hosts: t.Mapping[str, str]) -> None:
        """Record which host begins to migrate which database, before it does."""
        with self._database.write() as connection:
            schemas.begin(connection, rollout, phase, hosts, now=self._now())

    def end_migration(
        self, rollout: str, phase: str, database: str, *, outcome: str, version: str | None, reason: str, ended: bool
    ) -> None:
        """Record what came of it. version: of the schema, None where nobody knows; ended: False where nobody knows
        whether it still goes on."""
        result = {"outcome": outcome, "version": version, "reason": reason, "ended": ended}
        with self._database.write() as connection:
            schemas.end(connection, rollout, phase, database, result, now=self._now())

    def give_up_migrations(self, host: str) -> None:
        """What was begun there counts as ended."""
        with self._database.write() as connection:
            schemas.give_up(connection, host, now=self._now())

    def migration_begun(self, database: str) -> Data | None:
        """The newest migration of the database, if nobody knows how it ended."""
        with self._database.read() as connection:
            return schemas.begun(connection, database)

    def schema_version(self, database: str) -> str | None:
        """The last that was heard of it; None if nobody knows."""
        with self._database.read() as connection:
            return schemas.version(connection, database)

    def migrated(self, rollout: str) -> list[str]:
        """The databases that a rollout began to migrate."""
        with self._database.read() as connection:
            return schemas.touched(connection, rollout)

    def standing(self, package: str, instance: str) -> dict[str, tuple[str, str]]:
        """Host → environment and version that it was last seen with, over all rollouts."""
        with self._database.read() as connection:
            return schemas.standing(connection, package, instance)

    # --- leases ---

    def acquire(
        self,
        package: str,
        environment: str,
        instance: str,
        holder: Holder,
        *,
        ttl: float,
        databases: t.Iterable[str] = (),
    ) -> Lease:
        """The lease for ``ttl`` seconds, with a new token; taken over from a holder that is gone or out of time.

        Raises:
            ConflictError: another process holds it, or that of a database (``rollout-locked``).
        """
        wanted = Lease(self.id, package, environment, instance, token=0, expires="", databases=tuple(databases))
        with self._database.write() as connection:
            return leases.acquire(connection, wanted, holder, now=self._clock(), ttl=ttl, alive=self._alive)

    def require_free(
        self, package: str, environment: str, instance: str, holder: Holder, *, databases: t.Iterable[str] = ()
    ) -> None:
        """See whether ``acquire`` would be refused now; nothing is written. Raises as ``acquire``."""
        wanted = Lease(self.id, package, environment, instance, token=0, expires="", databases=tuple(databases))
        with self._database.read() as connection:
            leases.require_free(connection, wanted, holder, now=self._clock(), alive=self._alive)

    def renew(self, lease: Lease, *, ttl: float) -> Lease:
        """Raises ConflictError (``lease-lost``)."""
        with self._database.write() as connection:
            return leases.renew(connection, lease, now=self._clock(), ttl=ttl)

    def release(self, lease: Lease) -> bool:
        """Give it back; False if it was not ours any more."""
        with self._database.write() as connection:
            return leases.release(connection, lease)

    def _rollouts(self, where: dict[str, str], *, limit: int | None = None) -> list[Data]:
        with self._database.read() as connection:
            return queries.rollouts(connection, where, limit=limit)

    def _now(self) -> str:
        return stamp(self._clock())
