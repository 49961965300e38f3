# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application that the sweep rolls out, in two versions, whichever product does it."""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import typing as t

from .boundaries import Recording, Trace

__all__ = ["AFTER", "BEFORE", "CANARY", "FLAGS", "PORT", "Command", "Patience", "Product", "digest", "write_sources"]

BEFORE, AFTER, PORT = "1.0.0", "2.0.0", 8080
CANARY = 4  # hosts that go first with that strategy: several, so that one of them can be ill and the rollout go on
FLAGS = "/run/relmgmt-faults"  # where the tracer of a host and the application look for what they are to do
_SOURCE = pathlib.Path(__file__).with_name("package")


class Patience(t.NamedTuple):
    """Seconds. confirm: that N has, to be confirmed; wait: that a host is given before anybody does anything, which is
    that and a way back."""

    confirm: float
    wait: float


class Command(t.NamedTuple):
    """A playbook, by its path or full name, and its extra variables."""

    playbook: str
    variables: t.Mapping[str, t.Any]


class Product(t.Protocol):
    """What rolls the application out. tree: what it keeps on a host, below /srv."""

    name: str
    tree: str

    def prepare(self) -> None:
        """Make what is rolled out, of both versions."""

    def roll_out(self, target: str, version: str, *, strategy: str, user: str, patient: bool = False) -> Command:
        """To a group of the inventory, the service as this user. patient: it has to go well, whatever time it takes."""

    def roll_back(self, target: str, *, user: str) -> Command:
        """To the version before."""

    def recording(self, controller: Trace, hosts: t.Mapping[str, Trace]) -> Recording:
        """What a rollout that went well left behind; ValueError if it did not."""


def write_sources(directory: pathlib.Path) -> None:
    """The files of both versions."""
    for version in (BEFORE, AFTER):
        source = directory / version
        shutil.copytree(_SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
        text = (source / "release.yml").read_text()
        (source / "release.yml").write_text(text.replace("@VERSION@", version))
        (source / "app" / "version").write_text(f"{version}\n")


def digest(tree: pathlib.Path) -> str:
    """Of the files of a tree, as the application computes it of its own."""
    sha = hashlib.sha256()
    for path in sorted(tree.iterdir()):
        sha.update(b"%s\0%s\0" % (path.name.encode(), path.read_bytes()))
    return sha.hexdigest()
