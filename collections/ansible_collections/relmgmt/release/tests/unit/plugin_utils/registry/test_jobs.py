# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs of one rollout, and which hosts each has."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import ConflictError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Registry

ONE, TWO, THREE = (Holder("here", "boot", number, "10") for number in (1, 2, 3))
TTL = 60.0


@pytest.fixture
def registry(path: pathlib.Path, clock: t.Any, rollout: t.Any) -> t.Iterator[Registry]:
    with Registry.open(str(path), clock=clock, alive=lambda holder: holder != THREE) as opened:
        opened.begin_rollout(rollout())
        yield opened


def living(registry: Registry, token: int = 1) -> list[tuple[tuple[str, ...], int]]:
    return [(job.hosts, job.ready) for job in registry.jobs("r1", token=token) if job.living]


def test_jobs_are_seen_with_their_hosts_and_how_far_they_are(registry: Registry, clock: t.Any) -> None:
    first = registry.begin_job("r1", ["a", "b"], ONE, token=1, ttl=TTL)
    second = registry.begin_job("r1", ["c"], TWO, token=1, ttl=TTL)
    assert first != second
    registry.report_job("r1", second, ready=2, ttl=TTL)
    assert sorted(living(registry)) == [(("a", "b"), 0), (("c",), 2)]
    clock.move(TTL - 1)
    registry.report_job("r1", second, ttl=TTL)
    clock.move(2)
    assert living(registry) == [(("c",), 2)], "the other was not heard of in time"
    registry.end_job("r1", second)
    assert living(registry) == []


def test_a_job_lives_as_long_as_its_heart_beats(registry: Registry, clock: t.Any) -> None:
    lease = registry.acquire("calendar/radicale", "prod", "main", ONE, ttl=TTL)
    registry.begin_job("r1", ["a"], ONE, token=lease.token, ttl=TTL)
    clock.move(TTL - 1)
    registry.beat(lease, ONE, ttl=TTL)
    clock.move(TTL - 1)
    assert living(registry, lease.token) == [(("a",), 0)], "nothing was reported, but the lease was renewed"
    clock.move(2)
    assert living(registry, lease.token) == []


def test_a_host_has_one_living_job(registry: Registry) -> None:
    registry.begin_job("r1", ["a", "b"], ONE, token=1, ttl=TTL)
    with pytest.raises(ConflictError) as caught:
        registry.begin_job("r1", ["b", "c"], TWO, token=1, ttl=TTL)
    assert caught.value.code == "host-taken"
    assert caught.value.message.startswith("b of rollout r1") and "process 1 on here" in caught.value.message
    registry.begin_job("r1", ["b"], ONE, token=1, ttl=TTL)
    registry.begin_job("r1", ["b"], TWO, token=2, ttl=TTL)


def test_a_job_whose_process_is_gone_has_no_hosts(registry: Registry) -> None:
    registry.begin_job("r1", ["a"], THREE, token=1, ttl=TTL)
    assert living(registry) == []
    registry.begin_job("r1", ["a"], ONE, token=1, ttl=TTL)


def test_a_token_is_claimed_without_touching_the_plan(registry: Registry) -> None:
    before = registry.rollout("r1")
    registry.claim_rollout("r1", 9)
    assert registry.rollout("r1") == {**before, "token": 9}
    registry.finish_rollout("r1", "succeeded")
    with pytest.raises(ConflictError) as caught:
        registry.claim_rollout("r1", 10)
    assert caught.value.code == "rollout-finished"
