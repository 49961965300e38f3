# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sites file that follows a CMDB."""

from __future__ import annotations

import collections.abc
import pathlib

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._inventory import (
    Cmdb,
    Record,
    adopt,
    fleet,
    load,
    text_of,
)

Write = collections.abc.Callable[..., pathlib.Path]
APP, UI = "calendar/radicale", "docs/swagger-ui"
FIELDS = frozenset(Record._fields)


def row(host: str, site: str, environment: str, package: str, wanted: str, instance: str = "main") -> Record:
    return Record(host, site, environment, package, instance, wanted=wanted)


# What the file of conftest.py says.
SAME = [
    row("berlin-1", "berlin", "prod", APP, "3.8.3"),
    row("berlin-1", "berlin", "prod", UI, "newest"),
    row("berlin-2", "berlin", "staging", APP, "3.9.0"),
    row("berlin-2", "berlin", "staging", UI, "newest"),
    row("madrid-1", "madrid", "prod", APP, "3.8.2"),
    row("madrid-2", "madrid", "prod", APP, "3.8.3"),
    row("madrid-2", "madrid", "prod", APP, "3.9.0", "sandbox"),
    Record("madrid-3", "madrid", "prod"),
]


def adopted(path: pathlib.Path, records: list[Record], *, remove: bool = False, fields: frozenset[str] = FIELDS) -> str:
    """Write it; the text."""
    _before, after = adopt(path, Cmdb(records, fields), remove=remove)
    path.write_text(text_of(after))
    again = adopt(path, Cmdb(records, fields), remove=remove)
    assert again[0] == again[1], "a second time changes something"
    assert "&id" not in path.read_text(), "no person would write anchors"
    return path.read_text()


def test_a_file_that_says_so_already_is_left_alone(write: Write) -> None:
    before, after = adopt(write(), Cmdb(SAME, FIELDS), remove=True)
    assert before == after


def test_what_was_there_before_is_told_unchanged(write: Write) -> None:
    path = write()
    before, after = adopt(path, Cmdb([Record("berlin-2", "madrid", "staging")], FIELDS), remove=False)
    assert before == load(path).data
    assert list(after["sites"]["berlin"]["hosts"]) == ["berlin-1"]
    assert "berlin-2" in after["sites"]["madrid"]["hosts"]


def test_a_file_that_is_not_there_is_made(tmp_path: pathlib.Path, write: Write) -> None:
    path = tmp_path / "made.sites.yml"
    adopted(path, SAME)
    made, written = fleet(load(path)), fleet(load(write()))
    for name in ("host", "site", "environment"):
        assert [getattr(item, name) for item in made.items] == [getattr(item, name) for item in written.items]
    assert [item.packages for item in made.items] == [item.packages for item in written.items]


def test_a_file_without_sites_gets_them(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "bare.sites.yml"
    path.write_text("plugin: relmgmt.release.sites\n")
    assert "paris-1" in adopted(path, [row("paris-1", "paris", "ci", "team/new", "1.0")])


def test_a_host_moves_with_its_address_variables_and_packages(write: Write) -> None:
    path = write()
    records = [row("berlin-1", "madrid", "prod", APP, "3.8.3"), row("berlin-1", "madrid", "prod", UI, "newest")]
    adopted(path, records)
    items = {item.host: item for item in fleet(load(path)).items}
    moved = items["berlin-1"]
    assert (moved.site, moved.variables) == ("madrid", {"ansible_host": "192.0.2.1", "port": 5232})
    assert moved.packages == {APP: {"main": "3.8.3"}, UI: {"main": ""}}
    assert items["madrid-3"].packages == {} and len(items) == 5


def test_a_new_host_may_bring_site_environment_and_package(write: Write) -> None:
    path = write()
    adopted(path, [row("paris-1", "paris", "ci", "team/new", "1.0")])
    new = next(item for item in fleet(load(path)).items if item.host == "paris-1")
    assert (new.site, new.environment, new.packages) == ("paris", "ci", {"team/new": {"main": "1.0"}})


def test_another_version_and_a_package_less_are_written_for_the_host_alone(write: Write) -> None:
    path = write()
    records = [row("berlin-1", "berlin", "prod", APP, "3.9.0"), row("berlin-1", "berlin", "prod", UI, "")]
    adopted(path, records)
    packages = {item.host: item.packages for item in fleet(load(path)).items}
    assert packages["berlin-1"] == {APP: {"main": "3.9.0"}}
    assert packages["berlin-2"] == {APP: {"main": "3.9.0"}, UI: {"main": ""}}


def test_hosts_that_the_cmdb_does_not_have_go_only_when_asked(write: Write) -> None:
    path = write()
    assert "berlin-1" in adopted(path, SAME[2:])
    text = adopted(path, SAME[2:], remove=True)
    assert "berlin-1" not in text and "berlin-2" in text


def test_what_the_cmdb_has_no_column_for_stays(write: Write) -> None:
    path = write()
    before = {item.host: item for item in fleet(load(path)).items}
    adopted(path, [Record("berlin-2", "madrid")], fields=frozenset({"host", "site"}))
    moved = next(item for item in fleet(load(path)).items if item.host == "berlin-2")
    assert (moved.site, moved.environment) == ("madrid", "staging")
    assert moved.packages == before["berlin-2"].packages


def test_what_makes_no_sites_file_is_refused(write: Write, tmp_path: pathlib.Path) -> None:
    for records, code in (
        ([Record("new-1")], "cmdb-incomplete"),
        ([Record("new-1", "berlin site", "prod")], "sites-invalid"),
        ([Record("new 1", "berlin", "prod")], "sites-invalid"),
        ([Record("new-1", "madrid")], "host-without-environment"),
        ([row("new-1", "berlin", "prod", "no-team", "1")], "sites-invalid"),
    ):
        with pytest.raises(RelmgmtError) as caught:
            adopt(write(), Cmdb(records, FIELDS), remove=False)
        assert caught.value.code == code
    path = tmp_path / "known.sites.yml"
    path.write_text("plugin: relmgmt.release.sites\nregistry:\n")
    with pytest.raises(RelmgmtError) as caught:
        adopt(path, Cmdb(SAME, FIELDS), remove=False)
    assert caught.value.code == "sites-recorded"
