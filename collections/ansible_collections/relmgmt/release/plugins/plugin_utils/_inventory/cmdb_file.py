# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that a CMDB exchanges: CSV and JSON (private).

A spreadsheet runs a cell that begins like a formula. Such a cell is written with an apostrophe before it, which is
taken off when the file is read again.
"""

from __future__ import annotations

import collections.abc
import csv
import io
import json
import pathlib
import re
import typing as t

from ...module_utils._model.errors import InputError
from .._source import meant, read_bounded
from .record import FIELDS, Record
from .sites import MAIN

__all__ = ["MAX_BYTES", "Cmdb", "cmdb_text", "form_of", "load_cmdb", "named"]

MAX_BYTES, MAX_RECORDS, MAX_TEXT = 32 << 20, 200_000, 1024
ITEMS = "configuration_items"
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HINT = "docs/inventory.md of the collection describes the columns."

Columns = collections.abc.Mapping[str, str]
Records = collections.abc.Iterable[Record]
Rows = collections.abc.Iterable[tuple[str, collections.abc.Mapping[str, t.Any]]]


class Cmdb(t.NamedTuple):
    """What a CMDB says. fields: those that it has at all; the others are not compared."""

    records: list[Record]
    fields: frozenset[str]


def form_of(path: pathlib.Path, form: str | None) -> str:
    """The format that was named, else the one that the file's name ends in.

    Raises:
        InputError: it says none (``cmdb-format-unknown``).
    """
    form = form or path.suffix.removeprefix(".").lower()
    if form not in _READERS:
        hint = "Let it end in .csv or .json, or set format."
        raise _refused("format-unknown", f"{path}: the name of the file says no format", hint)
    return form


def named(columns: collections.abc.Mapping[str, t.Any] | None) -> dict[str, str]:
    """Field → name that the CMDB has for it.

    Raises:
        InputError: there is no such field (``cmdb-field-unknown``), or two have one name (``cmdb-column-twice``).
    """
    names = {field: field for field in FIELDS}
    for field, name in (columns or {}).items():
        if field not in names:
            message = f"columns: {field!r} is no field{meant(field, names)}"
            raise _refused("field-unknown", message, f"The fields are {', '.join(FIELDS)}.")
        names[field] = str(name)
    twice = sorted(name for name in names.values() if list(names.values()).count(name) > 1)
    if twice:
        raise _refused("column-twice", f"columns: {twice[0]!r} stands for two fields", "Name each field once.")
    return names


def cmdb_text(records: Records, form: str, columns: Columns) -> str:
    """The text of a file. columns: field → name that the CMDB has for it, as ``named`` gives them."""
    return _WRITERS[form]([columns[field] for field in FIELDS], records)


def _csv(names: list[str], records: Records) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([_harmless(cell) for cell in row] for row in [names, *records])
    return text.getvalue()


def _json(names: list[str], records: Records) -> str:
    items = [dict(zip(names, record, strict=True)) for record in records]
    return json.dumps({ITEMS: items}, indent=2, ensure_ascii=False) + "\n"


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_RISKY) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_RISKY) else cell


def load_cmdb(path: pathlib.Path, form: str, columns: Columns) -> Cmdb:
    """What a file says.

    Raises:
        InputError: ``file-missing``, ``file-unreadable``, ``file-too-large``, ``cmdb-malformed``, ``cmdb-too-large``,
            ``cmdb-column-missing``, ``cmdb-empty``, ``cmdb-row-twice``, ``cmdb-contradiction``; each with its place.
    """
    raw = read_bounded(path, MAX_BYTES, what="CMDB file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        raise _refused("malformed", f"{path}:{line}: not UTF-8", "Export it as UTF-8.") from None
    names, rows = _READERS[form](path, text)
    if columns["host"] not in names:
        message = f"{path}: there is no column {columns['host']!r}{meant(columns['host'], names)}"
        raise _refused("column-missing", message, "Name the columns with the option columns.")
    theirs = {field: name for field, name in columns.items() if name in names}
    records = _records(rows, theirs)
    if not records:
        raise _refused("empty", f"{path} has no record", "Look whether it was exported to its end.")
    return Cmdb(records, frozenset(theirs))


def _records(rows: Rows, theirs: Columns) -> list[Record]:
    found: dict[tuple[str, str, str], Record] = {}
    placed: dict[str, tuple[str, Record]] = {}
    for place, row in rows:
        record = Record(**{field: _text(place, name, row.get(name)) for field, name in theirs.items()})
        if not record.host:
            raise _refused("malformed", f"{place}: the host has no name", "Name it, or take the row out.")
        if record.package and not record.instance:
            record = record._replace(instance=MAIN)
        if record.key in found:
            what = f"{record.package} ({record.instance}) on {record.host}" if record.package else record.host
            raise _refused("row-twice", f"{place}: {what} is there a second time", "Keep one of them.")
        first, other = placed.setdefault(record.host, (place, record))
        if (other.site, other.environment) != (record.site, record.environment):
            message = f"{place}: {record.host} has another site or environment than at {first}"
            raise _refused("contradiction", message, "A configuration item stands at one site, in one environment.")
        found[record.key] = record
        if len(found) > MAX_RECORDS:
            raise _refused("too-large", f"{place}: more than {MAX_RECORDS} rows", "Import it in parts.")
    return sorted(found.values())


def _text(place: str, name: str, value: t.Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _refused("malformed", f"{place}: {name}: {value!r:.60} is not text", "Write it in quotes.")
    text = value.strip()
    if len(text) > MAX_TEXT or _CONTROL.search(text):
        message = f"{place}: {name}: longer than {MAX_TEXT} characters, or with control characters in it"
        raise _refused("malformed", message, "Shorten the value, or look whether a quote is missing before it.")
    return text


def _read_csv(path: pathlib.Path, text: str) -> tuple[list[str], Rows]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [_plain(cell.strip()) for cell in next(reader, [])]
        return header, _csv_rows(path, header, [(reader.line_num, row) for row in reader])
    except csv.Error as exc:
        hint = "Export it with commas between cells and double quotes around them."
        raise _refused("malformed", f"{path}:{reader.line_num}: not CSV: {exc}", hint) from None


def _csv_rows(path: pathlib.Path, header: list[str], rows: list[tuple[int, list[str]]]) -> Rows:
    for line, row in rows:
        if not row:
            continue
        if len(row) != len(header):
            message = f"{path}:{line}: {len(row)} cells, but {len(header)} columns"
            raise _refused("malformed", message, "Look for a comma or a quote that is missing or too many.")
        yield f"{path}:{line}", dict(zip(header, map(_plain, row), strict=True))


def _read_json(path: pathlib.Path, text: str) -> tuple[list[str], Rows]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as exc:
        raise _refused("malformed", f"{path}:{exc.lineno}: not JSON: {exc.msg}", "Correct the file.") from None
    except (RecursionError, ValueError):
        raise _refused("malformed", f"{path}: not JSON that can be read", "Correct the file.") from None
    items = data.get(ITEMS) if isinstance(data, dict) else data
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        message = f"{path}: neither a list of objects nor an object with such a list as {ITEMS}"
        raise _refused("malformed", message, _HINT)
    names = sorted({name for item in items for name in item}) or list(FIELDS)
    return names, ((f"{path}: item {number}", item) for number, item in enumerate(items, 1))


def _refused(code: str, message: str, hint: str) -> InputError:
    return InputError(f"cmdb-{code}", message, hint=hint)


_WRITERS: collections.abc.Mapping[str, collections.abc.Callable[[list[str], Records], str]]
_WRITERS = {"csv": _csv, "json": _json}
_READERS: collections.abc.Mapping[str, collections.abc.Callable[[pathlib.Path, str], tuple[list[str], Rows]]]
_READERS = {"csv": _read_csv, "json": _read_json}
