# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbooks have to have in common."""

from __future__ import annotations

import pathlib
import typing as t

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


def test_a_preview_asks_for_what_the_rollout_asks_for() -> None:
    asked = task("plan", "Plan it", "rollout_preview")["request"]
    assert asked == task("rollout", "Plan", "rollout_plan")
