# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a client believes: the DML's roles, verified by TUF from the trusted root on (private).

The directory of the trusted state remembers the versions seen last, so that an older state of the DML is refused. tuf
asks for one client at a time in it, hence the lock.
"""

from __future__ import annotations

import pathlib
import typing as t

from ...module_utils._model.errors import InputError
from .._optional import optional
from .errors import RepositoryError, dml_missing, role_unknown, translated
from .fetcher import METADATA, DirectoryFetcher
from .files import exclusive, make_directory
from .layout import PACKAGES, DmlLayout, environment_role, team_role
from .limits import LIMITS, Clock, Limits, utc_now

if t.TYPE_CHECKING:
    from tuf.api.metadata import Metadata, Root, Targets
    from tuf.ngclient import Updater, UpdaterConfig
else:
    (Metadata,) = optional("tuf.api.metadata", "Metadata", package="tuf")
    Updater, UpdaterConfig = optional("tuf.ngclient", "Updater", "UpdaterConfig", package="tuf")

__all__ = ["Trust"]


class _Updater(Updater):
    """TUF's client, which shows the roles that it has verified, and takes a clock."""

    def __init__(
        self, state: pathlib.Path, root: bytes, fetcher: DirectoryFetcher, clock: Clock, limits: Limits
    ) -> None:
        config = UpdaterConfig(
            root_max_length=limits.root,
            timestamp_max_length=limits.timestamp,
            snapshot_max_length=limits.snapshot,
            targets_max_length=limits.targets,
        )
        super().__init__(str(state), METADATA, fetcher=fetcher, config=config, bootstrap=root)
        self._trusted_set.reference_time = clock()

    def role(self, name: str) -> Targets | None:
        """The role, verified; None if nobody delegates to it."""
        self.get_targetinfo(f"{name}/-/-")
        return t.cast("Targets | None", self._trusted_set.get(name))

    def role_names(self) -> list[str]:
        """All roles that the DML delegates to."""
        delegations = self._trusted_set.targets.delegations
        return sorted(delegations.roles or ()) if delegations else []


class Trust:
    """The DML as far as it can be believed; refreshed once, on first use."""

    def __init__(
        self,
        layout: DmlLayout,
        root: bytes,
        state: pathlib.Path,
        fetcher: DirectoryFetcher,
        *,
        clock: Clock = utc_now,
        limits: Limits = LIMITS,
    ) -> None:
        self._layout = layout
        self._root = root
        self._state = state
        self._fetcher = fetcher
        self._clock = clock
        self._limits = limits
        self._updater: _Updater | None = None

    def team(self, team: str) -> Targets:
        """What the team has published.

        Raises:
            InputError: ``team-unknown``, ``dml-missing``, ``trusted-root-malformed``.
            IntegrityError, BackendError: as in ``errors``.
        """
        return self._role(team_role(team))

    def environment(self, environment: str, team: str) -> Targets:
        """What is promoted to the environment. Raises like ``team``, and ``environment-unknown``."""
        return self._role(environment_role(environment, team))

    def environments(self, team: str) -> list[str]:
        """The environments that there are for the team."""
        self._role(team_role(team))
        return self._names()[1]

    def _names(self) -> tuple[list[str], list[str]]:
        pairs = [role.split("/", 1) for role in self._updater.role_names()] if self._updater else []
        teams = sorted({pair[1] for pair in pairs if pair[0] == PACKAGES})
        return teams, sorted({pair[0] for pair in pairs} - {PACKAGES})

    def _role(self, name: str) -> Targets:
        with translated(f"DML {self._layout.root}"):
            make_directory(self._state, mode=0o700)
            with exclusive(self._state / ".lock", what="trusted state", limits=self._limits):
                found = self._refreshed().role(name)
        if found is None:
            raise role_unknown(name, *self._names())
        return found

    def _refreshed(self) -> _Updater:
        if self._updater is None:
            if not self._layout.metadata.is_dir():
                raise dml_missing(self._layout.root)
            self._check_root()
            updater = _Updater(self._state, self._root, self._fetcher, self._clock, self._limits)
            updater.refresh()
            self._updater = updater
        return self._updater

    def _check_root(self) -> None:
        try:
            metadata: Metadata[Root] = Metadata.from_bytes(self._root)
            metadata.signed.verify_delegate("root", metadata.signed_bytes, metadata.signatures)
        except (RepositoryError, AttributeError) as exc:
            raise InputError(
                "trusted-root-malformed",
                f"the trusted root is not a root signed by itself: {exc}",
                hint="Take the file that dml_repository wrote, over a way that you trust.",
            ) from exc
