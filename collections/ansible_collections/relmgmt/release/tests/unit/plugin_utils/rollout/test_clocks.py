# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Reboot, Runtime
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.clocks import (
    Timing,
    declared,
    largest_wave,
    measured,
    set_clocks,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.strategy import Wave

RUNTIME = Runtime.from_dict(
    {
        "service": {"driver": "command", "command": ["/bin/app"], "start_timeout": 10, "stop_timeout": 5},
        "smoke": [{"name": "login", "command": ["/bin/login"], "timeout": 4}],
        "health": {"healthy_deadline": 20, "confirm_timeout": 60, "progress_deadline": 600},
        "traffic": {"driver": "readiness_file", "drain_time": 1},
    }
)


def waves(*sizes: int) -> list[Wave]:
    return [Wave(index, "w", tuple(f"h{host}" for host in range(size))) for index, size in enumerate(sizes, start=1)]


def history(*seconds: float, hosts: int = 1, verdict: str = "continue") -> list[dict[str, t.Any]]:
    stamps = [
        {
            "index": 1,
            "verdict": verdict,
            "hosts": ["h"] * hosts,
            "started": "2026-11-21T10:00:00.000000Z",
            "finished": f"2026-11-21T10:{int(took // 60):02}:{took % 60:09.6f}Z",
        }
        for took in seconds
    ]
    return [{"waves": [stamp]} for stamp in stamps]


def test_what_a_package_declares_is_all_that_a_host_may_take() -> None:
    assert declared(RUNTIME) == 20 + 4 + 10 + 5 + 1


def test_a_boot_of_the_host_counts_too() -> None:
    reboot = Reboot.from_dict({"timeout": 300})
    assert declared(dataclasses.replace(RUNTIME, reboot=reboot)) == declared(RUNTIME) + 300


def test_the_first_time_hosts_wait_twice_as_long_as_is_declared() -> None:
    assert set_clocks(waves(1, 5), [RUNTIME], Timing(forks=5)).confirm_timeout == 80
    assert set_clocks(waves(1, 11), [RUNTIME], Timing(forks=5)).confirm_timeout == 240
    assert set_clocks(waves(100), [RUNTIME], Timing(forks=5)) == (600, "")


def test_what_waves_took_counts_more_than_what_is_declared() -> None:
    assert set_clocks(waves(5), [RUNTIME], Timing(forks=5, history=history(2, 3, 50))).confirm_timeout == 100
    assert set_clocks(waves(5), [RUNTIME], Timing(forks=5, history=history(2, 3, 4))).confirm_timeout == 60
    assert set_clocks(waves(5), [RUNTIME], Timing(forks=5, history=history(2, 3))).confirm_timeout == 80


def test_what_somebody_asks_for_is_done_and_warned_about_where_waves_took_longer() -> None:
    assert set_clocks(waves(5), [RUNTIME], Timing(forks=5, wanted=8)) == (8, "")
    assert set_clocks(waves(5), [RUNTIME], Timing(forks=5, wanted=8, history=history(1, 2, 3))) == (8, "")
    clocks = set_clocks(waves(5), [RUNTIME], Timing(forks=5, wanted=8, history=history(9, 9, 9)))
    assert clocks.confirm_timeout == 8
    assert "wait 8 s" in clocks.warning and "may take 9 s" in clocks.warning and "relmgmt_batch" in clocks.warning


def test_waves_that_are_too_large_for_the_deadline_are_warned_about() -> None:
    clocks = set_clocks(waves(100), [RUNTIME], Timing(forks=5, history=history(50, 50, 50)))
    assert clocks.confirm_timeout == 600
    assert "may take 1000 s" in clocks.warning


def test_only_waves_that_went_on_are_measured_and_as_many_hosts_as_fit_at_a_time() -> None:
    assert list(measured(history(12, hosts=10) + history(1, verdict="revert_all"), forks=5)) == [6]
    unfinished = {
        "index": 1,
        "verdict": "continue",
        "hosts": ["h"],
        "started": "2026-11-21T10:00:00Z",
        "finished": None,
    }
    staging = {**unfinished, "index": 0, "finished": "2026-11-21T10:00:09Z"}
    assert list(measured([{"waves": [unfinished, staging]}], forks=5)) == []


def test_waves_are_as_large_as_hosts_may_wait_for() -> None:
    def largest(seconds: float, *, wanted: float = 0.0, forks: int = 5) -> int | None:
        known = history(seconds, seconds, seconds, hosts=forks)
        limit = largest_wave([RUNTIME], Timing(forks=forks, wanted=wanted, history=known))
        return limit and limit.hosts

    assert largest(9, wanted=40) == 10
    assert largest(10, wanted=40) == 10
    assert largest(11, wanted=40) == 5
    assert largest(50) == 30, "the package's progress_deadline"
    assert largest(50, forks=1) == 6
    assert largest(9, wanted=17) is None, "smaller waves would not be faster"
    assert largest_wave([RUNTIME], Timing(forks=5, wanted=8)) is None, "nothing was measured"
    assert largest_wave([], Timing(forks=5, wanted=8)) is None


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 20), st.floats(0.1, 300), st.integers(0, 10), st.floats(0.1, 1.9))
def test_a_wave_of_the_largest_size_fits_and_one_more_round_would_not(
    forks: int, one: float, rounds: int, more: float
) -> None:
    wanted = one * (2 * rounds + more)
    timing = Timing(forks=forks, wanted=wanted, history=history(*[round(one, 6)] * 3, hosts=forks))
    limit = largest_wave([RUNTIME], timing)
    assert (limit is None) == (rounds == 0)
    if limit is None:
        assert "go back too early" in set_clocks(waves(1), [RUNTIME], timing).warning
        return
    assert set_clocks(waves(limit.hosts), [RUNTIME], timing) == (wanted, "")
    assert set_clocks(waves(limit.hosts + 1), [RUNTIME], timing).warning
