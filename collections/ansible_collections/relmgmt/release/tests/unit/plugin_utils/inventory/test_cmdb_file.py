# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a CMDB: what is written can be read again, spreadsheets run nothing of it, what is wrong has a place."""

from __future__ import annotations

import csv
import json
import pathlib

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._inventory import (
    Record,
    cmdb_file,
    cmdb_text,
    form_of,
    load_cmdb,
    named,
)

RECORDS = [
    Record("a", "berlin", "prod", "calendar/radicale", "main", "3.8.3", "newest", "2026-11-21T10:32:00Z", "confirmed"),
    Record("b", 'Zürich, "west"', "prod"),
]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_what_is_written_is_read_again(form: str, tmp_path: pathlib.Path) -> None:
    columns = named({"host": "ci_name", "site": "location"})
    path = tmp_path / f"cmdb.{form}"
    path.write_text(cmdb_text(RECORDS, form, columns), encoding="utf-8")
    read = load_cmdb(path, form_of(path, None), columns)
    assert read.records == RECORDS
    assert read.fields == set(Record._fields)
    assert "ci_name" in path.read_text("utf-8") and "location" in path.read_text("utf-8")


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "'"])
def test_a_spreadsheet_runs_nothing_that_is_written(formula: str, tmp_path: pathlib.Path) -> None:
    text = cmdb_text([Record(formula, formula)], "csv", named({"site": formula}))
    for row in csv.reader(text.splitlines(keepends=True)):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    if formula.strip() == formula:
        path = tmp_path / "cmdb.csv"
        path.write_text(text)
        assert load_cmdb(path, "csv", named({"site": formula})).records == [Record(formula, formula)]


def test_columns_in_another_order_unknown_ones_and_a_byte_order_mark_are_taken(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "cmdb.csv"
    path.write_text("\ufeffpackage,rack,host\r\nteam/app,7,a\r\n\r\n", encoding="utf-8")
    read = load_cmdb(path, "csv", named({}))
    assert read.records == [Record("a", package="team/app", instance="main")]
    assert read.fields == {"host", "package"}


def test_a_list_of_objects_by_itself_is_taken(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "cmdb.json"
    path.write_text(json.dumps([{"host": "a", "site": None, "rack": 7}]))
    assert load_cmdb(path, "json", named({})).records == [Record("a")]


REFUSED = {
    # what is wrong: (name, contents, code, part of the message)
    "no UTF-8": ("c.csv", b"host\na\n\xff\n", "cmdb-malformed", "c.csv:3: not UTF-8"),
    "no column of hosts": ("c.csv", b"hsot,site\na,b\n", "cmdb-column-missing", "'host', did you mean 'hsot'"),
    "a row that is too long": ("c.csv", b"host,site\na,b,c\n", "cmdb-malformed", "c.csv:2: 3 cells, but 2 columns"),
    "a quote that is not closed": ("c.csv", b'host\n"a\n', "cmdb-malformed", "not CSV"),
    "a control character": ("c.csv", b"host\na\x1b[2J\n", "cmdb-malformed", "c.csv:2: host: "),
    "a name that is too long": ("c.csv", b"host\n" + b"a" * 1025, "cmdb-malformed", "longer than 1024"),
    "a host without a name": ("c.csv", b"host,site\n,b\n", "cmdb-malformed", "c.csv:2: the host has no name"),
    "a host twice": ("c.csv", b"host\na\na\n", "cmdb-row-twice", "c.csv:3: a is there a second time"),
    "a package twice": ("c.csv", b"host,package\na,t/p\na,t/p\n", "cmdb-row-twice", "c.csv:3: t/p (main) on a"),
    "a host at two sites": (
        "c.csv", b"host,site,package\na,x,t/p\na,y,t/q\n", "cmdb-contradiction", "c.csv:3: a has another site",
    ),
    "no records": ("c.csv", b"host,site\n", "cmdb-empty", "has no record"),
    "nothing at all": ("c.csv", b"", "cmdb-column-missing", "no column 'host'"),
    "no JSON": ("c.json", b'[{"host": "a"}\n,x]', "cmdb-malformed", "c.json:2: not JSON"),
    "JSON without end": ("c.json", b"[" * 100_000, "cmdb-malformed", "c.json"),
    "a number with too many digits": ("c.json", b"[" + b"1" * 10_000 + b"]", "cmdb-malformed", "c.json"),
    "another object": ("c.json", b'{"hosts": []}', "cmdb-malformed", "configuration_items"),
    "a number for a version": (
        "c.json", b'[{"host": "a", "version": 3.9}]', "cmdb-malformed", "item 1: version: 3.9 is not text",
    ),
    "a format that nobody knows": ("c.xlsx", b"", "cmdb-format-unknown", "c.xlsx"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "contents", "code", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_with_its_place(
    tmp_path: pathlib.Path, name: str, contents: bytes, code: str, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(contents)
    with pytest.raises(RelmgmtError) as caught:
        load_cmdb(path, form_of(path, None), named({}))
    assert caught.value.code == code
    assert message in str(caught.value)
    assert caught.value.hint


def test_a_file_that_is_too_large_is_not_read(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.csv"
    path.write_text("host\n" + "".join(f"h{number}\n" for number in range(20)))
    monkeypatch.setattr(cmdb_file, "MAX_RECORDS", 10)
    with pytest.raises(RelmgmtError) as caught:
        load_cmdb(path, "csv", named({}))
    assert caught.value.code == "cmdb-too-large"
    monkeypatch.setattr(cmdb_file, "MAX_BYTES", 10)
    with pytest.raises(RelmgmtError) as caught:
        load_cmdb(path, "csv", named({}))
    assert caught.value.code == "file-too-large"


def test_columns_that_cannot_be_are_refused() -> None:
    with pytest.raises(RelmgmtError, match="'sight' is no field, did you mean 'site'?"):
        named({"sight": "location"})
    with pytest.raises(RelmgmtError, match="'site' stands for two fields"):
        named({"host": "site"})
