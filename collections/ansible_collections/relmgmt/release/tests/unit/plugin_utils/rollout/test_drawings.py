# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pictures in docs/strategies.md are what the strategies give."""

from __future__ import annotations

import collections.abc
import pathlib
import re
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import STRATEGIES, Options, Wave, waves

PAGE = pathlib.Path(__file__).parents[4] / "docs/strategies.md"
TEXT = PAGE.read_text(encoding="utf-8")
DRAWINGS = re.findall(r"^```text\n(-e [^\n]*)\n\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
SITES = {"berlin": 8, "madrid": 6, "singapore": 6}  # as in inventories/sites
FLEET = {f"{site}-{number}": site for site, count in SITES.items() for number in range(1, count + 1)}


def drawn(made: collections.abc.Sequence[Wave]) -> str:
    """A line for each wave, a sign for each host."""
    labels = [f"{wave.index} {wave.name}" for wave in made]
    widths = [max(map(len, labels)), *(max(len(site), count) for site, count in SITES.items())]
    rows, done = [["", *SITES]], set[str]()
    for label, wave in zip(labels, made, strict=True):
        rows.append([label, *("".join(signs(site, wave, done)) for site in SITES)])
        rows[-1] += [f"then {wave.bake:g} s"] if wave.bake else []
        done.update(wave.hosts)
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=False)) for row in rows]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def signs(site: str, wave: Wave, done: collections.abc.Set[str]) -> t.Iterator[str]:
    for host, where in FLEET.items():
        if where == site:
            yield "#" if host in wave.hosts else "+" if host in done else "."


def options(line: str) -> tuple[str, Options]:
    """Strategy and options that the variables of a command line stand for."""
    values: dict[str, t.Any] = dict(word.removeprefix("relmgmt_").split("=") for word in line.split() if word != "-e")
    strategy = values.pop("strategy")
    values["bake"] = float(values.get("bake", 0))
    values |= {name: tuple(values[name].split(",")) for name in ("canary_hosts", "site_order") if name in values}
    return strategy, Options("calendar/radicale", **values)


@pytest.mark.parametrize(("line", "drawing"), DRAWINGS)
def test_a_picture_of_waves_shows_what_the_strategy_gives(line: str, drawing: str) -> None:
    strategy, told = options(line)
    assert drawing == drawn(waves(strategy, FLEET, told))


def test_every_strategy_has_a_heading_and_a_picture() -> None:
    assert {options(line)[0] for line, _drawing in DRAWINGS} == set(STRATEGIES)
    headings = re.findall(r"^## (\w+)$", TEXT, re.MULTILINE)
    assert set(STRATEGIES) <= set(headings)
