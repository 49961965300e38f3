# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The grid of a run: waves down, sites across, and what is to be said below (private)."""

from __future__ import annotations

import typing as t

from ...module_utils._model import outcome
from .._safe_text import safe
from .lines import aside, head
from .run import Run, Wave
from .text import took

__all__ = ["Grid", "grid_of"]

_COLUMN = 16  # of a site
_AROUND = 2 * _COLUMN  # the columns of the wave and of its state
_BELOW = 10  # lines that are not rows
_UNWELL = 5  # hosts that are named


class Grid(t.NamedTuple):
    """rows: as many texts as there are columns; counts of a cell stand below each other."""

    head: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str]


def grid_of(run: Run, at: float, *, width: int, height: int) -> Grid:
    """The grid, with as many sites and waves as there is room for; the others are summed up."""
    columns = _columns(run, width)
    rows = []
    for wave in _window(run, max(3, height - _BELOW)):
        cells = [run.cell(wave, sites) for _name, sites in columns]
        counts = ["\n".join(f"{count} {word}" for word, count in cell.items()) for cell in cells]
        rows.append([safe(wave.name, limit=_COLUMN), *counts, _state(run, wave, at)])
    names = [safe(name, limit=_COLUMN) for name, _sites in columns]
    return Grid(head(run), ["wave", *names, ""], rows, [safe(note, limit=width) for note in _notes(run, at)])


def _columns(run: Run, width: int) -> list[tuple[str, set[str]]]:
    sites = sorted({run.sites[host] for host in run.words})
    room = max(1, (width - _AROUND) // _COLUMN)
    if len(sites) <= room:
        return [(site or "hosts", {site}) for site in sites]
    shown = sites[: room - 1]
    return [*((site, {site}) for site in shown), (f"{len(sites) - len(shown)} sites", set(sites[len(shown) :]))]


def _window(run: Run, room: int) -> list[Wave]:
    """The waves around the one that is worked on; those before and behind as one each."""
    waves = run.waves
    if len(waves) <= room:
        return waves
    done = sum(wave.ended is not None for wave in waves)
    first = max(0, min(done - room // 2, len(waves) - (room - 2)))
    last = first + room - 2
    return [*_summed(waves[:first], "before"), *waves[first:last], *_summed(waves[last:], "to come")]


def _summed(waves: list[Wave], where: str) -> list[Wave]:
    if len(waves) < 2:
        return waves
    return [Wave(0, f"{len(waves)} {where}", tuple(host for wave in waves for host in wave.hosts), 0.0)]


def _state(run: Run, wave: Wave, at: float) -> str:
    """What happens to the wave, or how long it took."""
    step = run.step
    if step is not None and wave.index and step.wave == wave.index:
        return f"{step.name} {len(step.words)} of {len(wave.hosts)}"
    if wave.ended is None or wave.began is None:
        return ""
    took_it = took(wave.ended - wave.began)
    return took_it if wave.verdict == outcome.CONTINUE else f"{wave.verdict} {took_it}"


def _notes(run: Run, at: float) -> list[str]:
    left, bake = run.left(at), run.baking(at)
    now = f"{took(at - run.began)} gone"
    if left:
        now += f", about {took(left)} to go"
    if bake:
        now += f", bake: {took(bake)} left"
    elif run.step is not None and not run.step.wave:
        now += f", {run.step.name}: {len(run.step.words)} of {len(run.words)}"
    notes = [now]
    if run.verdict is not None:
        notes.append(f"{run.verdict.name}: {run.verdict.verdict}, {run.verdict.reason}")
    unwell = run.unwell()
    notes += [f"{host} {unwell[host]}: {safe(run.reasons.get(host) or '')}" for host in list(unwell)[:_UNWELL]]
    more = len(unwell) - _UNWELL
    return [*notes, *([f"and {more} more that are not well"] if more > 0 else []), *aside(run)]
