# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How layers of variables become one configuration, and where each value comes from."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.plugin_utils._profile import merge_layers, sources

APP = "calendar/radicale"


def layered(**layers: t.Any) -> dict[str, t.Any]:
    return {("c__" + name).removesuffix("__last"): {APP: values} for name, values in layers.items()}


@pytest.mark.parametrize(
    ("variables", "merged"),
    [
        ({}, {}),
        ({"c": None, "c__a": {APP: None}, "c__b": {"other/app": {"x": 1}}}, {}),
        (layered(last={"x": 3}, b={"x": 2}, a={"x": 1}), {"x": 3}),
        (layered(b={"x": 2}, a={"x": 1, "y": 1}), {"x": 2, "y": 1}),
        (layered(a={"m": {"x": 1, "n": {"y": 1}}}, b={"m": {"n": {"z": 2}}}), {"m": {"x": 1, "n": {"y": 1, "z": 2}}}),
        (layered(a={"l": [1, 2]}, b={"l": [3]}), {"l": [3]}),
        (layered(a={"m": {"x": 1}}, b={"m": 1}, c={"m": {"y": 2}}), {"m": {"y": 2}}),
        (layered(a={"m": {"x": 1}}, b={"m": None}), {"m": None}),
        ({"cx": {APP: {"x": 1}}, "c_a": {APP: {"x": 1}}}, {}),
    ],
)
def test_merge(variables: dict[str, t.Any], merged: dict[str, t.Any]) -> None:
    assert merge_layers(variables, "c", APP) == merged


def test_layers_stay_as_they_are() -> None:
    variables = layered(a={"m": {"x": 1}, "l": [{"y": 1}]}, b={"m": {"z": 1}})
    merged = merge_layers(variables, "c", APP)
    merged["m"]["x"] = merged["l"][0]["y"] = 2
    assert variables == layered(a={"m": {"x": 1}, "l": [{"y": 1}]}, b={"m": {"z": 1}})


@pytest.mark.parametrize(
    ("variables", "name"),
    [({"c__site": "x"}, "c__site is a str"), ({"c": {APP: ["x"]}}, "c['calendar/radicale'] is a list")],
)
def test_a_layer_that_is_no_mapping_is_named(variables: dict[str, t.Any], name: str) -> None:
    with pytest.raises(InputError) as caught:
        merge_layers(variables, "c", APP)
    assert (caught.value.code, name in caught.value.message) == ("config-layer-malformed", True)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (("x",), ["c__b"]),
        (("m", "y"), ["c__a"]),
        (("m",), ["c"]),
        (("m", "missing"), ["c__a", "c"]),
        (("l", 0), ["c__a"]),
        (("missing",), ["c__a", "c__b", "c"]),
        ((), ["c__a", "c__b", "c"]),
    ],
)
def test_sources(path: tuple[str | int, ...], names: list[str]) -> None:
    variables = layered(a={"x": 1, "m": {"y": 1}, "l": [1]}, b={"x": 2}, last={"m": {"z": 1}})
    assert sources(variables, "c", APP, path) == names
