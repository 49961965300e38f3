# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Migrate: take a database from one version of its schema to another, by the commands of a release that is held here
(private).

What the database says decides, before each step and after it; nothing is believed that was written down before. So a
step that was interrupted is simply asked for again.
"""

from __future__ import annotations

import os
import re
import tempfile
import typing as t

from .._model import outcome
from .._model.errors import BackendError, ConflictError, InputError, RelmgmtError
from .._model.migration import DOWN, Migration, Move
from .account import account_of
from .answers import Answer
from .instance import Instance, Tools
from .process import Completed, Runner

__all__ = ["MARK", "migrate", "patience"]

MARK = "RELMGMT_MIGRATION"
_ASK_TIMEOUT = 60.0
_SAID = 800
_POLL = 0.2
_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s@]*@|(password['\"]?\s*[=:]\s*)\S+", re.IGNORECASE)


def migrate(
    instance: Instance, tools: Tools, deployment: int, *, database: str, to: str, direction: str = "", check: bool
) -> Answer:
    """Take the steps that lead to the version ``to``; check: only say which those are.

    direction: ``up`` or ``down`` takes no step the other way, so that what is there or further is left alone. A step
    that fails, or that does not lead where it was to lead, ends it: outcome ``failed`` with a ``code``; ``failing`` is
    where that step was to lead. The caller holds the lock, or only predicts.

    Raises:
        RelmgmtError: nothing was run. The deployment declares no such database (``database-unknown``) or version
            (``schema-target-unknown``); what the database says is none of the migration's versions
            (``schema-unknown``), or cannot be had (``schema-unreadable``); the way leads back over a point of no return
            (``point-of-no-return``); the release is damaged, or not here; what runs here is not final
            (``deployment-not-final``); a step still goes on (``migration-running``).
    """
    if check and deployment not in instance.history().staged:
        reason = "the database cannot be asked before the release is staged"
        answer = {"outcome": outcome.MIGRATED, "changed": True, "deployment": deployment, "database": database}
        return dict(answer, reason=reason, steps=[], failing=None)
    return _Migrating(instance, tools, deployment, database).migrate(to, direction, check=check)


class _Migrating:
    """One database, by the release of one deployment."""

    def __init__(self, instance: Instance, tools: Tools, deployment: int, database: str) -> None:
        self._instance, self._tools, self._deployment = instance, tools, deployment
        instance.meta(deployment)
        runtime = instance.runtime(deployment)
        self._migration = _of(runtime.migrations, database, deployment)
        self._user = self._migration.user or (runtime.service.user if runtime.service else "")

    def migrate(self, to: str, direction: str, *, check: bool) -> Answer:
        self._require_fit(to)
        if not check:
            self._await_end()
        before = self._ask()
        moves = self._way(before, to, direction)
        answer = {
            "outcome": outcome.MIGRATED,
            "changed": bool(moves),
            "deployment": self._deployment,
            "database": self._migration.database,
            "before": before,
            "after": moves[-1].target if moves else before,
            "steps": [_taken(move, 0.0) for move in moves],
            "failing": None,
            "reason": "",
        }
        return answer if check else dict(answer, **self._walk(moves))

    def _walk(self, moves: t.Sequence[Move]) -> Answer:
        taken: list[dict[str, t.Any]] = []
        for move in moves:
            began = self._tools.clock()
            after, failure = self._take(move)
            if failure is not None:
                problem = {"reason": str(failure), "code": failure.code, "failing": move.target}
                return {"outcome": outcome.FAILED, "after": after, "steps": taken, **problem}
            taken.append(_taken(move, self._tools.clock() - began))
        return {"steps": taken}

    def _require_fit(self, to: str) -> None:
        from .capsule import require_whole

        versions = self._migration.versions
        if to not in versions:
            raise InputError(
                "schema-target-unknown",
                f"{self._where}: {to!r} is none of its versions ({_list(versions)})",
                hint="Name one of them.",
            )
        history = self._instance.history()
        if history.provisional or history.unfinished:
            raise ConflictError(
                "deployment-not-final",
                f"{self._instance.path}: deployment {history.current} is not final, and its way back must be free",
                hint="Confirm or revert it first.",
            )
        require_whole(self._instance, self._deployment)

    def _way(self, before: str, to: str, direction: str) -> list[Move]:
        versions = self._migration.versions
        if before not in versions:
            raise ConflictError(
                "schema-unknown",
                f"{self._where}: it says {before!r}, which is none of {_list(versions)}",
                hint="Nothing was run. Bring the database to one of these versions, or release what knows this one.",
            )
        moves = [move for move in self._migration.way(before, to) if direction in ("", move.direction)]
        final = [move.origin for move in moves if move.direction == DOWN and move.step.irreversible]
        if final:
            raise ConflictError(
                "point-of-no-return",
                f"{self._where}: the step to {final[0]!r} is irreversible, so nothing leads back from {before!r}"
                f" to {to!r}",
                hint="Nothing was run. Roll forward, or restore the database from a backup.",
            )
        return moves

    def _take(self, move: Move) -> tuple[str | None, RelmgmtError | None]:
        """Take one step: what the database says then (None: nobody knows), and what went wrong."""
        journal = self._instance.journal
        about = {"deployment": self._deployment, "database": self._migration.database}
        journal.write("migrating", **about, **{"from": move.origin, "to": move.target, "direction": move.direction})
        done = self._run(move.command, move.step.timeout)
        failure = self._failed(done, move)
        found: str | None = None
        try:
            found = self._ask()
        except RelmgmtError as exc:
            failure = failure or exc
        if failure is None and found != move.target:
            failure = ConflictError(
                "schema-astray",
                f"{self._where}: after the step {move.direction} to {move.target!r} it says {found!r}",
                hint="Look at the database: the step ended well, and did not do what it is declared to do.",
            )
        told = {} if failure is None else {"reason": failure.message}
        journal.write("migrated", **about, version=found, **told)
        return found, failure

    def _failed(self, done: Completed, move: Move) -> RelmgmtError | None:
        problem = _problem(done, move.step.timeout)
        if not problem:
            return None
        said = _tail(done.output)
        return BackendError(
            "migration-failed",
            f"{self._where}: the step {move.direction} to {move.target!r} failed: {problem}"
            + (f": {said}" if said else ""),
            hint="Mend the cause and ask for the same again: it goes on from what the database says then.",
        )

    def _ask(self) -> str:
        """The version that the database says it has.

        Raises:
            BackendError: nobody knows (``schema-unreadable``).
        """
        with tempfile.TemporaryFile() as errors:
            done = self._run(self._migration.current, _ASK_TIMEOUT, errors)
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - _SAID))
            complaint = errors.read().decode("utf-8", "replace")
        problem = _problem(done, _ASK_TIMEOUT)
        if problem:
            said = _tail(f"{done.output}\n{complaint}")
            raise BackendError(
                "schema-unreadable",
                f"{self._where}: its version cannot be asked: {problem}" + (f": {said}" if said else ""),
                hint="See that the database is up and that this host may use it, then run the same command again.",
            )
        lines = [line for line in done.output.splitlines() if line.strip()]
        return lines[-1].split()[0] if lines else ""

    def _run(self, command: t.Sequence[str], timeout: float, errors: t.BinaryIO | None = None) -> Completed:
        path = str(self._instance.path)
        current, own = f"{path}/current/", f"{path}/deployments/{self._deployment}/"
        runner: Runner = self._tools.runner
        return runner.run(
            [word.replace(current, own) for word in command],
            timeout=timeout,
            user=self._user,
            env={**{name: value.replace(current, own) for name, value in self._migration.environment}, MARK: path},
            errors=errors,
        )

    def _await_end(self) -> None:
        """Whoever was killed may have left a step that still runs: wait for it."""
        runner, deadline = self._tools.runner, self._tools.clock() + self._patience
        uids = {os.geteuid(), account_of(self._user).uid}
        while True:
            running = runner.marked(MARK, str(self._instance.path), uids=uids)
            if not running:
                return
            if self._tools.clock() >= deadline:
                numbers = ", ".join(str(process.pid) for process in running)
                raise ConflictError(
                    "migration-running",
                    f"{self._where}: a step that was interrupted still runs: process {numbers}",
                    hint="Wait for it to end, or end it; then run the same command again.",
                )
            self._tools.wait(_POLL)

    @property
    def _patience(self) -> float:
        return max(step.timeout for step in self._migration.steps)

    @property
    def _where(self) -> str:
        return f"{self._instance.path}: database {self._migration.database}"


def patience(instance: Instance, deployment: int) -> float:
    """Seconds that the steps of a deployment take at most, all in all."""
    migrations = instance.runtime(deployment).migrations if deployment in instance.deployments() else ()
    return sum(2 * _ASK_TIMEOUT + sum(step.timeout for step in migration.steps) for migration in migrations)


def _of(migrations: t.Sequence[Migration], database: str, deployment: int) -> Migration:
    for migration in migrations:
        if migration.database == database:
            return migration
    raise InputError(
        "database-unknown",
        "deployment {} has no migration of {!r} (it has: {})".format(
            deployment, database, ", ".join(migration.database for migration in migrations) or "none"
        ),
    )


def _taken(move: Move, seconds: float) -> dict[str, t.Any]:
    return {"to": move.target, "direction": move.direction, "seconds": round(seconds, 3)}


def _problem(done: Completed, timeout: float) -> str:
    if done.timed_out:
        return f"no end within {timeout:g} s"
    return f"exit code {done.code}" if done.code else ""


def _tail(said: str) -> str:
    """The last of what a command said, without passwords: tools like to repeat how they were called."""
    return _PASSWORD.sub(lambda found: f"{found.group(1) or found.group(2)}***" + "@" * bool(found.group(1)), said)[
        -_SAID:
    ].strip()


def _list(versions: t.Iterable[str]) -> str:
    return ", ".join(repr(version) for version in versions)
