# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which instance somebody on the host means: from what they typed, or from where the engine lies (private)."""

from __future__ import annotations

import os
import pathlib
import typing as t

from .._model.errors import InputError, RelmgmtError
from .engine_file import is_command
from .instance import Instance

__all__ = ["DEFAULT_ROOT", "Place", "instance_at", "locate"]

DEFAULT_ROOT = pathlib.Path("/srv/relmgmt")
_MARKS = ("journal", "current", "deployments")
_LINKS = 8


class Place(t.NamedTuple):
    """The root, and the instance in whose ``bin`` the engine lies."""

    root: pathlib.Path
    own: Instance | None

    def instances(self) -> list[Instance]:
        """All instances below the root, by name."""
        found = []
        for path in sorted(self.root.glob("*/*/*")):
            if _is_instance(path):
                try:
                    found.append(instance_at(path))
                except RelmgmtError:
                    continue  # no name that a stage would have accepted
        return found

    def meant(self, target: str) -> list[Instance]:
        """What ``team/app``, ``team/app/instance`` or a directory names; without a target the engine's own instance,
        or all.

        Raises:
            InputError: ``instance-unknown``.
        """
        if not target:
            return [self.own] if self.own is not None else self.instances()
        by_name = target.count("/") in (1, 2) and target[0] not in "/."
        if by_name and self.root.joinpath(target).is_dir():
            found = [one for one in self.instances() if target in (one.package, f"{one.package}/{one.name}")]
        else:
            path = pathlib.Path(os.path.abspath(target))
            found = [instance_at(path)] if _is_instance(path) else []
        if not found:
            raise InputError("instance-unknown", f"{target}: there is no such instance", hint=self._held())
        return found

    def one(self, target: str) -> Instance:
        """As ``meant``, but only one.

        Raises:
            InputError: ``instance-unknown``, or it is not clear which (``instance-ambiguous``).
        """
        found = self.meant(target)
        if not found:
            raise InputError("instance-unknown", f"There is no instance below {self.root}", hint=self._held())
        if len(found) > 1:
            raise InputError(
                "instance-ambiguous",
                f"{len(found)} instances could be meant",
                hint="Name one of: {}.".format(", ".join(f"{one.package}/{one.name}" for one in found)),
            )
        return found[0]

    def _held(self) -> str:
        names = [f"{one.package}/{one.name}" for one in self.instances()]
        if names:
            return "Below {} are: {}.".format(self.root, ", ".join(names))
        return f"Nothing was ever staged below {self.root}; --root names another root."


def locate(engine: pathlib.Path, root: str) -> Place:
    """Where to look: below ``root`` where it is given, else where the engine lies, else below the usual root.

    Paths are taken as they are named: a link that the root is reached by is part of what its services were told.
    """
    if root:
        return Place(pathlib.Path(os.path.abspath(root)), None)
    path = pathlib.Path(os.path.abspath(str(engine)))
    for _follow in range(_LINKS):
        for holder in path.parents:
            if holder.name == "bin" and _is_instance(holder.parent):
                own = instance_at(holder.parent)
                return Place(own.root, own)
            if holder.name == "bin" and is_command(holder.parent):
                return Place(holder.parent, None)
        if not path.is_symlink():
            break
        path = pathlib.Path(os.path.normpath(os.path.join(str(path.parent), os.readlink(str(path)))))
    return Place(DEFAULT_ROOT, None)


def instance_at(path: pathlib.Path) -> Instance:
    """The instance that the directory is. Raises InputError where its name is none."""
    if len(path.parts) < 4:
        raise InputError("instance-unknown", f"{path}: an instance lies at <root>/<team>/<app>/<instance>")
    return Instance(path.parents[2], "/".join(path.parts[-3:-1]), path.name)


def _is_instance(path: pathlib.Path) -> bool:
    return path.is_dir() and any(os.path.lexists(str(path / name)) for name in _MARKS)
