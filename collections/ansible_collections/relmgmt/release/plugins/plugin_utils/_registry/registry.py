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
from . import entry, jobs, last_seen, leases, members, profiles, queries, records, schemas
from .clock import Clock, stamp
from .database import Database, open_database
from .holder import Alive, Holder, is_alive
from .jobs import JobRow
from .leases import Lease
from .migrate import migrate
from .rows import RUNNING, DeploymentRow, EvidenceRow, Order, ProfileRecord, RolloutRow

__all__ = ["Registry"]

Data = dict[str, t.Any]
_ATTEMPTS = 16


class Registry:
    """An open registry; a context manager. ``id`` is its own for good: tokens of two registries do not compare."""

    def __init__(self, database: Database, identity: str, *, clock: Clock | None, alive: Alive) -> None:
        self.id = identity
        self._database, self._clock, self._alive = database, clock or database.now, alive

    @classmethod
    def open(
        cls,
        location: str,
        *,
        identity: str = "",
        clock: Clock | None = None,
        alive: Alive = is_alive,
        write: bool = True,
    ) -> Registry:
        """Open the registry at a path or URL and bring its schema forward.

        Args:
            identity: the id that it has to have; then nothing is made. Empty: whichever is there, or a new one.
            clock: the clock to go by; None: the database's own.
            write: False for check mode and questions: nothing is made or changed, a missing SQLite file is empty.

        Raises:
            InputError: ``registry-newer``, ``registry-older``, ``registry-exposed``, ``registry-location``.
            BackendError: ``registry-failed``, ``registry-busy``, ``registry-full``, ``registry-readonly``,
                ``registry-gone``, ``dependency-missing``.
        """
        database = open_database(location, write=write, make=not identity)
        try:
            found = migrate(database, write=write, identity=identity)
            return cls(database, found, clock=clock, alive=alive)
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
        with self._database.read():
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

    def claim_rollout(self, rollout: str, token: int) -> None:
        """Record that a job with this token is at work on it, which leaves the plan as it is.

        Raises:
            InputError: ``rollout-unknown``.
            ConflictError: it has ended (``rollout-finished``).
        """
        with self._database.write() as connection:
            records.claim(connection, rollout, token)

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

    def record(self, rollout: str, entries: collections.abc.Iterable[entry.Entry], *, token: int) -> None:
        """What happened in a rollout, all of it or nothing. token: of the lease that the job holds, or held.

        Raises:
            InputError: ``rollout-unknown``.
            ConflictError: ``rollout-taken-over``, ``rollout-finished``.
        """
        with self._database.write() as connection:
            entry.write(connection, rollout, entries, token=token, now=self._now())

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

    def record_profiles(self, rollout: str, found: collections.abc.Iterable[ProfileRecord]) -> int:
        """What profiles were made of; how many were not known."""
        with self._database.write() as connection:
            return profiles.keep(connection, rollout, found, now=self._now())

    # --- questions ---

    def profile(self, digest: str) -> ProfileRecord | None:
        """What the profile was made of; None where it is not on record."""
        return self.profiles([digest]).get(digest)

    def profiles(self, digests: collections.abc.Collection[str]) -> dict[str, ProfileRecord]:
        """Digest → what that profile was made of, of those that are on record."""
        with self._database.read() as connection:
            return profiles.find(connection, digests)

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
        return self._rollouts(_given(package=package, environment=environment), limit=limit)

    def open_rollout(self, package: str, environment: str, instance: str) -> Data | None:
        """The unfinished one, if there is one."""
        where = {"package": package, "environment": environment, "instance": instance, "result": RUNNING}
        return next(iter(self._rollouts(where, limit=1)), None)

    def open_rollouts(self, *, package: str = "", environment: str = "") -> list[Data]:
        """All that have not ended, the newest first; empty package or environment: of all."""
        where = {"result": RUNNING, "package": package, "environment": environment}
        return self._rollouts({name: value for name, value in where.items() if value})

    def last_seen(self, *, package: str = "", environment: str = "") -> list[Data]:
        """What each host was last seen with, since when and by whom; empty package or environment: of all."""
        where = {"package": package, "environment": environment}
        with self._database.read() as connection:
            return last_seen.last_seen(connection, {name: value for name, value in where.items() if value})

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

    # --- jobs ---

    def begin_job(
        self, rollout: str, hosts: collections.abc.Sequence[str], holder: Holder, *, token: int, ttl: float
    ) -> str:
        """Record that a job works on these hosts of the rollout; its id.

        Raises:
            ConflictError: another living job has one of them (``host-taken``).
        """
        with self._database.write() as connection:
            now = self._clock()
            return jobs.begin(connection, rollout, hosts, holder, token=token, now=now, ttl=ttl, alive=self._alive)

    def report_job(self, rollout: str, job: str, *, ready: int | None = None, ttl: float) -> None:
        """The job is still there; ready: and its hosts may begin this wave."""
        with self._database.write() as connection:
            jobs.report(connection, rollout, job, ready=ready, now=self._clock(), ttl=ttl)

    def end_job(self, rollout: str, job: str) -> None:
        with self._database.write() as connection:
            jobs.end(connection, rollout, job, now=self._now())

    def jobs(self, rollout: str, *, token: int) -> list[JobRow]:
        """All jobs that ever worked on it, the oldest first. token: of the rollout's lease at present."""
        with self._database.read() as connection:
            return jobs.of(connection, rollout, token=token, now=self._clock(), alive=self._alive)

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
        """The lease for ``ttl`` seconds, with a new token; taken over from holders that are gone or out of time.

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

    def join(self, lease: Lease, holder: Holder, *, ttl: float) -> Lease:
        """The lease of another job that lives, held by this one too: it works on other hosts of the same rollout.

        Raises:
            ConflictError: it was taken over, or nobody holds it any more (``lease-lost``).
        """
        with self._database.write() as connection:
            return leases.join(connection, lease, holder, now=self._clock(), ttl=ttl, alive=self._alive)

    def renew(self, lease: Lease, holder: Holder | None = None, *, ttl: float) -> Lease:
        """holder: by default the run whose verb calls.

        Raises:
            ConflictError: ``lease-lost``.
        """
        with self._database.write() as connection:
            return leases.renew(connection, lease, holder or Holder.run(), now=self._clock(), ttl=ttl)

    def beat(self, lease: Lease, holder: Holder, *, ttl: float) -> None:
        """Renew for a holder that has not left it, and does nothing else.

        Raises:
            ConflictError: it has left, or the lease is lost (``lease-lost``).
        """
        with self._database.write() as connection:
            leases.beat(connection, lease, holder, now=self._clock(), ttl=ttl)

    def release(self, lease: Lease, holder: Holder | None = None) -> bool:
        """Leave it; the last holder gives it back. False if it was not the holder's, by default the run's, any more."""
        who = holder or Holder.run()
        with self._database.write() as connection:
            return leases.release(connection, lease, who, now=self._clock(), alive=self._alive)

    def holders(self, package: str = "", environment: str = "", instance: str = "") -> list[Data]:
        """Who holds which leases now; empty: all. ``gone`` says of one that holds no longer how that came."""
        with self._database.read() as connection:
            where = _given(package=package, environment=environment, instance=instance)
            return members.holders(connection, where, now=self._clock(), alive=self._alive)

    def lease_history(
        self, package: str = "", environment: str = "", instance: str = "", *, limit: int = 20
    ) -> list[Data]:
        """Who held which leases and how that ended, the latest first; empty: all."""
        with self._database.read() as connection:
            where = _given(package=package, environment=environment, instance=instance)
            return members.history(connection, where, limit=limit)

    def _rollouts(self, where: dict[str, str], *, limit: int | None = None) -> list[Data]:
        with self._database.read() as connection:
            return queries.rollouts(connection, where, limit=limit)

    def _now(self) -> str:
        return stamp(self._clock())


def _given(**where: str) -> dict[str, str]:
    return {name: value for name, value in where.items() if value}
