# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small project that can be built, and wheels made by hand."""

from __future__ import annotations

import base64
import collections.abc
import hashlib
import pathlib
import typing as t
import zipfile

import pytest
import yaml

Release = dict[str, t.Any]
MakeWheel = collections.abc.Callable[..., str]


@pytest.fixture
def release() -> Release:
    """What the release.yml of ``project`` says."""
    return {
        "format": 1,
        "name": "web/shop",
        "version": "1.2.3",
        "versioning": "semver",
        "type": "minor",
        "owner": "Web team",
        "units": [{"name": "app", "kind": "files", "source": "src", "destination": "app", "excludes": ["*.pyc"]}],
        "config": {
            "schema": "config.schema.json",
            "templates": [{"source": "shop.ini.j2", "destination": "shop.ini"}],
            "secrets": ["token"],
        },
        "state": [{"name": "uploads", "path": "app/data/uploads"}],
        "service": {"driver": "command", "command": ["{{ relmgmt.release }}/app/run"]},
    }


@pytest.fixture
def project(tmp_path: pathlib.Path, release: Release) -> pathlib.Path:
    """A directory with everything that ``release`` names."""
    directory = tmp_path / "project"
    (directory / "src" / "lib").mkdir(parents=True)
    (directory / "src" / "run").write_text("#!/bin/sh\n")
    (directory / "src" / "run").chmod(0o755)
    (directory / "src" / "lib" / "module.py").write_text("VALUE = 1\n")
    (directory / "src" / "lib" / "module.pyc").write_bytes(b"\0")
    (directory / "src" / "start").symlink_to("run")
    (directory / "config.schema.json").write_text('{"type": "object"}')
    (directory / "shop.ini.j2").write_text("port = {{ config.port }}\n")
    save(directory, release)
    return directory


@pytest.fixture
def write(project: pathlib.Path, release: Release) -> collections.abc.Callable[..., pathlib.Path]:
    """Writes release.yml with some keys changed (None: left out) and returns its path."""

    def _write(**changes: t.Any) -> pathlib.Path:
        merged = {key: value for key, value in {**release, **changes}.items() if value is not None}
        return save(project, merged)

    return _write


@pytest.fixture
def make_wheel(project: pathlib.Path) -> MakeWheel:
    """Puts a wheel into the wheelhouse and returns its pin."""

    def _make(
        name: str = "demo",
        version: str = "1.0",
        *,
        tag: str = "py3-none-any",
        build: str = "",
        files: dict[str, str] | None = None,
        record: dict[str, str] | None = None,
    ) -> str:
        info = f"{name}-{version}.dist-info"
        contents = {
            f"{name}/__init__.py": "def run():\n    print('hello')\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
            **(files or {}),
        }
        rows = {member: _recorded(text) for member, text in contents.items()} | (record or {})
        lines = [f"{member},{digest}," for member, digest in rows.items()] + [f"{info}/RECORD,,"]
        contents[f"{info}/RECORD"] = "\n".join(lines) + "\n"
        wheelhouse = project / "wheelhouse"
        wheelhouse.mkdir(exist_ok=True)
        path = wheelhouse / "-".join(part for part in (name, version, build, tag + ".whl") if part)
        with zipfile.ZipFile(path, "w") as archive:
            for member, text in contents.items():
                archive.writestr(member, text)
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"

    return _make


@pytest.fixture
def write_wheels(
    project: pathlib.Path, write: collections.abc.Callable[..., pathlib.Path]
) -> collections.abc.Callable[..., pathlib.Path]:
    """Writes release.yml with one ``wheels`` unit of these requirement lines."""

    def _write(*lines: str, tags: collections.abc.Sequence[str] = ("py3-none-any",), **changes: t.Any) -> pathlib.Path:
        (project / "requirements.txt").write_text("\n".join(lines) + "\n")
        unit = {"name": "app", "kind": "wheels", "source": "requirements.txt", "destination": "app", "tags": list(tags)}
        return write(units=[unit], state=[], **changes)

    return _write


def save(directory: pathlib.Path, release: Release) -> pathlib.Path:
    path = directory / "release.yml"
    path.write_text(yaml.safe_dump(release, sort_keys=False))
    return path


def _recorded(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
