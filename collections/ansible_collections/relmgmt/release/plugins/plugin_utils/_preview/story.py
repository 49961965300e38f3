# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preview as sections of lines and tables, which each form of it draws in its own way (private)."""

from __future__ import annotations

import collections.abc
import typing as t

from .._rollout import AGAIN, DEPLOY, LEFT_OUT, NONE, UNREHEARSED
from .changes import ADDED, CHANGED, KINDS, REMOVED
from .words import about_time, amount, duration, hosts_of, several, span

__all__ = ["Section", "Table", "headline", "story"]

MOST_ITEMS = 8  # of a kind, of a group of hosts
_TEXTS = ("name", "who", "of this job", "host", "site", "before", "after", "note")  # columns that are no numbers
_LEFT = {LEFT_OUT: "left out", UNREHEARSED: "left out", NONE: "nothing to do"}
_MARKS = {ADDED: "+", CHANGED: "~", REMOVED: "-"}
_SHOWN = {"files": "files", "rendered": "configuration files"}
Data = collections.abc.Mapping[str, t.Any]
Cells = collections.abc.Mapping[str, str]


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
    version, where = preview["version"] or "(version not known)", preview["environment"] or "?"
    release, of = f"{preview['package']} {version}", f"Preview of the {preview['kind']} of"
    told = {
        "rollback": f"{of} {preview['package']} in {where} to {version}",
        "rehearsal": f"{of} {release} in {where}",
    }.get(preview["kind"], f"{of} {release} to {where}")
    instance = "" if preview["instance"] == "main" else f", instance {preview['instance']}"
    return f"{told}{instance}"


def story(preview: Data) -> list[Section]:
    """The sections, without those that have nothing to say."""
    times = _rounds(preview) if preview["phases"] else _waves(preview)
    sections = [_summary(preview), _blockers(preview), times, *_groups(preview), _hosts(preview)]
    return [section for section in sections if section.lines or (section.table and section.table.rows)]


def _summary(preview: Data) -> Section:
    own = [host for host in preview["hosts"].values() if not host["elsewhere"]]
    moved = sum(host["action"] == DEPLOY for host in own)
    count = len(preview["blockers"])
    stand = f"{several(count, 'thing')} stand{'s' if count == 1 else ''} in the way"
    lines = [f"BLOCKED: {stand}" if preview["blocked"] else "Nothing stands in the way."]
    if preview["joins"]:
        part = f"{len(own)} of its {several(len(preview['hosts']), 'host')}"
        lines.append(f"This job joins rollout {preview['joins']} with {part}")
    how = "there and back, twice" if preview["phases"] else f"strategy {preview['strategy']}"
    lines.append(f"{moved} of {several(len(own), 'host')} to change, {how}")
    if moved and preview["kind"] != "rollback":
        known = all(host["send"] is not None for host in own if host["action"] == DEPLOY)
        lines.append(f"To send: {amount(preview['send'])} in all" if known else "To send: not known")
    if moved:
        lines.append(f"Time{' of the whole rollout' if preview['joins'] else ''}: {about_time(preview)}")
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
        {
            "wave": str(wave["index"]),
            "name": wave["name"],
            "hosts": str(len(wave["hosts"])),
            "forward": "over" if wave["over"] else span(wave["forward"]),
            "bake": duration(wave["bake"]) if wave.get("bake") else "",
            "back": "over" if wave["over"] and preview["kind"] == "rollback" else span(wave["back"]),
            "of this job": hosts_of(wave["own"]) if preview["joins"] else "",
            "who": hosts_of(wave["hosts"]),
        }
        for wave in preview["waves"]
    ]
    without = _empty(rows, "bake", "of this job") | ({"forward"} if preview["kind"] == "rollback" else set())
    return Section("Waves", [], _table(rows, without=without, left=_TEXTS))


def _rounds(preview: Data) -> Section:
    """The phases of a rehearsal, a round a row."""
    took = {phase["phase"]: span(phase) for phase in preview["phases"]}
    rows = [
        {"round": str(number), **{name: took.get(f"{name}{again}", "") for name in ("stage", "forward", "back")}}
        for number, again in enumerate(("", AGAIN), start=1)
    ]
    stays = [] if took.get(f"back{AGAIN}") else ["Behind the second round the hosts stay on the release."]
    return Section("Rounds", stays, _table(rows))


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
    rows = [
        {
            "host": name,
            "site": host["site"],
            "wave": str(host["wave"] or ""),
            "before": host["before"],
            "after": host["after"] if host["action"] == DEPLOY else "",
            "leaves": _number(host["leaves"]),
            "to": _number(host["to"]),
            "change": "" if host["group"] is None else str(host["group"] + 1),
            "send": amount(host["send"]) if host["action"] == DEPLOY and not host["elsewhere"] else "",
            "needs": amount(host["needed"]) if host["needed"] is not None else "",
            "free": amount(host["free"]) if not host["elsewhere"] else "",
            "note": _remark(host),
        }
        for name, host in preview["hosts"].items()
    ]
    without = {"send", "needs", "free"} if preview["kind"] == "rollback" else {"leaves", "to"}
    return Section("Hosts", [], _table(rows, without=without, left=_TEXTS))


def _number(deployment: int | None) -> str:
    return "" if deployment is None else str(deployment)


def _empty(rows: collections.abc.Sequence[Cells], *names: str) -> set[str]:
    return {name for name in names if not any(row[name] for row in rows)}


def _table(
    rows: collections.abc.Sequence[Cells],
    *,
    without: collections.abc.Collection[str] = (),
    left: collections.abc.Collection[str] = (),
) -> Table | None:
    """Rows by the names of their columns. left: those that are no numbers."""
    head = [name for row in rows[:1] for name in row if name not in without]
    right = tuple(at for at, name in enumerate(head) if name not in left)
    return Table(tuple(head), [tuple(row[name] for name in head) for row in rows], right) if rows else None


def _remark(host: Data) -> str:
    if host["elsewhere"]:
        return f"of another job: {host['elsewhere']}"
    if host["action"] == DEPLOY:
        return "what changes there is not known" if host["group"] is None else ""
    said = _LEFT[host["action"]]
    return f"{said}: {host['reason']}" if host["reason"] else said
