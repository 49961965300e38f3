# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the DML says about packages, as data (private)."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing as t

from ...module_utils._model.errors import InputError

__all__ = ["Change", "Expiry", "Target", "Version"]

Data = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Version:
    """A published version and the environments that it is promoted to."""

    version: str
    versioning: str
    type: str
    digest: str
    environments: tuple[str, ...] = ()

    def to_dict(self) -> Data:
        return {**dataclasses.asdict(self), "environments": list(self.environments)}


@dataclasses.dataclass(frozen=True)
class Target:
    """A version that team and environment agree on: what may be fetched. ``size`` is that of the manifest, in bytes."""

    name: str
    version: str
    versioning: str
    type: str
    environment: str
    digest: str
    size: int

    def to_dict(self) -> Data:
        """What verbs return."""
        return {key: getattr(self, key) for key in ("name", "version", "versioning", "type", "digest")}


@dataclasses.dataclass(frozen=True)
class Change:
    """What was done to a DML, or would be done."""

    reasons: tuple[str, ...] = ()
    before: Data = dataclasses.field(default_factory=dict)
    after: Data = dataclasses.field(default_factory=dict)
    subject: Data = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.reasons)

    def to_result(self, noun: str, *, diff: bool, **more: t.Any) -> Data:
        """What a verb returns: the subject, with ``more`` about it, under its noun."""
        result: Data = {"changed": self.changed, noun: {**self.subject, **more}, "reasons": list(self.reasons)}
        if self.warnings:
            result["warnings"] = list(self.warnings)
        return {**result, "diff": {"before": self.before, "after": self.after}} if diff else result


@dataclasses.dataclass(frozen=True)
class Expiry:
    """For how many days signatures hold. ``roles`` is for all roles that name targets."""

    root: int = 365
    roles: int = 180
    snapshot: int = 30
    timestamp: int = 7

    def __post_init__(self) -> None:
        for name, days in self.to_dict().items():
            if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= 3650:
                raise InputError(
                    "expiry-malformed",
                    f"expiry.{name}: {days!r} is not a number of days from 1 to 3650",
                    hint="Choose one.",
                )

    @classmethod
    def from_dict(cls, data: collections.abc.Mapping[str, t.Any]) -> Expiry:
        """Raises InputError where a value is no number of days (``expiry-malformed``)."""
        return cls(**{field.name: data[field.name] for field in dataclasses.fields(cls) if field.name in data})

    def to_dict(self) -> dict[str, int]:
        return dataclasses.asdict(self)

    def days(self, role: str) -> int:
        return self.to_dict().get(role, self.roles)
