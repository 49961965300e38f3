# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may roll out: one at a time, dead and late holders aside, with tokens that only grow."""

from __future__ import annotations

import datetime
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import ConflictError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Lease, Registry, is_alive
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import clock as clocks

SCOPE = ("calendar/radicale", "prod", "main")
ME = Holder("ctl-1", "boot", 1, "100")
OTHER = Holder("ctl-2", "boot", 2, "200")
THIRD = Holder("ctl-3", "boot", 3, "300")


def acquire(registry: Registry, holder: Holder = ME, *, ttl: float = 600) -> Lease:
    return registry.acquire(*SCOPE, holder, ttl=ttl)


@pytest.fixture
def living(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> set[Holder]:
    """The holders that live."""
    alive = {ME, OTHER, THIRD}
    monkeypatch.setattr(registry, "_alive", alive.__contains__)
    return alive


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
    tokens = [registry.acquire(*scope, OTHER, ttl=600).token for scope in others]
    assert tokens == sorted(set(tokens))


def test_tokens_only_grow_and_a_refusal_takes_none(registry: Registry, living: set[Holder]) -> None:
    first = acquire(registry)
    with pytest.raises(ConflictError):
        acquire(registry, OTHER)
    assert registry.release(first, ME) is True
    second = acquire(registry, OTHER)
    assert second.token == first.token + 1
    assert first.registry == second.registry == registry.id


@pytest.mark.parametrize("how", ["released", "expired", "died", "taken-over"])
def test_a_lease_is_had_again_and_how_it_ended_is_on_record(
    registry: Registry, living: set[Holder], clock: t.Any, how: str
) -> None:
    first = acquire(registry)
    clock.move(60)
    if how == "released":
        assert registry.release(first, ME)
    elif how == "expired":
        clock.move(540)
    elif how == "died":
        living.remove(ME)
    second = acquire(registry, ME if how == "taken-over" else OTHER)
    assert second.token > first.token
    (ended,) = registry.lease_history()
    assert ended == {
        **dict(zip(("package", "environment", "instance"), SCOPE, strict=True)),
        "token": first.token,
        "holder": "process 1 on ctl-1",
        "joined": "2026-11-21T10:30:00.000000Z",
        "ended": "2026-11-21T10:40:00.000000Z" if how == "expired" else "2026-11-21T10:31:00.000000Z",
        "how": how,
        "by": "process 2 on ctl-2" if how in ("expired", "died") else "process 1 on ctl-1",
    }


def test_a_renewed_lease_lasts(registry: Registry, living: set[Holder], clock: t.Any) -> None:
    lease = acquire(registry)
    clock.move(599)
    lease = registry.renew(lease, ME, ttl=600)
    clock.move(599)
    with pytest.raises(ConflictError):
        acquire(registry, OTHER)
    assert lease.expires == "2026-11-21T10:49:59.000000Z"


def test_who_lost_the_lease_neither_renews_nor_releases(registry: Registry, living: set[Holder], clock: t.Any) -> None:
    lost = acquire(registry)
    clock.move(601)
    held = acquire(registry, OTHER)
    with pytest.raises(ConflictError) as caught:
        registry.renew(lost, ME, ttl=600)
    assert caught.value.code == "lease-lost"
    assert registry.release(lost, ME) is False
    assert registry.release(held, OTHER) is True


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
    assert [row["package"] for row in registry.holders()] == [SCOPE[0]]
    registry.acquire("team/other", "ci", "main", OTHER, ttl=60)


def test_databases_are_given_back_with_their_lease(registry: Registry) -> None:
    lease = registry.acquire(*SCOPE, ME, ttl=60, databases=["pg-a/calendar"])
    assert registry.release(lease, ME)
    registry.acquire("team/other", "ci", "main", OTHER, ttl=60, databases=["pg-a/calendar"])


def test_a_lease_whose_database_was_taken_over_is_lost(registry: Registry, clock: t.Any) -> None:
    lease = registry.acquire(*SCOPE, ME, ttl=60, databases=["pg-a/calendar"])
    registry.renew(lease, ME, ttl=60)
    clock.move(61)
    registry.acquire("team/other", "ci", "main", OTHER, ttl=60, databases=["pg-a/calendar"])
    with pytest.raises(ConflictError) as caught:
        registry.renew(lease, ME, ttl=60)
    assert caught.value.code == "lease-lost"


# --- several holders ---


@pytest.fixture
def shared(registry: Registry, living: set[Holder]) -> Lease:
    """A lease that two jobs hold."""
    lease = registry.join(acquire(registry), OTHER, ttl=600)
    assert [row["holder"] for row in registry.holders(*SCOPE)] == ["process 1 on ctl-1", "process 2 on ctl-2"]
    return lease


def held(registry: Registry) -> bool:
    try:
        acquire(registry, THIRD)
    except ConflictError as exc:
        assert exc.code == "rollout-locked"
        return True
    return False


def test_a_job_that_joins_has_the_same_token(registry: Registry, shared: Lease) -> None:
    assert {row["token"] for row in registry.holders()} == {shared.token}


def test_who_leaves_a_shared_lease_leaves_it_to_the_others(registry: Registry, shared: Lease) -> None:
    assert registry.release(shared, ME)
    assert held(registry)
    assert registry.release(shared, OTHER)
    assert registry.holders() == []
    assert [(row["holder"], row["how"]) for row in registry.lease_history()] == [
        ("process 2 on ctl-2", "released"),
        ("process 1 on ctl-1", "released"),
    ]
    assert not held(registry)


def test_who_has_left_is_not_brought_back_by_a_late_sign_of_life(registry: Registry, shared: Lease) -> None:
    registry.beat(shared, ME, ttl=600)
    registry.release(shared, ME)
    with pytest.raises(ConflictError) as caught:
        registry.beat(shared, ME, ttl=600)
    assert caught.value.code == "lease-lost"
    assert [row["holder"] for row in registry.holders()] == ["process 2 on ctl-2"]


def test_a_shared_lease_lives_while_one_of_its_holders_does(
    registry: Registry, shared: Lease, living: set[Holder], clock: t.Any
) -> None:
    living.remove(ME)
    assert [row["gone"] for row in registry.holders()] == ["died", ""]
    clock.move(599)
    registry.renew(shared, OTHER, ttl=600)
    clock.move(599)
    assert held(registry)
    clock.move(1)
    assert not held(registry)
    assert [row["how"] for row in registry.lease_history()] == ["expired", "died"]


def test_the_last_living_holder_gives_a_lease_back_for_the_dead(
    registry: Registry, shared: Lease, living: set[Holder]
) -> None:
    living.remove(ME)
    registry.release(shared, OTHER)
    assert registry.holders() == []
    assert {(row["holder"], row["how"]) for row in registry.lease_history()} == {
        ("process 1 on ctl-1", "died"),
        ("process 2 on ctl-2", "released"),
    }


@pytest.mark.parametrize("why", ["released", "expired", "taken over"])
def test_nobody_joins_a_lease_that_nobody_holds(
    registry: Registry, living: set[Holder], clock: t.Any, why: str
) -> None:
    lease = acquire(registry)
    if why == "released":
        registry.release(lease, ME)
    else:
        clock.move(601)
    if why == "taken over":
        acquire(registry, OTHER)
    with pytest.raises(ConflictError) as caught:
        registry.join(lease, THIRD, ttl=600)
    assert caught.value.code == "lease-lost"


def test_a_sign_of_life_that_comes_late_counts_if_nobody_took_over(
    registry: Registry, living: set[Holder], clock: t.Any
) -> None:
    lease = acquire(registry)
    clock.move(3600)
    registry.renew(lease, ME, ttl=600)
    assert held(registry)


def test_holders_and_history_are_told_by_their_place(registry: Registry) -> None:
    for package in ("a/a", "b/b"):
        registry.release(registry.acquire(package, "prod", "main", ME, ttl=60, databases=["pg-a"]), ME)
        registry.acquire(package, "ci", "main", ME, ttl=60)
    assert [(row["package"], row["environment"]) for row in registry.holders()] == [("a/a", "ci"), ("b/b", "ci")]
    assert [row["package"] for row in registry.holders("b/b")] == ["b/b"]
    assert registry.holders("b/b", "prod") == []
    assert [row["package"] for row in registry.lease_history(environment="prod", limit=1)] == ["b/b"]
    assert registry.lease_history(instance="second") == []


# --- whose clock ---


def test_a_controller_whose_clock_is_an_hour_ahead_takes_no_living_lease(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SQLite: one machine and one clock, but it may jump while the run is seen to live. PostgreSQL: the server's clock.
    sqlite = "://" not in place
    mine = Holder.of() if sqlite else ME
    with Registry.open(place) as registry:
        registry.acquire(*SCOPE, mine, ttl=600)
    ahead = clocks.utc_now() + datetime.timedelta(hours=1)
    monkeypatch.setattr(f"{Registry.__module__.rpartition('.')[0]}.database.utc_now", lambda: ahead)
    with Registry.open(place) as registry:
        with pytest.raises(ConflictError) as caught:
            registry.acquire(*SCOPE, OTHER, ttl=600)
        assert ("lives" in caught.value.hint) is sqlite


def test_times_are_utc_wherever_the_server_stands(database: str) -> None:
    with Registry.open(f"{database}%20-ctimezone%3DAsia/Tokyo") as registry:
        acquire(registry)
        begun = datetime.datetime.strptime(registry.new_rollout_id()[:15], "%Y%m%dT%H%M%S")
        joined = datetime.datetime.strptime(registry.holders()[0]["joined"][:19], "%Y-%m-%dT%H:%M:%S")
    now = clocks.utc_now().replace(tzinfo=None)
    assert max(abs(now - begun), abs(now - joined)) < datetime.timedelta(minutes=30)


def test_on_one_machine_a_lease_ends_with_its_process_and_not_before(registry: Registry, clock: t.Any) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    registry.acquire(*SCOPE, Holder.of(child.pid), ttl=60)
    clock.move(3600)
    with pytest.raises(ConflictError):
        acquire(registry)
    child.communicate(b"\n")
    acquire(registry)
    assert registry.lease_history()[0]["how"] == "died"


def test_a_registry_from_a_backup_gives_no_token_again(path: pathlib.Path, clock: t.Any) -> None:
    with Registry.open(str(path), clock=clock) as registry:
        registry.release(acquire(registry), ME)
        with sqlite3.connect(path) as source:
            backup = sqlite3.connect(path.with_name("backup.db"))
            source.backup(backup)
            backup.close()
        source.close()
        clock.move(1)
        lost = [acquire(registry, holder).token for holder in (ME, ME, ME)]
        identity = registry.id
    for name in ("registry.db", "registry.db-wal", "registry.db-shm"):
        path.with_name(name).unlink(missing_ok=True)
    shutil.copy(path.with_name("backup.db"), path)
    path.chmod(0o600)
    clock.move(60)
    with Registry.open(str(path), clock=clock, identity=identity) as registry:
        assert acquire(registry).token > max(lost)


def test_a_package_that_is_replaced_is_not_rolled_out_meanwhile(registry: Registry) -> None:
    _package, environment, instance = SCOPE
    lease = registry.acquire(*SCOPE, ME, ttl=60, replaces=["team/before"])
    with pytest.raises(ConflictError, match="team/before in .* is held by") as locked:
        registry.acquire("team/before", environment, instance, OTHER, ttl=60)
    assert locked.value.code == "rollout-locked"
    with pytest.raises(ConflictError, match="team/before in .* is held by"):
        registry.require_free("team/before", environment, instance, OTHER)
    assert registry.renew(lease, ME, ttl=60).token == lease.token
    assert registry.acquire("team/before", environment, "second", OTHER, ttl=60).token > lease.token
    registry.release(lease, ME)
    assert registry.acquire("team/before", environment, instance, OTHER, ttl=60).token > lease.token


def test_a_package_that_is_rolled_out_is_not_replaced_meanwhile(registry: Registry) -> None:
    _package, environment, instance = SCOPE
    registry.acquire("team/before", environment, instance, OTHER, ttl=60)
    with pytest.raises(ConflictError) as locked:
        registry.acquire(*SCOPE, ME, ttl=60, replaces=["team/before"])
    assert locked.value.code == "rollout-locked"
