# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One instance of a package on this host: where its things lie and how they are found (private)."""

from __future__ import annotations

import pathlib
import typing as t

from .._model.digest import hex_of, short
from .._model.errors import BackendError, InputError
from .._model.path import safe_path
from .._model.runtime import Runtime
from .disk import Disk
from .journal import History, Journal

if t.TYPE_CHECKING:
    from .._model.manifest import Manifest

__all__ = ["Instance", "Keeper", "NeedObjects", "Tools"]


class Keeper(t.Protocol):
    """Who sees to the way back while a verb, or a deployment that is not final, is in flight."""

    def arm(self, instance: Instance, *deployments: int) -> None:
        """Make sure that somebody does, before the deployments change places. The caller holds the lock.

        Raises:
            BackendError: nobody does (``guard-not-armed``).
        """

    def dismiss(self, instance: Instance) -> None:
        """Nothing of the instance is left to be guarded: undo what arming left on the host."""

    def reread(self) -> None:
        """``current`` was moved while nothing ran: let the service manager read again what it starts."""


class Tools(t.NamedTuple):
    """What the engine needs of the world: seconds since the boot, a way to wait, a command runner, and who sees to the
    way back (None: only the next verb does)."""

    clock: t.Callable[[], float]
    wait: t.Callable[[float], None]
    runner: t.Any
    guard: Keeper | None = None


class NeedObjects(Exception):
    """Files that are not here, or not whole; not an error: the controller sends them."""

    def __init__(self, digests: t.Iterable[str]) -> None:
        super().__init__("objects are missing")
        self.digests = sorted(digests)


class Instance:
    """``<root>/<team>/<app>/<instance>``."""

    def __init__(self, root: pathlib.Path, package: str, name: str) -> None:
        safe_path(package, what="package")
        if package.count("/") != 1 or "/" in safe_path(name, what="instance"):
            raise InputError("name-malformed", f"{package!r} is not of the form team/app, or {name!r} not a name")
        self.root = root
        self.package = package
        self.name = name
        self.disk = Disk(root.joinpath(*package.split("/"), name))
        self.journal = Journal(self.disk)

    @property
    def path(self) -> pathlib.Path:
        return self.disk.root

    def history(self) -> History:
        """The journal's account. Where it and the link ``current`` differ, the journal decides."""
        return self.journal.history()

    def meta(self, deployment: int | str) -> dict[str, t.Any]:
        """``version``, ``release``, ``profile``, ``versions`` of a deployment, or of a companion by its name.

        Raises:
            BackendError: it is not there (``deployment-missing``).
        """
        meta = self.disk.read_json("deployments", str(deployment), "meta.json")
        if not isinstance(meta, dict):
            raise BackendError(
                "deployment-missing",
                f"{self.path}: deployment {deployment} is not on this host",
                hint="host_info shows the deployments that it holds.",
            )
        return meta

    def manifest(self, deployment: int) -> Manifest:
        from .._model.manifest import Manifest

        return Manifest.from_dict(self.disk.read_json("deployments", str(deployment), "release", "manifest.json"))

    def runtime(self, deployment: int) -> Runtime:
        """How the deployment is run and judged; nothing for ``absent``."""
        if not deployment:
            from .adoption import adoption_of

            adoption = adoption_of(self)
            return adoption.runtime() if adoption is not None else Runtime()
        profile = self.disk.read_json("deployments", str(deployment), "profile", PROFILE)
        if profile is None:
            raise BackendError(
                "deployment-damaged",
                f"{self.path}: deployment {deployment} has lost its profile",
                hint="Stage the release again.",
            )
        return Runtime.from_dict(profile["runtime"])

    def deployments(self) -> list[int]:
        return sorted(int(name) for name in self.disk.names("deployments") if name.isdigit())

    def units(self) -> list[str]:
        """Digests of the unit trees that are here, complete."""
        return ["sha256:" + name for name in self.disk.names("units")]


PROFILE = "profile.json"


def release_name(version: str, digest: str) -> str:
    """``<version>-<digest8>``: readable, and distinct for two packages that claim one version."""
    return f"{version}-{short(digest)}"


def profile_name(digest: str) -> str:
    return hex_of(digest)
