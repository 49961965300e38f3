# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Medians and ratios, the file that keeps the samples, and the page."""

from __future__ import annotations

import pathlib

import pytest

from tests.bench.results import Results
from tests.bench.sample import Cost, HostCost, Phase, Sample
from tests.bench.scenarios import EVERY
from tests.bench.table import page
from tests.bench.trees import TreeFigures

HOSTS = {"h1": HostCost(4, 7 << 20, 1 << 10, 0.5), "h2": HostCost(4, 9 << 20, 3 << 10, 0.7)}


def sample(contestant: str, seconds: float, *, scenario: str = "django-20", phase: Phase = Phase.FIRST) -> Sample:
    hosts = HOSTS if scenario.startswith("django") else {}
    return Sample(scenario, contestant, phase, 0, Cost(seconds, seconds / 2, 90 << 10), hosts)


@pytest.fixture
def results() -> Results:
    samples = [sample("relmgmt", seconds) for seconds in (6.0, 12.0, 8.0)]
    samples += [sample("plain playbook", seconds) for seconds in (4.0, 3.0, 5.0)]
    samples += [sample(name, 1.0, scenario="django-5") for name in ("relmgmt", "plain playbook", "floor")]
    samples += [sample(name, 2.0, scenario="package-django", phase=Phase.BUILD) for name in ("relmgmt", "shell")]
    trees = {"django": TreeFigures(3668, 41_000_000, 134)}
    return Results({"processor": "2 cores of X", "kernel": "Linux 6.1"}, samples, trees, 600.0)


def test_medians_and_their_ratio(results: Results) -> None:
    assert results.median("django-20", "relmgmt", Phase.FIRST, lambda s: s.cost.seconds) == 8.0
    assert results.ratio("django-20", Phase.FIRST, "relmgmt", "plain playbook") == 2.0
    assert results.per_host("django-20", "relmgmt", Phase.FIRST, lambda cost: cost.received >> 20) == 8


def test_what_was_not_measured_has_no_figure(results: Results) -> None:
    assert results.median("django-20", "floor", Phase.FIRST, lambda s: s.cost.seconds) is None
    assert results.ratio("django-20", Phase.FIRST, "relmgmt", "floor") is None
    assert results.per_host("package-django", "relmgmt", Phase.BUILD, lambda cost: cost.runs) is None


def test_every_sample_is_kept(results: Results, tmp_path: pathlib.Path) -> None:
    results.write(tmp_path / "new" / "samples.json")
    assert Results.read(tmp_path / "new" / "samples.json") == results


def test_the_page_says_ratios_first_and_seconds_beside(results: Results) -> None:
    lines = page(results, EVERY).splitlines()
    assert (
        "Machine: 2 cores of X, Linux 6.1. Controller and hosts share it, so what a host computes delays all the"
        in (" ".join(lines))
    )
    assert "## django 5.2.6 → 5.2.7 on 20 hosts, median of 3" in lines
    assert "3,668 files, 41 MB; 134 files are new or differ." in lines
    assert "| first deployment | **2.00** | – | – | 8.00 (6.00–12.00) | 4.00 (3.00–5.00) | – | – |" in lines
    assert "Faster than the plain playbook: nothing. Not faster: first deployment." in lines
    assert "| first deployment | relmgmt | 4.0 | 90 | 0.60 | 4 | 8,192 | 2 |" in lines


def test_the_page_shows_growth_and_packages(results: Results) -> None:
    lines = page(results, EVERY).splitlines()
    assert "## Growth: django 5.2.6 → 5.2.7, seconds" in lines
    assert "| first deployment | relmgmt | 1.0 | 8.0 |" in lines
    assert "| first deployment | relmgmt ÷ plain playbook | **1.00** | **2.00** |" in lines
    assert "| django 5.2.7 | build | 1 | **1.00** | 2.00 | 2.00 | 90 | 90 |" in lines
    assert not any("ansible 11" in line for line in lines)
