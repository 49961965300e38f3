# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The package that the sweep rolls out: built, published and promoted by the collection's own playbooks."""

from __future__ import annotations

import hashlib
import pathlib
import shutil

from .controller import Controller

__all__ = ["AFTER", "BEFORE", "ENVIRONMENT", "PACKAGE", "PORT", "digest", "publish"]

PACKAGE, BEFORE, AFTER, PORT = "faults/app", "1.0.0", "2.0.0", 8080
ENVIRONMENT = "prod"
_SOURCE = pathlib.Path(__file__).with_name("package")


def publish(controller: Controller) -> None:
    """Make a DML and put both versions into it."""
    controller.verb("dml_repository", "teams=faults", f"environments={ENVIRONMENT}")
    for version in (BEFORE, AFTER):
        source = _write_source(controller.work / "source" / version, version)
        layout = controller.work / "build" / version
        controller.play("package", relmgmt_release_file=f"{source}/release.yml", relmgmt_layout=str(layout))
        about = {"relmgmt_package": PACKAGE, "relmgmt_version": version, "relmgmt_environment": ENVIRONMENT}
        controller.play("promote", **about)


def _write_source(source: pathlib.Path, version: str) -> pathlib.Path:
    shutil.copytree(_SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    text = (source / "release.yml").read_text()
    (source / "release.yml").write_text(text.replace("@VERSION@", version))
    (source / "app" / "version").write_text(f"{version}\n")
    return source


def digest(tree: pathlib.Path) -> str:
    """Of the files of a tree, as the application computes it of its own."""
    sha = hashlib.sha256()
    for path in sorted(tree.iterdir()):
        sha.update(b"%s\0%s\0" % (path.name.encode(), path.read_bytes()))
    return sha.hexdigest()
