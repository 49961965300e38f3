# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preview as sections of lines and tables, which each form of it draws in its own way (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from .._rollout import DEPLOY, LEFT_OUT, NONE, UNREHEARSED
from .changes import ADDED, CHANGED, KINDS, REMOVED
from .words import about_time, amount, duration, hosts_of, several, span

__all__ = ["Section", "Table", "headline", "story"]

MOST_ITEMS = 8  # of a kind, of a group of hosts
_BAKE = 4  # its column
_LEFT = {LEFT_OUT: "left out", UNREHEARSED: "left out", NONE: "nothing to do"}
_MARKS = {ADDED: "+", CHANGED: "~", REMOVED: "-"}
_SHOWN = {"files": "files", "rendered": "configuration files"}
Data = collections.abc.Mapping[str, t.Any]


class Table(t.NamedTuple):
    """The columns in ``right`` are numbers."""

    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    right: tuple[int, ...] = ()


class Section(t.NamedTuple):
    """lines come before the table."""

    title: str
    lines: list[str]
    table: Table | None = None


def headline(preview: Data) -> str:
    to = f"{preview['package']} {preview['version'] or '(version not known)'} to {preview['environment'] or '?'}"
    instance = "" if preview["instance"] == "main" else f", instance {preview['instance']}"
    return f"Preview of the {preview['kind']} of {to}{instance}"


def story(preview: Data) -> list[Section]:
    """The sections, without those that have nothing to say."""
    sections = [_summary(preview), _blockers(preview), _waves(preview), *_groups(preview), _hosts(preview)]
    return [section for section in sections if section.lines or (section.table and section.table.rows)]


def _summary(preview: Data) -> Section:
    moved = sum(host["action"] == DEPLOY for host in preview["hosts"].values())
    count = len(preview["blockers"])
    stand = f"{several(count, 'thing')} stand{'s' if count == 1 else ''} in the way"
    lines = [f"BLOCKED: {stand}" if preview["blocked"] else "Nothing stands in the way."]
    lines.append(f"{moved} of {several(len(preview['hosts']), 'host')} to change, strategy {preview['strategy']}")
    if moved:
        known = all(host["send"] is not None for host in preview["hosts"].values() if host["action"] == DEPLOY)
        lines.append(f"To send: {amount(preview['send'])} in all" if known else "To send: not known")
        lines.append(f"Time: {about_time(preview)}")
    lines += [f"Database: {line}" for line in preview["databases"]]
    lines += [f"Note: {note}" for note in preview["notes"]]
    return Section("", lines)


def _blockers(preview: Data) -> Section:
    """What several hosts have in common is told once."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for blocker in preview["blockers"]:
        found.setdefault((blocker["code"], blocker["message"], blocker["hint"]), []).extend(blocker["hosts"])
    lines = []
    for (code, message, hint), hosts in found.items():
        about = f"{hosts_of(hosts)}: " if hosts and "\n" not in message else ""  # else it names them line by line
        first, *more = f"{code}: {about}{message}".splitlines()
        said = [*more, *f"Next: {hint}".splitlines()] if hint else more
        lines += [first, *(f"  {line.strip()}" for line in said)]
    return Section("What blocks it", lines)


def _waves(preview: Data) -> Section:
    rows = [
        (
            str(wave["index"]),
            wave["name"],
            str(len(wave["hosts"])),
            span(wave["forward"]),
            duration(wave["bake"]) if wave.get("bake") else "",
            span(wave["back"]),
            hosts_of(wave["hosts"]),
        )
        for wave in preview["waves"]
    ]
    head = ("wave", "name", "hosts", "forward", "bake", "back", "who")
    kept = [at for at in range(len(head)) if at != _BAKE or any(row[at] for row in rows)]
    shown = [tuple(row[at] for at in kept) for row in rows]
    right = tuple(kept.index(at) for at in kept if head[at] not in ("name", "who"))
    return Section("Waves", [], Table(tuple(head[at] for at in kept), shown, right))


def _groups(preview: Data) -> collections.abc.Iterator[Section]:
    for number, group in enumerate(preview["groups"], start=1):
        title = f"Change {number}: {several(len(group['hosts']), 'host')}, {group['before']} → {group['after']}"
        lines = [f"hosts: {hosts_of(group['hosts'])}"]
        for kind in KINDS:
            lines += _items(kind, group[kind])
        service = group["service"] or "none, or nothing is done to it"
        yield Section(title, [*lines, f"service: {service}"])


def _items(kind: str, items: collections.abc.Sequence[Data]) -> collections.abc.Iterator[str]:
    if not items:
        return
    counts = {how: sum(item["change"] == how for item in items) for how in _MARKS}
    told = ", ".join(f"{count} {how}" for how, count in counts.items() if count)
    coming = sum(item.get("size", 0) for item in items if item["change"] != REMOVED)
    yield f"{_SHOWN.get(kind, kind)}: {told}" + (f" ({amount(coming)})" if coming else "")
    for item in items[:MOST_ITEMS]:
        size = f" {amount(item['size'])}" if "size" in item else ""
        yield f"  {_MARKS[item['change']]} {item['name']}{size}"
    if len(items) > MOST_ITEMS:
        yield f"  and {len(items) - MOST_ITEMS} more"


def _hosts(preview: Data) -> Section:
    rows: list[tuple[str, ...]] = [
        (
            name,
            host["site"],
            str(host["wave"] or ""),
            host["before"],
            host["after"] if host["action"] == DEPLOY else "",
            "" if host["group"] is None else str(host["group"] + 1),
            amount(host["send"]) if host["action"] == DEPLOY else "",
            amount(host["needed"]) if host["needed"] is not None else "",
            amount(host["free"]),
            _remark(host),
        )
        for name, host in preview["hosts"].items()
    ]
    head = ("host", "site", "wave", "before", "after", "change", "send", "needs", "free", "note")
    return Section("Hosts", [], Table(head, rows, right=(2, 5, 6, 7, 8)))


def _remark(host: Data) -> str:
    if host["action"] == DEPLOY:
        return "what changes there is not known" if host["group"] is None else ""
    said = _LEFT[host["action"]]
    return f"{said}: {host['reason']}" if host["reason"] else said
