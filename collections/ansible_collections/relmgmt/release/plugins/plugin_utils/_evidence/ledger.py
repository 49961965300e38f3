# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storing and finding evidence: whatever the registry holds is verified again whenever it is asked for (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import typing as t

from ...module_utils._model.digest import canonical, digest_of
from ...module_utils._model.errors import IntegrityError
from .._registry import EvidenceRow, Registry
from .envelope import seal, unseal
from .signing import trusted_key
from .statement import PREDICATE, Rehearsal

if t.TYPE_CHECKING:
    from securesystemslib.signer import Key, Signer

__all__ = ["Found", "Rule", "find", "store"]

_SKEW = datetime.timedelta(hours=1)  # by which clocks of controllers may differ


@dataclasses.dataclass(frozen=True)
class Rule:
    """Which rehearsals count: not older than ``days``, and of ``environment`` if that is not empty."""

    days: int
    environment: str = ""


@dataclasses.dataclass(frozen=True)
class Found:
    """The newest rehearsal that counts, and its id; or, by code, why there is none."""

    rehearsal: Rehearsal | None = None
    id: str = ""
    code: str = ""
    reason: str = ""


def store(registry: Registry, rehearsal: Rehearsal, signer: Signer) -> str:
    """Sign and keep; its id."""
    envelope = seal(rehearsal.to_statement(), signer)
    identity = digest_of(canonical(envelope))
    registry.record_evidence(
        EvidenceRow(identity, PREDICATE, rehearsal.package, rehearsal.before, rehearsal.after, envelope)
    )
    return identity


def find(registry: Registry, package: str, before: str, after: str, *, rule: Rule, now: datetime.datetime) -> Found:
    """The newest rehearsal of the way from ``before`` to ``after`` that counts by the rule.

    One that counts is not spoiled by others that do not. Where none does, the gravest reason is told:
    ``rehearsal-forged``, then ``rehearsal-expired``, then ``rehearsal-missing``.
    """
    key = trusted_key(registry)
    good: list[Found] = []
    bad: list[Found] = []
    for row in registry.evidence(PREDICATE, package, before, after):
        found = _examined(row, key, rule=rule, now=now)
        (good if found.rehearsal else bad).append(found)
    if good:
        return max(good, key=_finished)
    gravity = {"rehearsal-forged": 0, "rehearsal-expired": 1, "rehearsal-missing": 2}
    missing = Found(code="rehearsal-missing", reason="nobody has rehearsed it")
    return min(bad, key=lambda found: gravity[found.code], default=missing)


def _finished(found: Found) -> datetime.datetime:
    return t.cast(Rehearsal, found.rehearsal).finished


def _examined(
    row: collections.abc.Mapping[str, t.Any], key: Key | None, *, rule: Rule, now: datetime.datetime
) -> Found:
    """The row's rehearsal if it counts, else why not."""
    identity = str(row["id"])
    if key is None:
        return Found(id=identity, code="rehearsal-forged", reason="this registry trusts no key for rehearsals")
    try:
        rehearsal = Rehearsal.from_statement(unseal(row["envelope"], key))
    except IntegrityError as exc:
        return Found(id=identity, code="rehearsal-forged", reason=exc.message)
    if any(getattr(rehearsal, name) != row[name] for name in ("package", "before", "after")):
        return Found(id=identity, code="rehearsal-forged", reason="what was signed is the rehearsal of another way")
    day, age = rehearsal.finished.date(), now - rehearsal.finished
    if age < -_SKEW:
        return Found(id=identity, code="rehearsal-expired", reason=f"it is of {day}, which is still to come")
    if age > datetime.timedelta(days=rule.days):
        return Found(id=identity, code="rehearsal-expired", reason=f"it is of {day}, older than {rule.days} days")
    if rule.environment not in ("", rehearsal.environment):
        reason = f"it was rehearsed in {rehearsal.environment} only"
        return Found(id=identity, code="rehearsal-missing", reason=reason)
    return Found(rehearsal, identity)
