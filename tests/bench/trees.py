# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trees that are delivered: two consecutive releases of a package from PyPI, pinned by hash in ``locks/``."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

__all__ = ["ANSIBLE", "DJANGO", "LOCKS", "Tree", "TreeFigures", "Version"]

LOCKS = pathlib.Path(__file__).parent / "locks"


@dataclasses.dataclass(frozen=True)
class Version:
    """A release, and text of the served file that no other release has."""

    number: str
    marker: str


@dataclasses.dataclass(frozen=True)
class Tree:
    """A wheel in two versions, and the file of it that the service serves."""

    name: str
    file: str
    old: Version
    new: Version

    @property
    def versions(self) -> tuple[Version, Version]:
        return self.old, self.new

    @property
    def title(self) -> str:
        return f"{self.name} {self.old.number} → {self.new.number}"

    def lock(self, version: Version) -> pathlib.Path:
        """The requirements file that pins the wheel."""
        return LOCKS / f"{self.name}-{version.number}.txt"


@dataclasses.dataclass(frozen=True)
class TreeFigures:
    """How large the new version is, in files and bytes, and how many of its files the old one does not have."""

    files: int
    size: int
    changed: int

    @classmethod
    def of(cls, old: pathlib.Path, new: pathlib.Path) -> t.Self:
        """Compare two directories."""
        found = [path for path in new.rglob("*") if path.is_file()]
        changed = sum(not _same(path, old / path.relative_to(new)) for path in found)
        return cls(len(found), sum(path.stat().st_size for path in found), changed)


def _same(one: pathlib.Path, other: pathlib.Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


DJANGO = Tree(
    "django",
    "django/__init__.py",
    Version("5.2.6", "VERSION = (5, 2, 6,"),
    Version("5.2.7", "VERSION = (5, 2, 7,"),
)
ANSIBLE = Tree(
    "ansible",
    "ansible_collections/ansible_release.py",
    Version("11.12.0", "'11.12.0'"),
    Version("11.13.0", "'11.13.0'"),
)
