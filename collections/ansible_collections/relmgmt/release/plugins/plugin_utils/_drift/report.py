# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report on drift: as data, and in words for a terminal, a ticket, a tool (private)."""

from __future__ import annotations

import collections.abc
import json
import re
import typing as t

from .._safe_text import safe

__all__ = ["FORMATS", "SUFFIXES", "WIDTH", "report"]

Data = dict[str, t.Any]
Hosts = collections.abc.Sequence[Data]
WIDTH = 120
_COLUMNS = {"host": 32, "site": 10, "version": 20, "state": 12, "findings": 8}  # the most that each may take
_SPECIAL = re.compile(r"(^[-+#]|[\\`*_{}\[\]<>|])")


def report(hosts: Hosts, *, package: str, environment: str, made: str, detailed: bool) -> Data:
    """As data. hosts: each with its ``host``, ``site``, ``version``, ``state``, ``findings``, ``more`` and ``problem``.
    detailed: whether words tell what was expected and what was found."""
    return {
        "package": package,
        "environment": environment,
        "made": made,
        "detailed": detailed,
        "hosts": list(hosts),
        "drifted": [host["host"] for host in hosts if host["findings"]],
        "unanswered": [host["host"] for host in hosts if host["problem"]],
    }


def _headline(made: Data) -> str:
    drifted, away, all_of = len(made["drifted"]), len(made["unanswered"]), len(made["hosts"])
    where = f"{made['package']} in {made['environment']}" if made["environment"] else made["package"]
    unsure = f", {away} gave no certain answer" if away else ""
    return f"drift of {where}: {drifted} of {all_of} hosts have drifted{unsure}"


def _rows(made: Data) -> list[dict[str, str]]:
    shown = [host for host in made["hosts"] if not host["problem"]]
    return [
        {**{name: str(host[name]) for name in _COLUMNS if name != "findings"}, "findings": str(_count(host))}
        for host in shown
    ]


def _count(host: Data) -> int:
    return len(host["findings"]) + int(host["more"])


def _told(host: Data, *, detailed: bool) -> collections.abc.Iterator[str]:
    """Each finding in a line, and how many more there are."""
    width = max((len(finding["what"]) for finding in host["findings"]), default=0)
    for finding in host["findings"]:
        sides = [finding["expected"], finding["found"]]
        how = f"  {sides[0] or '?'} -> {sides[1] or '?'}" if detailed and any(sides) else ""
        yield f"{finding['what'].ljust(width)}  {finding['path']}{how}"
    if host["more"]:
        yield f"and {host['more']} more"


def _text(made: Data) -> str:
    rows = _rows(made)
    widths = {
        name: min(most, max(len(name), *(len(row[name]) for row in rows))) if rows else len(name)
        for name, most in _COLUMNS.items()
    }
    known = [host for host in made["hosts"] if not host["problem"]]
    lines = [safe(_headline(made), limit=WIDTH), f"made {made['made']}", ""]
    lines += [_row({name: name for name in _COLUMNS}, widths)] if rows else []
    for host, row in zip(known, rows, strict=True):
        lines.append(_row(row, widths))
        lines += [f"    {_line(told, WIDTH - 4)}" for told in _told(host, detailed=made["detailed"])]
    away = [host for host in made["hosts"] if host["problem"]]
    lines += ["", "No certain answer:"] if away else []
    lines += ["    " + safe(f"{host['host']}: {host['problem']}", limit=WIDTH - 4) for host in away]
    return "\n".join(lines) + "\n"


def _row(cells: collections.abc.Mapping[str, str], widths: collections.abc.Mapping[str, int]) -> str:
    return "  ".join(safe(cells[name], limit=width).ljust(width) for name, width in widths.items()).rstrip()


def _line(text: str, limit: int) -> str:
    """As ``safe``, with its blanks."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _markdown(made: Data) -> str:
    lines = [f"# {_plain(_headline(made))}", "", f"Made {made['made']}.", ""]
    rows = _rows(made)
    if rows:
        lines += [_cells(list(_COLUMNS)), _cells(["---"] * (len(_COLUMNS) - 1) + ["---:"])]
        lines += [_cells([_plain(row[name]) for name in _COLUMNS]) for row in rows]
        lines.append("")
    for host in made["hosts"]:
        if host["findings"]:
            told = _told(host, detailed=made["detailed"])
            lines += [f"## {_plain(host['host'])}", "", *(f"- {_plain(' '.join(line.split()))}" for line in told), ""]
    away = [host for host in made["hosts"] if host["problem"]]
    if away:
        lines += ["## No certain answer", ""]
        lines += [f"- {_plain(host['host'])}: {_plain(host['problem'])}" for host in away] + [""]
    return "\n".join(lines)


def _cells(row: collections.abc.Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", safe(text, limit=2 * WIDTH))


def _json(made: Data) -> str:
    return json.dumps(made, indent=2, sort_keys=True) + "\n"


FORMATS: dict[str, t.Callable[[Data], str]] = {"text": _text, "json": _json, "markdown": _markdown}
SUFFIXES = {".txt": "text", ".json": "json", ".md": "markdown"}
