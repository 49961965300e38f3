# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet out of what the registry knows."""

from __future__ import annotations

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._inventory import Item, groups, recorded


def row(host: str, version: str = "1", **changes: str) -> dict[str, str]:
    about = {"site": "berlin", "environment": "prod", "package": "team/app", "instance": "main"}
    times = {"since": "then", "heard": "1", "outcome": "confirmed"}
    return {"host": host, "version": version, **about, **times, **changes}


def test_hosts_have_the_packages_that_they_were_last_seen_with() -> None:
    rows = [
        row("b"),
        row("a", "2"),
        row("a", "3", package="team/other"),
        row("a", "absent", instance="old"),
        row("b", "unknown", package="team/lost"),
    ]
    assert recorded(rows).items == (
        Item("a", "berlin", "prod", {"team/app": {"main": "2"}, "team/other": {"main": "3"}}),
        Item("b", "berlin", "prod", {"team/app": {"main": "1"}}),
    )


def test_a_host_that_was_moved_is_where_it_was_seen_last() -> None:
    found = recorded([row("a", heard="2"), row("a", site="paris", environment="ci")])
    assert [(item.site, item.environment) for item in found.items] == [("berlin", "prod")]


def test_a_host_without_a_site_is_in_no_group_of_a_site() -> None:
    assert "site_" not in groups(recorded([row("a", site="")]))


def test_only_the_environments_and_packages_that_were_named_are_shown() -> None:
    rows = [row("a"), row("b", environment="ci"), row("c", package="team/other")]
    assert [item.host for item in recorded(rows, environments={"prod": {}}).items] == ["a", "c"]
    assert [item.host for item in recorded(rows, packages=["team/app"]).items] == ["a", "b"]


def test_a_registry_that_knows_no_such_host_is_refused() -> None:
    with pytest.raises(RelmgmtError) as caught:
        recorded([row("a")], environments=["ci"])
    assert caught.value.code == "inventory-empty"
