# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a package says of its secrets; names alone stay names, so that a manifest keeps its digest."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Config, Manifest
from ansible_collections.relmgmt.release.plugins.module_utils._model.secret_need import SecretNeed

FULL = [
    {"name": "id", "fallback": "default", "default": ""},
    {"name": "key", "on_revert": "same_deployment"},
    {"name": "mail", "fallback": "previous"},
    "token",
]


def manifest(*secrets: t.Any) -> Manifest:
    about = {key: "x" for key in ("versioning", "type", "owner", "activation")}
    lists: dict[str, t.Any] = {"units": [], "state": [], "runtime": {}, "about": {}}
    config = {"secrets": list(secrets)}
    return Manifest.from_dict({"format": 1, "name": "a/b", "version": "1", **about, **lists, "config": config})


def test_needs_stand_beside_their_names() -> None:
    config = Config.from_dict({"secrets": FULL[::-1]})
    assert config.secrets == tuple(config.needs) == ("id", "key", "mail", "token")
    assert config.needs["id"] == SecretNeed("id", "default", "")
    assert config.needs["key"] == SecretNeed("key", on_revert="same_deployment")
    assert config.to_dict()["secrets"] == FULL


def test_a_manifest_without_the_new_keys_is_what_it_was() -> None:
    assert manifest("b", "a").to_dict()["config"]["secrets"] == ["a", "b"]
    said = {"name": "a", "fallback": "fail", "on_revert": "newest_held"}
    assert manifest("b", said).digest == manifest("a", "b").digest
    assert manifest("b", {"name": "a", "fallback": "previous"}).digest != manifest("a", "b").digest


@pytest.mark.parametrize(
    ("item", "part"),
    [
        (1, "neither a name"),
        ({"fallback": "fail"}, "neither a name"),
        ({"name": "a", "falback": "fail"}, "'falback' is none of"),
        ({"name": "a", "fallback": "guess"}, "secret a: fallback 'guess' is none of fail, previous, default"),
        ({"name": "a", "on_revert": 1}, "on_revert 1 is none of"),
        ({"name": "a", "fallback": "default"}, "belongs to"),
        ({"name": "a", "default": "x"}, "belongs to"),
        ({"name": "a", "fallback": "default", "default": 1}, "not a text"),
    ],
)
def test_a_need_is_refused_for(item: t.Any, part: str) -> None:
    with pytest.raises(InputError, match=part) as caught:
        Config.from_dict({"secrets": [item]})
    assert caught.value.code == "secret-need-malformed"


def test_a_name_counts_once() -> None:
    with pytest.raises(InputError) as caught:
        manifest("a", {"name": "a", "fallback": "previous"})
    assert caught.value.code == "secret-repeated"
