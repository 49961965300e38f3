# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps between two versions of a schema."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.module_utils._model.migration import Migration, migrations_of


def declared(*phases: str, **about: t.Any) -> dict[str, t.Any]:
    """Versions a, b, c and so on; what it takes to come to one is its name."""
    steps = [{"phase": phase, "to": to, "up": [f"+{to}"], "down": [f"-{to}"]} for phase, to in zip(phases, "bcdefg")]
    return {"database": "shop", "current": ["ask"], "from": "a", "steps": steps, **about}


ALL = Migration.from_dict(declared("expand", "expand", "migrate", "contract"))


@pytest.mark.parametrize(
    ("origin", "target", "commands", "versions"),
    [
        ("a", "a", [], []),
        ("a", "c", ["+b", "+c"], ["b", "c"]),
        ("c", "e", ["+d", "+e"], ["d", "e"]),
        ("e", "a", ["-e", "-d", "-c", "-b"], ["d", "c", "b", "a"]),
        ("c", "b", ["-c"], ["b"]),
    ],
)
def test_a_way_takes_the_steps_between_two_versions(
    origin: str, target: str, commands: list[str], versions: list[str]
) -> None:
    way = ALL.way(origin, target)
    assert [move.command for move in way] == [(command,) for command in commands]
    assert [move.target for move in way] == versions
    assert [move.origin for move in way] == [origin, *versions][: len(way)]


@pytest.mark.parametrize(
    ("phases", "ready"),
    [(["contract"], "a"), (["expand"], "b"), (["expand", "migrate", "contract", "contract"], "c")],
)
def test_both_releases_run_on_what_expand_and_migrate_leave(phases: list[str], ready: str) -> None:
    assert Migration.from_dict(declared(*phases)).ready == ready


def test_what_a_controller_is_told_holds_no_commands() -> None:
    assert Migration.from_dict(declared("expand")).about() == {
        "database": "shop",
        "from": "a",
        "steps": [{"phase": "expand", "to": "b", "irreversible": False}],
    }


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"database": "The Shop"}, "name-malformed"),
        ({"from": "a b"}, "schema-version-malformed"),
        ({"from": 3}, "schema-version-malformed"),
        ({"steps": []}, "migration-order"),
        ({"current": "ask"}, "command-malformed"),
    ],
)
def test_what_is_malformed_is_refused_also_where_no_schema_was_asked(wrong: dict[str, t.Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        Migration.from_dict(declared("expand", **wrong))
    assert caught.value.code == code


def test_a_step_of_an_unknown_phase_or_with_half_a_command_is_refused() -> None:
    for step, code in (
        ({"phase": "shrink"}, "migration-phase-unknown"),
        ({"up": []}, "command-malformed"),
        ({"timeout": -1}, "seconds-malformed"),
        ({"irreversible": True}, "migration-way-back"),
        ({"down": []}, "migration-way-back"),
    ):
        data = declared("expand")
        data["steps"][0].update(step)
        with pytest.raises(InputError) as caught:
            Migration.from_dict(data)
        assert caught.value.code == code


def test_a_database_has_one_migration() -> None:
    with pytest.raises(InputError) as caught:
        migrations_of({"migrations": [declared("expand"), declared("expand")]})
    assert caught.value.code == "database-repeated"
