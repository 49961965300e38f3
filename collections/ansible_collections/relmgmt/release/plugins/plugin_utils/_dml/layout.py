# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things lie in a DML, and what its roles and targets are called (private).

``metadata/`` holds TUF metadata with consistent snapshots, ``blobs/sha256/`` bytes by their digest, ``inbox/`` what
teams submit for a steward to accept. Nothing private lies in a DML.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import urllib.parse

from ...module_utils._model.digest import hex_of
from ...module_utils._model.errors import InputError
from ...module_utils._model.manifest import check_name, check_version

__all__ = ["PACKAGES", "DmlLayout", "check_environment", "check_team", "environment_role", "target_path", "team_role"]

PACKAGES = "packages"
_PART = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")


@dataclasses.dataclass(frozen=True)
class DmlLayout:
    """The paths of a DML in a directory."""

    root: pathlib.Path

    @property
    def metadata(self) -> pathlib.Path:
        return self.root / "metadata"

    @property
    def blobs(self) -> pathlib.Path:
        return self.root / "blobs" / "sha256"

    @property
    def inbox(self) -> pathlib.Path:
        return self.root / "inbox"

    @property
    def lock(self) -> pathlib.Path:
        return self.root / ".lock"

    @property
    def timestamp(self) -> pathlib.Path:
        """The one metadata file that is ever replaced; it is written last."""
        return self.metadata / "timestamp.json"

    def role(self, name: str, version: int) -> pathlib.Path:
        """Metadata of a role, named as TUF clients ask for them."""
        return self.metadata / f"{version}.{urllib.parse.quote(name, '')}.json"

    def blob(self, digest: str) -> pathlib.Path:
        return self.blobs / hex_of(digest)


def check_team(value: str) -> str:
    """The value itself if it can name a team.

    Raises:
        InputError: it cannot (``name-malformed``).
    """
    return _part(value, what="team")


def check_environment(value: str) -> str:
    """The value itself if it can name an environment.

    Raises:
        InputError: it cannot (``name-malformed``), or the name has a meaning of its own (``name-reserved``).
    """
    if value == PACKAGES:
        raise InputError(
            "name-reserved",
            f"environment: the name {value!r} is taken by the teams' own roles",
            hint="Choose another name, such as ci, staging or prod.",
        )
    return _part(value, what="environment")


def _part(value: str, *, what: str) -> str:
    if not _PART.match(value):
        raise InputError("name-malformed", f"{what}: {value!r} is not a name of a-z, 0-9, '_', '-'", hint="Choose one.")
    return value


def team_role(team: str) -> str:
    """The role that signs what a team has published."""
    return f"{PACKAGES}/{check_team(team)}"


def environment_role(environment: str, team: str) -> str:
    """The role that signs which of a team's packages are promoted to an environment."""
    return f"{check_environment(environment)}/{check_team(team)}"


def target_path(role: str, name: str, version: str) -> str:
    """The target of a package's version below a role of the package's team.

    Raises:
        InputError: name or version cannot be part of a path (``name-malformed``, ``version-malformed``).
    """
    app = check_name(name).partition("/")[2]
    return f"{role}/{app}/{check_version(version)}"
