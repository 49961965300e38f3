# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nobody's environment goes into a plan: on the controller, it is the one that secrets come in."""

from __future__ import annotations

from ansible_collections.relmgmt.release.plugins.action.rollout_plan import ActionModule


def test_the_environment_is_no_fact() -> None:
    host = ActionModule._host("infos", {"ansible_facts": {"env": {"TOKEN": "hunter2"}, "system": "Linux"}})
    assert host.facts == {"system": "Linux"}
