# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A package's configuration directory, made as a test wants it, and requests for its profiles."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.plugin_utils._profile import Request
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Secret

BLOB = {"digest": "sha256:" + "0" * 64, "size": 1}


class Package:
    """Writes files and answers manifest and requests."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.entries: list[dict[str, t.Any]] = []
        self.config: dict[str, t.Any] = {"templates": [], "secrets": [], "facts": []}
        self.runtime: dict[str, t.Any] = {}

    def file(self, path: str, text: str) -> Package:
        data = text.encode()
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self.entries.append({"path": path, "mode": "0644", "size": len(data), "digest": digest_of(data)})
        return self

    def template(self, text: str, path: str = "templates/app.ini.j2") -> Package:
        destination = pathlib.PurePath(path).stem
        self.config["templates"].append({"source": path, "destination": destination, "mode": "0640"})
        return self.file(path, text)

    def schema(self, schema: t.Any) -> Package:
        self.config["schema"] = "config.schema.json"
        return self.file("config.schema.json", json.dumps(schema))

    @property
    def manifest(self) -> Manifest:
        unit = {"name": "config", "kind": "files", "destination": "config", "blob": BLOB, "entries": self.entries}
        return Manifest.from_dict(
            {
                "format": 1,
                "name": "calendar/radicale",
                "version": "3.9.0",
                "versioning": "pep440",
                "type": "minor",
                "owner": "Calendar team",
                "units": [],
                "config": {**self.config, "unit": unit},
                "state": [],
                "runtime": self.runtime,
                "activation": "restart",
                "about": {},
            }
        )

    def request(self, host: str = "ci-ber-01", **changes: t.Any) -> Request:
        values: dict[str, t.Any] = {
            "host": host,
            "manifest": self.manifest,
            "template_dir": self.directory,
            "config": {"port": 5232},
            "secrets": {},
            "facts": {},
            "relmgmt": {"host": host, "release": "/srv/relmgmt/current/release"},
        }
        return Request(**{**values, **changes})


@pytest.fixture
def package(tmp_path: pathlib.Path) -> Package:
    return Package(tmp_path / "config")


@pytest.fixture
def secret() -> Secret:
    return Secret("ansible-vault:secrets.yml#htpasswd", "tops3cret'\nline", "0123456789ab")
