# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preview as text for a terminal, as Markdown for a change ticket, as JSON (private)."""

from __future__ import annotations

import collections.abc
import json
import re
import textwrap
import typing as t

from .story import Section, Table, headline, story

__all__ = ["FORMATS", "SUFFIXES"]

WIDTH = 120
_COMMAND = "ansible-playbook "
Data = collections.abc.Mapping[str, t.Any]
_SPECIAL = re.compile(r"(^[-+#]|[\\`*_{}\[\]<>|])")


def _text(preview: Data) -> str:
    lines = [_line(headline(preview)), f"made {preview['made']}", ""]
    for section in story(preview):
        lines += [_line(section.title)] if section.title else []
        lines += _drawn(section, "  " if section.title else "")
        lines.append("")
    return "\n".join(lines)


def _drawn(section: Section, indent: str) -> list[str]:
    lines: list[str] = []
    for line in map(_line, section.lines):
        deeper = indent + " " * (len(line) - len(line.lstrip()))
        whole = _COMMAND in line  # to be copied as it is
        lines += (
            [indent + line]
            if whole
            else textwrap.wrap(line, WIDTH, initial_indent=indent, subsequent_indent=f"{deeper}  ")
        )
    return lines + (list(_columns(section.table, indent)) if section.table else [])


def _columns(table: Table, indent: str) -> collections.abc.Iterator[str]:
    """As wide as their cells; the last one takes what is left of the line."""
    rows = [tuple(map(_line, row)) for row in (table.head, *table.rows)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(table.head) - 1)]
    room = max(20, WIDTH - len(indent) - sum(widths) - 2 * len(widths))
    for row in rows:
        cells = [
            cell.rjust(width) if at in table.right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        last = row[-1] if len(row[-1]) <= room else f"{row[-1][: room - 1]}…"
        yield (indent + "  ".join([*cells, last])).rstrip()


def _markdown(preview: Data) -> str:
    lines = [f"# {_plain(headline(preview))}", "", f"Made {preview['made']}.", ""]
    for section in story(preview):
        lines += [f"## {_plain(section.title)}", ""] if section.title else []
        for line in section.lines:
            lines.append(f"{'  ' if line.startswith(' ') else ''}- {_plain(line.strip())}")
        if section.table:
            lines += ["", *_rows(section.table)] if section.lines else _rows(section.table)
        lines.append("")
    return "\n".join(lines)


def _rows(table: Table) -> list[str]:
    rule = ["---:" if at in table.right else "---" for at in range(len(table.head))]
    rows = [table.head, *table.rows]
    drawn = ["| " + " | ".join(map(_plain, row)) + " |" for row in rows]
    return [drawn[0], "| " + " | ".join(rule) + " |", *drawn[1:]]


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", _line(text))


def _line(text: str) -> str:
    """What hosts and packages say, without what moves a cursor or begins a line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _json(preview: Data) -> str:
    return json.dumps(preview, indent=2, sort_keys=True) + "\n"


FORMATS: dict[str, t.Callable[[Data], str]] = {"text": _text, "json": _json, "markdown": _markdown}
SUFFIXES = {".txt": "text", ".json": "json", ".md": "markdown"}
