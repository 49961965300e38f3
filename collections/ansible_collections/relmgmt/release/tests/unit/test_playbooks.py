# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbooks have to have in common."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

PLAYBOOKS = pathlib.Path(__file__).parents[2] / "playbooks"


def task(playbook: str, name: str, verb: str) -> dict[str, t.Any]:
    """The arguments of a task of the playbook."""
    plays = yaml.safe_load((PLAYBOOKS / f"{playbook}.yml").read_text())
    return next(
        dict(task[f"relmgmt.release.{verb}"])
        for play in plays
        for task in play.get("tasks", ())
        if task["name"] == name
    )


@pytest.mark.parametrize(
    ("kind", "playbook"), [("rollout", "rollout"), ("rollback", "rollback"), ("rehearsal", "rehearse")]
)
def test_a_preview_asks_for_what_the_run_asks_for(kind: str, playbook: str) -> None:
    plays = yaml.safe_load((PLAYBOOKS / "plan.yml").read_text())
    (asked,) = [play["vars"]["relmgmt_requests"][kind] for play in plays if "vars" in play]
    wanted = task(playbook, "Plan", "rollout_plan")
    # What a rollback needs is undefined in the preview of anything else.
    assert asked == {**wanted, "version": "{{ relmgmt_version | default('') }}"}
