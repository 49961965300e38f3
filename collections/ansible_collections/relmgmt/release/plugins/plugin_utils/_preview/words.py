# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How figures and lists of the preview are said, in every form of it (private)."""

from __future__ import annotations

import collections.abc
import typing as t

__all__ = ["about_time", "amount", "duration", "hosts_of", "several", "span"]

_UNITS = ("KiB", "MiB", "GiB", "TiB")
Data = collections.abc.Mapping[str, t.Any]


def amount(size: int | None) -> str:
    """Bytes, as people read them."""
    if size is None:
        return "?"
    value, unit = float(size), "B"
    for larger in _UNITS:
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"


def duration(seconds: float) -> str:
    """Seconds, minutes, hours: the two largest."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if 0 < seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def span(took: Data) -> str:
    """An estimate, in short; its source is said apart."""
    return "?" if took["source"] == "not known" else duration(took["seconds"])


def about_time(preview: Data) -> str:
    """How long it takes there and all the way back, how that is known, and when it would be done."""
    time, kind = preview["time"], preview["kind"]
    if not time["done"]:
        return "not known"
    ways = {"rollback": ("back",)}.get(kind, ("forward", "back"))
    sources = dict.fromkeys(wave[way]["source"] for wave in preview["waves"] for way in ways)
    if preview["phases"]:
        sources = dict.fromkeys(phase["source"] for phase in preview["phases"] if span(phase) != "?")
    known = f"({'; '.join(sources)}); begun now, done at {time['done']}"
    if kind == "rollback":
        return f"{duration(time['back'])} {known}"
    staging = "" if time["staging"]["seconds"] else ", staging not counted"
    if kind == "rehearsal":
        counted = ", staging not counted" if any(span(phase) == "?" for phase in preview["phases"]) else ""
        return f"{duration(time['forward'])} there and {duration(time['back'])} back, in two rounds{counted} {known}"
    return f"{duration(time['forward'])} forward{staging}, {duration(time['back'])} for the whole way back {known}"


def several(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def hosts_of(names: collections.abc.Sequence[str], *, most: int = 4) -> str:
    """Hosts by name; many of them by number, and the first ones."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
