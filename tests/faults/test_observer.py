# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How answers of a service are judged, and how long safety took."""

from __future__ import annotations

import typing as t

import pytest

from tests.faults.observer import Sample, Version, judge, seconds_to_safe

VERSIONS = (Version("safe-N", "2.0.0", "new"), Version("safe-N-1", "1.0.0", "old"))


def answer(version: str = "2.0.0", digest: str = "new", *, traffic: bool = True) -> dict[str, t.Any]:
    return {"version": version, "digest": digest, "traffic": traffic}


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (answer(), "safe-N"),
        (answer("1.0.0", "old"), "safe-N-1"),
        (answer(traffic=False), "unsafe: 2.0.0 healthy, out of traffic"),
        (answer("1.0.0", "new"), "unsafe: 1.0.0 with other bytes"),
        (answer("2.0.0", "old"), "unsafe: 2.0.0 with other bytes"),
        (answer("3.0.0"), "unsafe: version 3.0.0"),
        ("no answer: ConnectionRefusedError", "unsafe: no answer: ConnectionRefusedError"),
    ],
)
def test_a_host_is_safe_only_with_the_bytes_of_its_version_and_in_traffic(
    said: dict[str, t.Any] | str, state: str
) -> None:
    assert judge(said, VERSIONS) == state


def test_the_bytes_of_n_do_not_count_where_it_changes_them_itself() -> None:
    assert judge(answer(digest="spoiled"), VERSIONS, own_bytes=False) == "safe-N"
    assert judge(answer("1.0.0", "spoiled"), VERSIONS, own_bytes=False) == "unsafe: 1.0.0 with other bytes"


def samples(*states: str) -> list[Sample]:
    return [Sample(float(second), state) for second, state in enumerate(states)]


@pytest.mark.parametrize(
    ("states", "seconds"),
    [
        (("safe-N-1", "safe-N-1", "safe-N-1"), 0.0),
        (("safe-N-1", "unsafe: no answer", "safe-N"), 1.0),
        (("safe-N-1", "safe-N-1", "unsafe: no answer"), None),
        (("safe-N-1", "dead", "dead"), None),
        (("unsafe: no answer", "dead", "unsafe: no answer", "safe-N-1", "safe-N"), 1.0),
        (("safe-N-1", "unsafe: a", "safe-N-1", "unsafe: b", "unsafe: b", "safe-N"), 2.0),
        (("unsafe: before the fault", "safe-N-1", "safe-N-1"), 0.0),
    ],
)
def test_seconds_are_the_longest_stretch_since_the_strike_that_is_not_the_faults_own(
    states: tuple[str, ...], seconds: float | None
) -> None:
    assert seconds_to_safe(samples(*states), 1.0) == seconds


def test_who_was_never_looked_at_is_not_safe() -> None:
    assert seconds_to_safe([], 0.0) is None
