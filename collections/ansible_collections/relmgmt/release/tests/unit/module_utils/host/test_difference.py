# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says that staging would change: names, and nothing that values could be guessed by."""

from __future__ import annotations

import json

from ansible_collections.relmgmt.release.plugins.module_utils._host.difference import Side, difference
from ansible_collections.relmgmt.release.plugins.module_utils._host.placing import about_runtime
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of, short
from ansible_collections.relmgmt.release.plugins.module_utils._model.profile import Profile

from .engine import Package

V1, V2 = (Package(version, {"version": version.encode()}) for version in ("1.0.0", "2.0.0"))
PORT, GREETING, TOKEN = (digest_of(name.encode()) for name in ("80", "hello", "vault:token@1"))
WAS = {"config/port": PORT, "config/greeting": GREETING, "secrets/token": TOKEN}
NEWER = digest_of(b"profile 2")
OLDER = digest_of(b"profile 1")


def profile(**inputs: str) -> Profile:
    return Profile(NEWER, (), {}, inputs={name.replace("__", "/"): digest for name, digest in inputs.items()})


def test_what_the_configuration_is_made_of_is_named_where_it_differs() -> None:
    now = profile(config__port=PORT, config__colour=PORT, secrets__token=digest_of(b"vault:token@2"))
    found = difference(Side(V1.manifest, OLDER, {}, WAS), Side.brought(V1.manifest, now))
    assert {side: sorted(names) for side, names in found.items()} == {
        "before": ["config/greeting", "secrets/token"],
        "after": ["config/colour", "secrets/token"],
    }
    assert {*found["before"].values(), *found["after"].values()} == {
        "profile " + short(OLDER),
        "profile " + short(NEWER),
    }


def test_where_it_is_not_known_what_it_was_made_of_nothing_is_said_of_that() -> None:
    found = difference(Side(V1.manifest, OLDER, {}), Side.brought(V2.manifest, profile(config__port=PORT)))
    assert list(found["after"]) == ["release/app/version"]


def test_on_a_first_deployment_all_of_it_is_new() -> None:
    found = difference(None, Side.brought(V1.manifest, profile(config__port=PORT)))
    assert not found["before"]
    assert {"config/port", "release/app/version"} <= set(found["after"])


def test_what_a_profile_is_made_of_survives_the_wire_and_lies_beside_it() -> None:
    made = profile(config__port=PORT)
    assert Profile.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    assert json.loads(about_runtime(made))["inputs"] == {"config/port": PORT}
