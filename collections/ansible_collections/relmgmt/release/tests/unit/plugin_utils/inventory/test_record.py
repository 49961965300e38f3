# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records out of inventory and registry, and what differs from those of a CMDB."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._inventory import (
    Cmdb,
    Placed,
    Record,
    compare,
    known,
    placed,
)

INVENTORY: dict[str, dict[str, t.Any]] = {
    "a": {
        "relmgmt_site": "berlin",
        "relmgmt_environment": "prod",
        "relmgmt_packages": {"t/app": {"main": "2", "second": ""}},
    },
    "b": {"relmgmt_site": "berlin", "relmgmt_environment": "prod"},
    "router": {},
}
FIELDS = frozenset(Record._fields)


def same(value: t.Any) -> t.Any:
    return value


def seen(host: str, package: str, version: str, **changes: str) -> dict[str, str]:
    at = {"host": host, "site": "berlin", "environment": "prod", "package": package, "instance": "main"}
    return {**at, "version": version, "outcome": "confirmed", "since": "then", "heard": "now", **changes}


def here(*standings: dict[str, str]) -> list[Record]:
    return known(placed(INVENTORY, INVENTORY, all_of_them=False, plain=same), standings)


def test_records_join_what_is_wanted_with_what_runs() -> None:
    rows = [seen("a", "t/app", "1"), seen("a", "t/old", "7", outcome="reverted"), seen("elsewhere", "t/app", "1")]
    rows += [seen("a", "t/gone", "absent"), seen("a", "t/app", "adopted", instance="second")]
    at = ("berlin", "prod")
    assert here(*rows) == [
        Record("a", *at, "t/app", "main", "1", "2", "then", "confirmed"),
        Record("a", *at, "t/app", "second", "", "newest", "", "adopted"),
        Record("a", *at, "t/old", "main", "7", "", "then", "reverted"),
        Record("b", *at),
    ]


def test_a_host_of_which_nothing_is_said_is_no_configuration_item_unless_it_was_named() -> None:
    assert placed(INVENTORY, ["router"], all_of_them=False, plain=same) == {}
    assert placed(INVENTORY, ["router"], all_of_them=True, plain=same) == {"router": Placed("", "", {})}


def test_packages_may_be_written_as_in_a_sites_file() -> None:
    for written in (["t/app"], {"t/app": ""}, {"t/app": {"main": ""}}):
        found = placed({"a": {"relmgmt_packages": written}}, ["a"], all_of_them=False, plain=same)
        assert found["a"].packages == {"t/app": {"main": ""}}


@pytest.mark.parametrize(
    "written", ["t/app", {"t/app": 3.9}, {"t/app": {"main": 1}}, [["t/app"]], [1], {"t/app": None}]
)
def test_packages_that_are_none_are_refused(written: t.Any) -> None:
    with pytest.raises(RelmgmtError) as caught:
        placed({"a": {"relmgmt_packages": written}}, ["a"], all_of_them=False, plain=same)
    assert caught.value.code == "packages-malformed" and "a: " in str(caught.value)


def test_a_host_that_is_not_there_is_refused() -> None:
    with pytest.raises(RelmgmtError, match="no host 'ruoter', did you mean 'router'?"):
        placed(INVENTORY, ["ruoter"], all_of_them=True, plain=same)


def test_nothing_differs_from_what_was_exported() -> None:
    records = here(seen("a", "t/app", "1"))
    assert compare(records, Cmdb(records, FIELDS)) == []


def test_what_differs_is_told_in_both_directions() -> None:
    records = here(seen("a", "t/app", "1"))
    theirs = [
        Record("a", "paris", "prod", "t/app", "main", "2", "2"),
        Record("a", "paris", "prod", "t/new", "main", "1", "1"),
        Record("c", "berlin", "prod"),
    ]
    assert [str(one) for one in compare(records, Cmdb(theirs, FIELDS))] == [
        "a: site is berlin here, paris there",
        "a: t/app (main): version is 1 here, 2 there",
        "a: t/app (second): missing there",
        "a: t/new (main): missing here",
        "b: missing there",
        "c: missing here",
    ]


def test_a_field_that_the_cmdb_does_not_have_is_not_compared() -> None:
    records = here(seen("a", "t/app", "1"))
    cmdb = Cmdb([Record("a", "berlin"), Record("b", "paris")], frozenset({"host", "site"}))
    assert [str(one) for one in compare(records, cmdb)] == ["b: site is berlin here, paris there"]
