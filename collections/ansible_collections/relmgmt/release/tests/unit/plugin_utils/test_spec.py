# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.relmgmt.release.plugins.plugin_utils import _spec
from ansible_collections.relmgmt.release.plugins.plugin_utils._spec import argument_spec

VERBS = sorted(path.stem for path in (pathlib.Path(_spec.__file__).parents[1] / "modules").glob("*.py"))
SAMPLES: dict[str, t.Any] = {
    "str": "text",
    "path": "/path",
    "int": 1,
    "bool": True,
    "list": [],
    "dict": {},
    "float": 1.5,
}


def samples(spec: dict[str, t.Any], *, all_of_them: bool) -> dict[str, t.Any]:
    """A value for every option, or for those alone that have to be given."""
    return {
        name: option["choices"][0]
        if "choices" in option
        else samples(option["options"], all_of_them=True)
        if option["type"] == "dict" and "options" in option
        else SAMPLES[option["type"]]
        for name, option in spec.items()
        if all_of_them or option.get("required")
    }


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("all_of_them", [True, False], ids=["all", "required"])
def test_the_documentation_of_every_verb_is_a_specification(verb: str, all_of_them: bool) -> None:
    spec = argument_spec(verb)
    given = samples(spec, all_of_them=all_of_them)
    result = ArgumentSpecValidator(spec).validate(given)
    assert result.error_messages == []
    assert set(result.validated_parameters) == set(spec)


@pytest.mark.parametrize("verb", VERBS)
def test_defaults_are_of_their_type_and_among_the_choices(verb: str) -> None:
    for name, option in argument_spec(verb).items():
        if "default" in option:
            assert not option.get("required"), name
            assert isinstance(option["default"], type(SAMPLES[option["type"]])), name
            assert option["default"] in option.get("choices", [option["default"]]), name


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_not_documented_is_refused(verb: str) -> None:
    spec = argument_spec(verb)
    given = {**samples(spec, all_of_them=False), "colour": "green"}
    assert "colour" in " ".join(ArgumentSpecValidator(spec).validate(given).error_messages)


def test_options_come_from_the_fragments_too() -> None:
    spec = argument_spec("release_activate")
    assert {"package", "instance", "root", "fence", "on_failure", "deployment", "confirm_timeout"} == set(spec)
    assert (spec["on_failure"]["choices"], spec["on_failure"]["default"]) == (["fail", "report"], "fail")
    assert spec["fence"]["options"]["token"] == {"type": "int", "required": True}


def test_a_verb_s_own_option_wins_over_that_of_a_fragment() -> None:
    assert argument_spec("release_activate")["package"]["required"] is True
    assert not argument_spec("host_info")["package"].get("required")


def test_a_section_of_a_fragment_is_taken_alone() -> None:
    assert {"keys", "dml"} <= set(argument_spec("package_publish"))
    assert "trusted_root" not in argument_spec("package_publish")


def test_only_what_validates_is_taken_over() -> None:
    assert all("description" not in option for verb in VERBS for option in argument_spec(verb).values())
