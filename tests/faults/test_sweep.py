# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How trials are done side by side, and how that ends."""

from __future__ import annotations

import threading

from tests.faults.sweep import side_by_side

LIMIT = 60.0


def test_every_result_comes_with_what_it_is_of() -> None:
    assert sorted(side_by_side(str, [1, 2, 3], 2, lambda: True)) == [("1", 1), ("2", 2), ("3", 3)]


def test_as_many_are_done_at_a_time_as_there_may_be() -> None:
    barrier = threading.Barrier(2, timeout=LIMIT)
    assert len(list(side_by_side(lambda _thing: barrier.wait(), range(4), 2, lambda: True))) == 4


def test_what_has_begun_when_it_is_to_end_is_not_lost() -> None:
    begun: list[int] = []

    def work(thing: int) -> int:
        begun.append(thing)
        return thing

    results = list(side_by_side(work, range(10), 2, lambda: len(begun) < 2))
    assert sorted(begun) == sorted(thing for _result, thing in results)
    assert 2 <= len(results) <= 3
