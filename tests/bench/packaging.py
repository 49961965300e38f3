# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Building and fetching a package, beside what a shell needs for about the same: no hosts."""

from __future__ import annotations

import collections.abc
import pathlib
import shlex
import shutil

from .command import Command, ansible, measure
from .material import ENVIRONMENT, Material, package_of
from .sample import Phase, Sample
from .scenarios import Scenario

__all__ = ["OURS", "SHELL", "run"]

OURS, SHELL = "relmgmt", "shell"
_LEVEL = 10  # of zstd, as packages have it


def run(
    scenario: Scenario,
    material: Material,
    wheels: pathlib.Path,
    work: pathlib.Path,
    tell: collections.abc.Callable[[Sample], None],
) -> None:
    """Measure; every sample is told as it comes.

    Raises:
        BenchError: a command failed.
    """
    for repetition in range(scenario.repetitions):
        place = work / str(repetition)
        place.mkdir(parents=True)
        contestants = {OURS: _ours(material, wheels, place), SHELL: _shell(material, place)}
        for phase in (Phase.BUILD, Phase.FETCH):
            for name in sorted(contestants, reverse=bool(repetition % 2)):
                cost, _output = measure(contestants[name][phase])
                tell(Sample(scenario.name, name, phase, repetition, cost))
        shutil.rmtree(place)


def _ours(material: Material, wheels: pathlib.Path, place: pathlib.Path) -> dict[Phase, Command]:
    """The verbs as ad-hoc tasks: Ansible's own start is in it."""
    version = material.tree.new.number
    source = material.directory / "sources" / version / "release.yml"
    settings = material.settings(place / "client")

    def verb(name: str, arguments: str) -> Command:
        return ansible("ansible", "localhost", "-m", f"relmgmt.release.{name}", "-a", arguments, work=place, **settings)

    return {
        Phase.BUILD: verb("package_build", f"release_file={source} output={place}/package wheelhouse={wheels}"),
        Phase.FETCH: verb(
            "package_fetch", f"name={package_of(material.tree)} version={version} environment={ENVIRONMENT}"
        ),
    }


def _shell(material: Material, place: pathlib.Path) -> dict[Phase, Command]:
    """Build: one tar, compressed as much, and a digest of every file. Fetch: a copy of what lies in a cache."""
    version = material.tree.new
    tree, blob = material.unpacked(version), place / "tree.tar.zst"
    layout = material.directory / "packages" / version.number
    build = (
        f"set -eo pipefail; tar -c -C {shlex.quote(str(tree))} . | zstd -q -{_LEVEL} >{shlex.quote(str(blob))}; "
        f"cd {shlex.quote(str(tree))}; find . -type f -print0 | xargs -0 sha256sum >{shlex.quote(str(place))}/sums"
    )
    copies = " ".join(shlex.quote(str(path)) for path in (layout, tree, place / "copy"))
    return {
        Phase.BUILD: Command(("bash", "-c", build)),
        Phase.FETCH: Command(("bash", "-c", f"mkdir {shlex.quote(str(place / 'copy'))} && cp -r {copies}")),
    }
