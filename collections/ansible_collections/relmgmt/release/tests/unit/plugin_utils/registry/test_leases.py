# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may roll out: one at a time, dead and late holders aside, with tokens that only grow."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import ConflictError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Lease, Registry, is_alive

SCOPE = ("calendar/radicale", "prod", "main")
ME = Holder("ctl-1", "boot", 1, "100")
OTHER = Holder("ctl-2", "boot", 2, "200")

CONTENDERS = """
import json, os, sys
import alembic.operations, alembic.runtime.migration  # once, not once a process
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Registry

path, count = sys.argv[1], int(sys.argv[2])
start, go = os.pipe()
stay, leave = os.pipe()
answers, tell = os.pipe()

def contend():
    os.close(go), os.close(leave)
    os.read(start, 1)                       # until all were made
    try:
        with Registry.open(path) as registry:
            answer = ["won", registry.acquire("a/b", "prod", "main", Holder.of(), ttl=600).token]
    except RelmgmtError as exc:
        answer = [exc.code, str(exc)]
    os.write(tell, json.dumps(answer).encode() + b"\\n")
    os.read(stay, 1)                        # alive until all have answered

for _number in range(count):
    if os.fork() == 0:
        try:
            contend()
        finally:
            os._exit(0)
os.close(go)
with os.fdopen(answers) as stream:
    print(json.dumps([json.loads(stream.readline()) for _number in range(count)]))
os.close(leave)
for _number in range(count):
    os.wait()
"""


def acquire(registry: Registry, holder: Holder = ME, *, ttl: float = 600) -> Lease:
    return registry.acquire(*SCOPE, holder, ttl=ttl)


@pytest.fixture
def living(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> set[Holder]:
    """The holders that live."""
    alive = {ME, OTHER}
    monkeypatch.setattr(registry, "_alive", alive.__contains__)
    return alive


def test_thirty_two_processes_and_a_new_registry_have_one_winner(path: pathlib.Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", CONTENDERS, str(path), "32"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answers = json.loads(run.stdout)
    assert sorted(code for code, _text in answers) == ["rollout-locked"] * 31 + ["won"]


def test_the_second_is_told_who_and_since_when(registry: Registry, living: set[Holder], clock: t.Any) -> None:
    acquire(registry)
    clock.move(60)
    with pytest.raises(ConflictError) as caught:
        acquire(registry, OTHER)
    assert caught.value.code == "rollout-locked"
    assert caught.value.message == (
        "calendar/radicale in prod (instance main) is held by process 1 on ctl-1 since 2026-11-21T10:30:00.000000Z"
    )
    assert "2026-11-21T10:40:00.000000Z" in caught.value.hint


def test_other_packages_environments_and_instances_are_free(registry: Registry, living: set[Holder]) -> None:
    acquire(registry)
    others = [
        ("calendar/other", "prod", "main"),
        ("calendar/radicale", "ci", "main"),
        ("calendar/radicale", "prod", "b"),
    ]
    assert [registry.acquire(*scope, OTHER, ttl=600).token for scope in others] == [2, 3, 4]


def test_tokens_only_grow_and_a_refusal_takes_none(registry: Registry, living: set[Holder]) -> None:
    first = acquire(registry)
    with pytest.raises(ConflictError):
        acquire(registry, OTHER)
    assert registry.release(first) is True
    second = acquire(registry, OTHER)
    assert (first.token, second.token) == (1, 2)
    assert first.registry == second.registry == registry.id


@pytest.mark.parametrize("why", ["released", "expired", "dead", "same process"])
def test_a_lease_is_taken_over_when(registry: Registry, living: set[Holder], clock: t.Any, why: str) -> None:
    first = acquire(registry)
    if why == "released":
        registry.release(first)
    elif why == "expired":
        clock.move(600)
    elif why == "dead":
        living.remove(ME)
    assert acquire(registry, ME if why == "same process" else OTHER).token == 2


def test_a_renewed_lease_lasts(registry: Registry, living: set[Holder], clock: t.Any) -> None:
    lease = acquire(registry)
    clock.move(599)
    lease = registry.renew(lease, ttl=600)
    clock.move(599)
    with pytest.raises(ConflictError):
        acquire(registry, OTHER)
    assert lease.expires == "2026-11-21T10:49:59.000000Z"


def test_who_lost_the_lease_neither_renews_nor_releases(registry: Registry, living: set[Holder], clock: t.Any) -> None:
    lost = acquire(registry)
    clock.move(601)
    held = acquire(registry, OTHER)
    with pytest.raises(ConflictError) as caught:
        registry.renew(lost, ttl=600)
    assert caught.value.code == "lease-lost"
    assert registry.release(lost) is False
    assert registry.release(held) is True


def test_liveness_is_certain_only_for_this_boot_of_this_host() -> None:
    me = Holder.of()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    living = Holder.of(child.pid)
    assert is_alive(me)
    assert is_alive(living)
    assert not is_alive(Holder(me.host, me.boot, me.pid, "1")), "the pid was given to another process"
    child.communicate(b"\n")
    assert not is_alive(living)
    for unknown in (Holder("elsewhere", me.boot, child.pid, "1"), Holder(me.host, "other", child.pid, "1"),
                    Holder(me.host, "", child.pid, "1"), Holder(me.host, me.boot, child.pid, "")):  # fmt: skip
        assert is_alive(unknown)


def test_two_packages_never_hold_one_database_at_once(registry: Registry) -> None:
    lease = registry.acquire(*SCOPE, ME, ttl=60, databases=["pg-a/calendar"])
    with pytest.raises(ConflictError) as caught:
        registry.acquire("team/other", "ci", "second", OTHER, ttl=60, databases=["pg-b/other", "pg-a/calendar"])
    assert caught.value.code == "rollout-locked"
    assert caught.value.message.startswith("Database pg-a/calendar is held by process 1 on ctl-1")
    assert registry.acquire("team/other", "ci", "second", OTHER, ttl=60, databases=["pg-b/other"]).token > lease.token


def test_who_is_refused_a_database_holds_nothing(registry: Registry) -> None:
    registry.acquire(*SCOPE, ME, ttl=60, databases=["pg-a/calendar"])
    with pytest.raises(ConflictError):
        registry.acquire("team/other", "ci", "main", OTHER, ttl=60, databases=["pg-a/calendar"])
    assert registry.acquire("team/other", "ci", "main", ME, ttl=60).token == 2


def test_databases_are_given_back_with_their_lease(registry: Registry) -> None:
    lease = registry.acquire(*SCOPE, ME, ttl=60, databases=["pg-a/calendar"])
    assert registry.release(lease)
    assert registry.acquire("team/other", "ci", "main", OTHER, ttl=60, databases=["pg-a/calendar"]).token == 2


def test_a_lease_whose_database_was_taken_over_is_lost(registry: Registry, clock: t.Any) -> None:
    lease = registry.acquire(*SCOPE, ME, ttl=60, databases=["pg-a/calendar"])
    registry.renew(lease, ttl=60)
    clock.move(61)
    registry.acquire("team/other", "ci", "main", OTHER, ttl=60, databases=["pg-a/calendar"])
    with pytest.raises(ConflictError) as caught:
        registry.renew(lease, ttl=60)
    assert caught.value.code == "lease-lost"
