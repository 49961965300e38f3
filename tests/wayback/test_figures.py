# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of the ways back: no figure is nicer than the samples."""

from __future__ import annotations

import pytest

from .figures import met, percentile, table, with_section
from .measure import CAUSES, Sample

MACHINE = {"processor": "2 cores", "load": "load 0.1", "after": "0.2"}


def samples(*served: float, started: float = 0.2) -> list[Sample]:
    return [Sample(next(iter(CAUSES)), "h1", started, seconds) for seconds in served]


@pytest.mark.parametrize(("part", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_a_value_that_was_seen(part: float, value: float) -> None:
    assert percentile(range(1, 101), part) == value


def test_one_of_a_hundred_may_be_late_and_two_may_not() -> None:
    assert met(samples(*[2.0] * 99, 30.0))
    assert not met(samples(*[2.0] * 98, 30.0, 30.0))


def test_no_start_may_be_late() -> None:
    assert not met(samples(2.0, started=1.1))


def test_the_section_is_replaced_where_it_stands() -> None:
    page = "# Page\n\ntext\n"
    once = with_section(page, table(samples(2.0), hosts=1, machine=MACHINE))
    assert once.startswith(page) and "| N dies | 1 | 0.20 | 0.20 | 0.20 | 2.00 | 2.00 | 2.00 |" in once
    twice = with_section(once + "\n## More\n\ntext\n", table(samples(3.0), hosts=1, machine=MACHINE))
    assert twice.count("## Measured") == 1
    assert twice.endswith("\n\n## More\n\ntext\n")
    assert "2.00" not in twice
