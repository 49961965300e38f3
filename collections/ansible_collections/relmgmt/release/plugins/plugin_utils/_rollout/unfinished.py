# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rollout that is open: what was planned, what people asked of it since, and whether it may go on (private)."""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import typing as t

from ...module_utils._model import outcome
from ...module_utils._model.errors import ConflictError, InputError
from .._registry import PAUSE, REVERT, ROLLBACK, ROLLOUT, ROTATION, RUNNING, Order, Registry
from .plan import Plan
from .planning import Wish, same_release

__all__ = [
    "NEW",
    "GoingOn",
    "Unfinished",
    "find_unfinished",
    "fresh",
    "going_on",
    "newest_order",
    "require_same_hosts",
    "said_by",
]

NEW = "new"  # instead of the id of a rollout: whatever is open is not gone on with
Data = collections.abc.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Unfinished:
    """An open rollout. order: the newest; token: of the last job's lease; rows: what is recorded of its hosts."""

    plan: Plan
    token: int
    order: Order | None = None
    rows: collections.abc.Sequence[Data] = ()

    @classmethod
    def of(cls, row: Data) -> Unfinished:
        """row: as the registry has it."""
        return cls(Plan.from_dict(row["plan"]), int(row["token"]), newest_order(row), row["deployments"])

    def adopted(self, wish: Wish) -> Wish:
        """The wish, with all that was decided when the rollout was planned."""
        asked = {field.name for field in dataclasses.fields(wish)} - {"drift"}  # the plan's is what was found
        decided = [field.name for field in dataclasses.fields(self.plan) if field.name in asked]
        return dataclasses.replace(wish, **{name: getattr(self.plan, name) for name in decided})

    @property
    def has_switched(self) -> bool:
        """Whether it brought any host to the release, as far as is recorded."""
        return any(row["outcome"] in (outcome.PROVISIONAL, outcome.CONFIRMED) for row in self.rows)

    def require_going_on(self, kind: str) -> None:
        """kind: of what is to be done now; a rollback is never in the way.

        Raises:
            ConflictError: somebody paused it (``rollout-paused``), or wants it taken back (``rollout-reverting``); a
                rotation would get in the way of a rollout (``rotation-rollout-open``).
        """
        if kind == ROTATION and self.plan.kind == ROLLOUT:
            raise ConflictError(
                "rotation-rollout-open",
                f"Rollout {self.plan.id} of {self.plan.package} {self.plan.version} has not ended; a rotation would get"
                " in its way",
                hint="Let it end, or take it back (relmgmt.release.revert), then rotate.",
            )
        if kind == ROLLBACK or self.order is None or self.order.kind not in (PAUSE, REVERT):
            return
        name = f"Rollout {self.plan.id} of {self.plan.package} {self.plan.version}"
        if self.order.kind == REVERT:
            raise ConflictError(
                "rollout-reverting",
                f"{name} is to go back, {said_by(self.order)}",
                hint=f"Take it back first: relmgmt.release.revert with -e relmgmt_rollout_id={self.plan.id}",
            )
        raise ConflictError(
            "rollout-paused",
            f"{name} was paused {said_by(self.order)}",
            hint=f"Go on with relmgmt.release.resume, or back with relmgmt.release.revert, and -e"
            f" relmgmt_rollout_id={self.plan.id}",
        )


class GoingOn(t.NamedTuple):
    """What an open rollout makes of a wish. begun: its plan, None where nothing is gone on with; named: whether it was
    asked for by its id; joins: whether only some of its hosts are at hand; wish: with what was decided then."""

    begun: Plan | None
    named: bool
    joins: bool
    wish: Wish


def going_on(found: Unfinished | None, wish: Wish, hosts: collections.abc.Iterable[str], *, rollout: str) -> GoingOn:
    """rollout: the id that was asked for, or ``new``."""
    if found is None or rollout == NEW:
        return GoingOn(None, False, False, wish)
    named = bool(rollout)
    joins = named and set(found.plan.hosts) != set(hosts)
    return GoingOn(found.plan, named, joins, found.adopted(wish) if named else wish)


def newest_order(row: Data) -> Order | None:
    """The one that counts, of a rollout as the registry has it."""
    if not row["orders"]:
        return None
    last = row["orders"][-1]
    return Order(last["kind"], last["by"], last["reason"], last["given"])


def said_by(order: Order) -> str:
    """Who and why, for people."""
    return f"by {order.by or 'somebody'}: {order.reason}"


def find_unfinished(
    registry: Registry, scope: tuple[str, str, str], *, rollout: str = "", kind: str = ROLLOUT
) -> Unfinished | None:
    """The open rollout of a package, environment and instance (``scope``). rollout: the id that it has to have.

    Raises:
        InputError: there is none of that id (``rollout-unknown``), or it is of something else (``rollout-other``).
        ConflictError: it has ended (``rollout-finished``).
    """
    if not rollout or rollout == NEW:
        row = registry.open_rollout(*scope)
        return Unfinished.of(row) if row else None
    row = registry.rollout(rollout)
    if (row["package"], row["environment"], row["instance"], row["kind"]) != (*scope, kind):
        raise InputError(
            "rollout-other",
            f"{rollout} is a {row['kind']} of {row['package']} to {row['environment']} (instance {row['instance']}),"
            f" and no {kind} of {scope[0]} to {scope[1]} (instance {scope[2]})",
            hint="See rollout_info without an id.",
        )
    if row["result"] != RUNNING:
        raise ConflictError(
            "rollout-finished",
            f"Rollout {rollout} has ended: {row['result']}",
            hint="Begin a new one: leave relmgmt_rollout_id out.",
        )
    return Unfinished.of(row)


@contextlib.contextmanager
def fresh(begun: Plan | None) -> collections.abc.Iterator[None]:
    """Around asking the DML for the package of an open rollout.

    Raises:
        ConflictError: it is not promoted any more (``plan-stale``).
    """
    try:
        yield
    except InputError as exc:
        if begun is None or exc.code not in ("package-not-promoted", "package-not-found"):
            raise
        raise ConflictError(
            "plan-stale",
            f"Rollout {begun.id} is older than what the DML says now: {exc.message}",
            hint=_way_out(),
        ) from exc


def _way_out() -> str:
    anew = f"leave it where it is and begin anew (-e relmgmt_rollout_id={NEW})"
    return f"Take it back (relmgmt.release.revert), or {anew}."


def require_same_hosts(found: Plan, wish: Wish, digest: str, hosts: collections.abc.Iterable[str]) -> None:
    """That what is open was planned for the release as it is promoted now, and for these hosts.

    Raises:
        ConflictError: other bytes are promoted under its version (``plan-stale``); hosts came or went
            (``plan-hosts-changed``).
    """
    if found.kind != ROLLOUT or wish.kind != ROLLOUT:
        return
    if found.version == wish.version and found.digest != digest:
        raise ConflictError(
            "plan-stale",
            f"Rollout {found.id} is older than the promotion of {found.package} {found.version} to"
            f" {found.environment}: other bytes are promoted now",
            hint=_way_out(),
        )
    came, went = sorted(set(hosts) - set(found.hosts)), sorted(set(found.hosts) - set(hosts))
    if same_release(found, wish, digest) and (came or went):
        changes = [f"{', '.join(names)} {verb}" for names, verb in ((came, "came"), (went, "went")) if names]
        raise ConflictError(
            "plan-hosts-changed",
            f"The hosts are not those that rollout {found.id} was planned for: {'; '.join(changes)}",
            hint="Name those hosts, or join the rollout with some of them (-e"
            f" relmgmt_rollout_id={found.id}). {_way_out()}",
        )
