# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change asks of the service, as far as its files tell."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Runtime
from ansible_collections.relmgmt.release.plugins.plugin_utils._preview.changes import asked_by, service_of

RUNTIME = Runtime.from_dict({"service": {"driver": "systemd", "unit": "app.service", "unit_file": "app.service"}})
ABOUT: dict[str, t.Any] = {name: "semver" for name in ("versioning", "type", "owner")}
TEMPLATES = [
    {"source": f"{name}.j2", "destination": name, "mode": "0640", **asks}
    for name, asks in {
        "app.conf": {},
        "rights": {"on_change": "reload"},
        "banner": {"on_change": "none"},
        "app.service": {"on_change": "reload"},
    }.items()
]
MANIFEST = Manifest.from_dict(
    {
        **ABOUT,
        "format": 1,
        "name": "web/app",
        "version": "1.0.0",
        "units": [],
        "config": {"templates": TEMPLATES},
        "state": [],
        "runtime": {},
        "activation": "restart",
        "about": {},
    }
)


@pytest.mark.parametrize(
    ("changed", "done"),
    [
        (["profile/app.conf"], "restarted"),
        (["profile/rights"], "reloaded"),
        (["profile/rights", "profile/banner"], "reloaded"),
        (["profile/banner"], "not interrupted"),
        (["profile/rights", "profile/app.conf"], "restarted"),
        (["profile/app.service"], "restarted"),
        (["profile/gone.conf"], "restarted"),
        (["profile/rights", "release/app/run"], "restarted"),
        (["profile/rights", "/etc/tmpfiles.d/app.conf"], "restarted"),
        ([], "restarted"),
    ],
)
def test_the_file_that_asks_for_most_decides(changed: list[str], done: str) -> None:
    difference = {"before": dict.fromkeys(changed, "1"), "after": dict.fromkeys(changed, "2")}
    asked = asked_by(difference, MANIFEST, RUNTIME)
    assert service_of(RUNTIME, app="app", runs=True, asked=asked) == f"app.service is {done}"
