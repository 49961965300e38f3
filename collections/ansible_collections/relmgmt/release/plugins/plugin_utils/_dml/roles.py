# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The signed roles of a DML as its publisher sees them: verified when read, signed anew when changed (private).

Every state of the directory between two writes verifies: nothing that the current timestamp leads to is ever replaced,
new files get new names, and ``timestamp.json``, which alone makes them count, comes last. A new root counts by itself.
"""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import typing as t

from ...module_utils._model.errors import InputError
from .._optional import optional
from .errors import BadVersionNumberError, RepositoryError, translated
from .keys import Keys
from .layout import PACKAGES, DmlLayout, check_environment, check_team, environment_role, team_role
from .limits import LIMITS, Limits
from .records import Expiry

if t.TYPE_CHECKING:
    from securesystemslib.signer import Key
    from tuf.api.metadata import (
        DelegatedRole,
        Delegations,
        Metadata,
        MetaFile,
        Root,
        Snapshot,
        Targets,
        Timestamp,
    )
else:
    DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, Targets, Timestamp = optional(
        "tuf.api.metadata",
        "DelegatedRole",
        "Delegations",
        "Metadata",
        "MetaFile",
        "Root",
        "Snapshot",
        "Targets",
        "Timestamp",
        package="tuf",
    )

__all__ = ["RoleSet"]

TOP = ("root", "targets", "snapshot", "timestamp")
_EXPIRY = "x-relmgmt-expiry-days"


@dataclasses.dataclass
class RoleSet:
    """All roles of a DML. ``stored`` names those that have a version on disk, ``changed`` those to be signed anew."""

    root: Metadata[Root]
    targets: Metadata[Targets]
    snapshot: Metadata[Snapshot]
    timestamp: Metadata[Timestamp]
    delegated: dict[str, Metadata[Targets]]
    stored: set[str]
    changed: set[str]

    @classmethod
    def new(cls, keys: Keys) -> RoleSet:
        """The roles of a DML without teams; keys that are missing are made."""
        root = Root(consistent_snapshot=True, unrecognized_fields={_EXPIRY: Expiry().to_dict()})
        for role in TOP:
            root.add_key(keys.signer_or_new(role).public_key, role)
        targets = Targets(delegations=Delegations({}, {}))
        return cls(Metadata(root), Metadata(targets), Metadata(Snapshot()), Metadata(Timestamp()), {}, set(), set(TOP))

    @classmethod
    def load(cls, layout: DmlLayout, *, limits: Limits = LIMITS) -> RoleSet:
        """Read all roles and verify that they fit together. Expiry is not looked at: a publisher mends it.

        Raises:
            IntegrityError: they do not (``metadata-missing``, ``metadata-tampered``, ``metadata-rollback``).
        """
        with translated(str(layout.root)):
            return _Loader(layout, limits).load()

    @property
    def expiry(self) -> Expiry:
        """For how long this DML signs, as its root says."""
        fields = self.root.signed.unrecognized_fields.get(_EXPIRY)
        return Expiry.from_dict(fields) if isinstance(fields, dict) else Expiry()

    @expiry.setter
    def expiry(self, value: Expiry) -> None:
        self.root.signed.unrecognized_fields[_EXPIRY] = value.to_dict()
        self.changed.add("root")

    @property
    def teams(self) -> tuple[str, ...]:
        return tuple(sorted(role.partition("/")[2] for role in self.delegated if role.startswith(f"{PACKAGES}/")))

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(sorted({role.partition("/")[0] for role in self.delegated} - {PACKAGES}))

    def add(self, teams: tuple[str, ...], environments: tuple[str, ...], keys: Keys) -> list[str]:
        """Delegate to each team, and to each pair of environment and team; returns the roles that are new.

        Raises:
            InputError: a name cannot be used (``name-malformed``, ``name-reserved``), keys as in ``Keys.signer``.
        """
        all_teams = sorted({*self.teams, *map(check_team, teams)})
        all_environments = sorted({*self.environments, *map(check_environment, environments)})
        wanted = [team_role(team) for team in all_teams]
        wanted += [environment_role(environment, team) for environment in all_environments for team in all_teams]
        added = [role for role in wanted if role not in self.delegated]
        for role in added:
            self._delegate(role, keys.signer_or_new(role).public_key)
        return added

    def _delegate(self, role: str, key: Key) -> None:
        targets = self.targets.signed
        if targets.delegations is not None and targets.delegations.roles is not None:  # always: new() and load()
            targets.delegations.roles[role] = DelegatedRole(role, [], 1, True, paths=[f"{role}/*/*"])
        targets.add_key(key, role)
        self.delegated[role] = Metadata(Targets())
        self.changed |= {"targets", role}

    def metadata(self, role: str) -> Metadata[t.Any]:
        return t.cast("Metadata[t.Any]", getattr(self, role) if role in TOP else self.delegated[role])

    def all(self) -> list[str]:
        """The names of all roles, in the order in which their files are written."""
        return [*sorted(self.delegated), *TOP]

    def near_expiry(self, now: datetime.datetime) -> list[str]:
        """Roles with less than a third of their time left."""
        return [
            role
            for role in self.all()
            if self.metadata(role).signed.expires - now < datetime.timedelta(days=self.expiry.days(role)) / 3
        ]

    def seal(self, layout: DmlLayout, keys: Keys, now: datetime.datetime) -> list[tuple[pathlib.Path, bytes]]:
        """Sign what changed and what follows from it; returns the files to be written, in this order.

        Raises:
            InputError: a key is missing or not the one that the DML names (``key-missing``, ``key-mismatch``).
        """
        if not self.changed:
            return []
        self.changed.add("timestamp")
        if self.changed - {"root", "timestamp"}:
            self.changed.add("snapshot")
        files = []
        for role in self.all():
            if role not in self.changed:
                continue
            data = self._sign(role, keys, now)
            metadata = self.metadata(role)
            described = MetaFile.from_data(metadata.signed.version, data, ["sha256"])
            if role == "snapshot":
                self.timestamp.signed.snapshot_meta = described
            elif role not in TOP or role == "targets":
                self.snapshot.signed.meta[f"{role}.json"] = described
            files.append(
                (layout.timestamp if role == "timestamp" else layout.role(role, metadata.signed.version), data)
            )
        self.stored |= self.changed
        self.changed = set()
        return files

    def _sign(self, role: str, keys: Keys, now: datetime.datetime) -> bytes:
        metadata, signer = self.metadata(role), keys.signer(role)
        delegator = self.root.signed if role in TOP else self.targets.signed
        if signer.public_key.keyid not in delegator.get_delegated_role(role).keyids:
            raise InputError(
                "key-mismatch",
                f"{keys.path(role)} is not the key that the DML names for the role {role}",
                hint="Name the directory with the keys of this DML.",
            )
        if role in self.stored:
            metadata.signed.version += 1
        metadata.signed.expires = now + datetime.timedelta(days=self.expiry.days(role))
        metadata.sign(signer)
        return metadata.to_bytes()


class _Loader:
    """Reads root, timestamp, snapshot, targets, delegated roles; each is verified by what came before."""

    def __init__(self, layout: DmlLayout, limits: Limits) -> None:
        self._layout = layout
        self._limits = limits

    def load(self) -> RoleSet:
        root: Metadata[Root] = Metadata.from_bytes(self._read(self._newest_root(), self._limits.root))
        root.signed.verify_delegate("root", root.signed_bytes, root.signatures)
        data = self._read(self._layout.timestamp, self._limits.timestamp)
        timestamp: Metadata[Timestamp] = self._verified(data, "timestamp", root.signed)
        described = timestamp.signed.snapshot_meta
        data = self._read(self._layout.role("snapshot", described.version), self._limits.snapshot)
        described.verify_length_and_hashes(data)
        snapshot: Metadata[Snapshot] = self._verified(data, "snapshot", root.signed)
        self._same_version("snapshot", snapshot, described)
        targets = self._targets("targets", snapshot, root.signed)
        delegations = targets.signed.delegations
        if delegations is None or delegations.roles is None:
            raise RepositoryError("targets delegates to nobody")
        delegated = {role: self._targets(role, snapshot, targets.signed) for role in delegations.roles}
        return RoleSet(root, targets, snapshot, timestamp, delegated, {*TOP, *delegated}, set())

    def _newest_root(self) -> pathlib.Path:
        names = (path.name.partition(".")[0] for path in self._layout.metadata.glob("*.root.json"))
        versions = [int(name) for name in names if name.isascii() and name.isdigit()]
        if not versions:
            raise RepositoryError("there is no root.json")
        return self._layout.role("root", max(versions))

    def _targets(self, role: str, snapshot: Metadata[Snapshot], delegator: Root | Targets) -> Metadata[Targets]:
        described = snapshot.signed.meta.get(f"{role}.json")
        if described is None:
            raise RepositoryError(f"snapshot does not name {role}")
        data = self._read(self._layout.role(role, described.version), self._limits.targets)
        described.verify_length_and_hashes(data)
        metadata: Metadata[Targets] = self._verified(data, role, delegator)
        self._same_version(role, metadata, described)
        return metadata

    @staticmethod
    def _verified(data: bytes, role: str, delegator: Root | Targets) -> Metadata[t.Any]:
        metadata: Metadata[t.Any] = Metadata.from_bytes(data)
        kind = role if role in TOP else "targets"
        if metadata.signed.type != kind:
            raise RepositoryError(f"{role} is of type {metadata.signed.type}, not {kind}")
        delegator.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
        return metadata

    @staticmethod
    def _same_version(role: str, metadata: Metadata[t.Any], described: MetaFile) -> None:
        if metadata.signed.version != described.version:
            raise BadVersionNumberError(f"{role} has version {metadata.signed.version}, not {described.version}")

    @staticmethod
    def _read(path: pathlib.Path, limit: int) -> bytes:
        try:
            with path.open("rb") as stream:
                data = stream.read(limit + 1)
        except FileNotFoundError:
            raise RepositoryError(f"{path.name} is missing") from None
        if len(data) > limit:
            raise RepositoryError(f"{path.name} is longer than {limit} bytes")
        return data
