# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is delivered: wheels from PyPI, a DML that holds the packages made of them, and archives of the same files."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import subprocess
import sys

import yaml

from .command import Command, ansible, measure
from .error import BenchError
from .trees import Tree, Version

__all__ = ["ENVIRONMENT", "Material", "fetch_wheels", "package_of", "prepare", "write_release"]

ENVIRONMENT = "prod"
_TEAM = "bench"
_SOURCE = pathlib.Path(__file__).parent / "release"


@dataclasses.dataclass(frozen=True)
class Material:
    """A tree in all the forms in which it is delivered, below one directory."""

    tree: Tree
    directory: pathlib.Path

    def settings(self, client: pathlib.Path) -> dict[str, pathlib.Path]:
        """Where the collection's verbs find the DML, and keep what is theirs: below ``client``."""
        return {
            "RELMGMT_DML": self.directory / "dml",
            "RELMGMT_KEYS": self.directory / "keys",
            "RELMGMT_TRUSTED_ROOT": self.directory / "trusted-root.json",
            "RELMGMT_CACHE": client / "cache",
            "RELMGMT_REGISTRY": client / "registry" / "registry.db",
        }

    def unpacked(self, version: Version) -> pathlib.Path:
        """The files as a host has them: ``tree/`` and ``server/``."""
        return self.directory / "unpacked" / version.number

    def archive(self, version: Version, *, compressed: bool) -> pathlib.Path:
        """A tar of the unpacked files."""
        return self.directory / f"{version.number}.tar{'.gz' if compressed else ''}"


def package_of(tree: Tree) -> str:
    """The name of the tree's package."""
    return f"{_TEAM}/{tree.name}"


def fetch_wheels(tree: Tree, house: pathlib.Path) -> None:
    """Fetch the tree's wheels from PyPI by their pinned hashes, unless they are there.

    Raises:
        BenchError: pip could not.
    """
    house.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    for version in tree.versions:
        if not list(house.glob(f"{tree.name}-{version.number}-*.whl")):
            options = ["--no-deps", "--only-binary", ":all:", "--dest", str(house)]
            if subprocess.run([*pip, *options, "--requirement", str(tree.lock(version))], check=False).returncode:
                raise BenchError(f"{tree.name} {version.number} cannot be fetched: see what pip says above")


def write_release(tree: Tree, version: Version, directory: pathlib.Path, *, port: int) -> pathlib.Path:
    """Write the sources of the package, ``release.yml`` and all; returns its path."""
    shutil.copytree(_SOURCE, directory)
    shutil.copy(tree.lock(version), directory / "requirements.txt")
    probe = {"name": "web", "kind": "http", "url": f"http://127.0.0.1:{port}/", "contains": version.marker}
    release = {
        "format": 1,
        "name": package_of(tree),
        "version": version.number,
        "versioning": "pep440",
        "type": "minor",
        "owner": "Benchmark",
        "units": [
            {
                "name": "tree",
                "kind": "wheels",
                "source": "requirements.txt",
                "destination": "tree",
                "tags": ["py3-none-any"],
            },
            {"name": "server", "kind": "files", "source": "server", "destination": "server"},
        ],
        "config": {
            "schema": "config.schema.json",
            "templates": [
                {"source": "templates/serve.json.j2", "destination": "serve.json"},
                {"source": "templates/relmgmt-bench.service.j2", "destination": "relmgmt-bench.service"},
            ],
        },
        "service": {
            "driver": "systemd",
            "unit": "relmgmt-bench.service",
            "unit_file": "relmgmt-bench.service",
            "user": "www-data",
        },
        "probes": [probe],
    }
    path = directory / "release.yml"
    path.write_text(yaml.safe_dump(release, sort_keys=False))
    return path


def prepare(tree: Tree, wheels: pathlib.Path, directory: pathlib.Path, *, port: int) -> Material:
    """Fill a new DML with both versions, promoted, and make the archives; none of it is measured.

    Raises:
        BenchError: a step failed.
    """
    fetch_wheels(tree, wheels)
    directory.mkdir(parents=True)
    material = Material(tree, directory)
    client = directory / "client"
    _verb(material, client, "dml_repository", teams=_TEAM, environments=ENVIRONMENT)
    for version in tree.versions:
        source = write_release(tree, version, directory / "sources" / version.number, port=port)
        layout = directory / "packages" / version.number
        _verb(material, client, "package_build", release_file=source, output=layout, wheelhouse=wheels)
        _verb(material, client, "package_publish", layout=layout)
        promoted = {"name": package_of(tree), "version": version.number, "environment": ENVIRONMENT}
        _verb(material, client, "package_promote", **promoted)
        _verb(material, client, "package_fetch", **promoted)
        _archive(material, version, client / "cache" / "packages")
    shutil.rmtree(client)
    return material


def _verb(material: Material, client: pathlib.Path, name: str, /, **arguments: str | pathlib.Path) -> None:
    """One of the collection's controller verbs."""
    words = " ".join(f"{key}={value}" for key, value in arguments.items())
    measure(
        ansible(
            "ansible",
            "localhost",
            "-m",
            f"relmgmt.release.{name}",
            "-a",
            words,
            work=client,
            **material.settings(client),
        )
    )


def _archive(material: Material, version: Version, packages: pathlib.Path) -> None:
    """Take over the units of the one package that is in the cache, so that everybody delivers the same bytes."""
    (units,) = packages.glob("*/units")
    unpacked = material.unpacked(version)
    unpacked.parent.mkdir(exist_ok=True)
    units.rename(unpacked)
    shutil.rmtree(packages)
    for compressed in (False, True):
        archive = material.archive(version, compressed=compressed)
        measure(Command(("tar", "-caf", str(archive), "-C", str(unpacked), "--owner=0", "--group=0", ".")))
