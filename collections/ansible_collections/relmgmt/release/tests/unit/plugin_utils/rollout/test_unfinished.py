# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An open rollout: who may go on with it, who joins it, and how it is taken back."""

from __future__ import annotations

import collections.abc
import datetime
import json
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import (
    ConflictError,
    InputError,
    RelmgmtError,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import (
    DeploymentRow,
    Holder,
    Order,
    Registry,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import (
    HostInput,
    Opened,
    Package,
    clock_warning,
    fresh,
    lease_of,
    open_rollout,
    require_fit_limit,
    run_directory,
    take_back,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout.opening import enter

from .fleet import PACKAGE, deployment, info, lost, manifest, wish
from .test_opening import ME, OTHER, alive, begin, ci, opening, package, registry, runs

__all__ = ["alive", "package", "registry", "runs"]

FLEET = {name: ci(info()) for name in "abc"}
THIRD = Holder("there", "boot", 3, "30")
MakePackage = collections.abc.Callable[..., Package]


def code(call: t.Callable[[], object]) -> str:
    with pytest.raises(RelmgmtError) as caught:
        call()
    assert caught.value.hint
    return caught.value.code


def leave(registry: Registry, opened: Opened) -> None:
    """End the job, and leave the rollout open."""
    assert opened.lease
    registry.end_job(opened.plan.id, opened.part.id)
    registry.release(lease_of(opened.plan, {"registry": opened.lease.registry, "token": opened.lease.token}), ME)


def stage(registry: Registry, new: Package, hosts: dict[str, HostInput] = FLEET, **changes: t.Any) -> Opened:
    """A rollout that was staged and left open, whole."""
    opened = begin(registry, hosts, new, **changes)
    rows = [DeploymentRow(name, "ber", 1, "absent", "absent", "staged", deployment=2) for name in hosts]
    registry.record_deployments(opened.plan.id, rows)
    leave(registry, opened)
    return opened


def join(
    registry: Registry, new: Package, staged: Opened, *names: str, holder: Holder = ME, **changes: t.Any
) -> Opened:
    hosts = {name: FLEET.get(name, ci(info())) for name in names}
    return open_rollout(opening(registry, hosts, new, rollout=staged.plan.id, **changes), registry, holder)


# --- joining ---


def test_who_joins_has_hosts_of_its_own_in_the_waves_of_the_plan(registry: Registry, package: MakePackage) -> None:
    new = package()
    staged = stage(registry, new)
    joined = join(registry, new, staged, "b", strategy="rolling", batch="1", failure_budget=3)
    assert (joined.plan.id, joined.plan.waves) == (staged.plan.id, staged.plan.waves)
    assert (joined.plan.strategy, joined.plan.failure_budget) == ("canary", 0), "what was decided stays so"
    assert joined.part.hosts == ("b",) and set(joined.plan.hosts) == set("abc")
    assert joined.lease and staged.lease and joined.lease.token > staged.lease.token
    row = registry.rollout(staged.plan.id)
    assert (row["token"], row["plan"]) == (joined.lease.token, staged.plan.to_dict())
    assert joined.directory and joined.directory.name == f"{staged.plan.id}.{joined.part.id}"
    assert [path.name for path in (joined.directory / "profiles").iterdir()] == ["62.json"]


def test_jobs_of_one_rollout_share_its_token(registry: Registry, package: MakePackage) -> None:
    new = package()
    staged = stage(registry, new)
    first, second = (join(registry, new, staged, *names, holder=who) for names, who in (("a", ME), ("bc", OTHER)))
    assert first.lease and second.lease and first.lease.token == second.lease.token
    assert first.directory != second.directory
    jobs = registry.jobs(staged.plan.id, token=first.lease.token)
    assert [(job.hosts, job.living) for job in jobs] == [
        (("a", "b", "c"), False),
        (("a",), True),
        (("b", "c"), True),
    ]


def test_a_host_is_in_one_job_at_a_time(registry: Registry, package: MakePackage, alive: set[Holder]) -> None:
    new = package()
    staged = stage(registry, new)
    join(registry, new, staged, "a", "b")
    with pytest.raises(RelmgmtError) as caught:
        join(registry, new, staged, "b", "c", holder=OTHER)
    assert (caught.value.code, "b of rollout" in caught.value.message) == ("host-taken", True)
    alive.discard(ME)
    assert join(registry, new, staged, "b", "c", holder=OTHER).lease, "a job that is dead has no hosts"


def test_a_whole_run_is_not_joined(registry: Registry, package: MakePackage) -> None:
    new = package()
    whole = begin(registry, FLEET, new)
    assert code(lambda: join(registry, new, whole, "a", holder=OTHER)) == "host-taken"


def test_a_job_that_is_killed_goes_on_as_it_was(registry: Registry, package: MakePackage, alive: set[Holder]) -> None:
    new = package()
    staged = stage(registry, new)
    first = join(registry, new, staged, "a", "b")
    alive.discard(ME)
    again = join(registry, new, staged, "a", "b", holder=OTHER)
    assert (again.plan.id, again.plan.waves, again.part.hosts) == (first.plan.id, first.plan.waves, first.part.hosts)
    assert first.lease and again.lease and again.lease.token > first.lease.token


def test_the_id_with_all_hosts_goes_on_whatever_the_variables_say_now(registry: Registry, package: MakePackage) -> None:
    new = package()
    staged = stage(registry, new, strategy="rolling", batch="1")
    whole = join(registry, new, staged, *"abc", strategy="big_bang")
    assert (whole.plan.id, whole.plan.waves) == (staged.plan.id, staged.plan.waves)
    assert whole.part.is_whole(whole.plan)


def test_a_job_that_finds_another_taking_the_lease_waits_for_its_token(
    registry: Registry, package: MakePackage
) -> None:
    plan = stage(registry, package()).plan
    taken = registry.acquire(PACKAGE, "prod", "main", OTHER, ttl=900)
    said = list[float]()

    def other_says_so(seconds: float) -> None:
        said.append(seconds)
        registry.claim_rollout(plan.id, taken.token)

    assert enter(registry, plan, ME, wait=other_says_so).token == taken.token
    assert len(said) == 1


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        pytest.param({"rollout": "20000101T000000Z-0000"}, "rollout-unknown", id="unknown"),
        pytest.param({"environment": "ci"}, "rollout-other", id="another environment"),
        pytest.param({"kind": "rehearsal"}, "rollout-other", id="another kind"),
        pytest.param({"instance": "second"}, "rollout-other", id="another instance"),
    ],
)
def test_an_id_has_to_be_that_of_what_is_meant(
    registry: Registry, package: MakePackage, changes: dict[str, t.Any], refused: str
) -> None:
    new = package()
    staged = stage(registry, new)
    hosts = {"a": FLEET["a"]}
    asked = opening(registry, hosts, new, **{"rollout": staged.plan.id, **changes})
    assert code(lambda: open_rollout(asked, registry, ME)) == refused


def test_what_has_ended_is_not_joined_nor_are_hosts_that_it_does_not_know(
    registry: Registry, package: MakePackage
) -> None:
    new = package()
    staged = stage(registry, new)
    assert code(lambda: join(registry, new, staged, "a", "x")) == "host-not-planned"
    registry.finish_rollout(staged.plan.id, "succeeded")
    assert code(lambda: join(registry, new, staged, "a")) == "rollout-finished"


def test_a_limit_needs_a_rollout_to_join_and_hosts_that_there_are() -> None:
    require_fit_limit("", "", ())
    require_fit_limit("a, web:!b,web[0:2]", "r1", {"a", "web"})
    with pytest.raises(InputError) as caught:
        require_fit_limit("a", "", {"a"})
    assert (caught.value.code, "relmgmt_rollout_id" in caught.value.hint) == ("rollout-limited", True)
    with pytest.raises(InputError) as caught:
        require_fit_limit("a,typo", "r1", {"a"})
    assert (caught.value.code, "typo" in caught.value.message) == ("limit-unknown", True)


# --- orders ---


def test_what_was_paused_is_not_gone_on_with_until_it_is_resumed(registry: Registry, package: MakePackage) -> None:
    new = package()
    staged = stage(registry, new)
    registry.give_order(staged.plan.id, Order("pause", "ann", "a fire"))
    with pytest.raises(ConflictError) as caught:
        begin(registry, FLEET, new)
    assert (caught.value.code, "by ann: a fire" in caught.value.message) == ("rollout-paused", True)
    assert code(lambda: join(registry, new, staged, "a")) == "rollout-paused"
    registry.give_order(staged.plan.id, Order("resume", "bob", "it is out"))
    assert begin(registry, FLEET, new).plan.id == staged.plan.id


def test_what_is_to_go_back_goes_nowhere_else_but_a_rollback_is_never_in_the_way(
    registry: Registry, package: MakePackage
) -> None:
    new = package()
    staged = stage(registry, new)
    registry.give_order(staged.plan.id, Order("revert", "ann", "it is bad"))
    assert code(lambda: begin(registry, FLEET, new)) == "rollout-reverting"
    held = info(deployment(1, manifest("1.0.0"), "p"), deployment(2, manifest(), "p"))
    hosts = {name: HostInput("ber", {}, {}, held) for name in "abc"}
    assert begin(registry, hosts, Package(None, None), kind="rollback", version="1.0.0").plan.kind == "rollback"


def standing(opened: Opened, new: Package, *switched: str) -> dict[str, HostInput]:
    """The hosts, of which some stand on the release."""
    assert opened.directory and new.manifest
    answers = dict[str, HostInput]()
    for name in opened.plan.hosts:
        of = json.loads(run_directory.profile_path(opened.directory, name).read_text())["digest"]
        old = deployment(1, manifest("1.0.0"), "p")
        answers[name] = ci(info(old, deployment(2, new.manifest, of)) if name in switched else info(old))
    return answers


def test_an_open_rollout_is_taken_back_from_where_it_stands(registry: Registry, package: MakePackage) -> None:
    new = package()
    staged = stage(registry, new)
    (canary,) = staged.plan.waves[0].hosts
    other = staged.plan.waves[1].hosts[0]
    hosts = standing(staged, new, canary, other)

    def back(holder: Holder | None = ME) -> t.Any:
        return take_back(wish(), hosts, registry, holder, rollout="", history=())

    assert code(back) == "revert-not-ordered"
    registry.give_order(staged.plan.id, Order("revert", "ann", "it is bad"))
    predicted, taken = back(None), back()
    assert (predicted.lease, predicted.batches, predicted.leaving) == (None, taken.batches, taken.leaving)
    assert taken.lease and taken.plan.id == staged.plan.id
    assert (taken.batches, taken.leaving) == ([[other], [canary]], {canary: 2, other: 2})
    assert (taken.verdict.verdict, taken.verdict.reason) == ("revert_all", "reverted by ann: it is bad")
    assert registry.rollout(staged.plan.id)["token"] == taken.lease.token


def test_nothing_is_taken_back_where_nothing_is_open(registry: Registry) -> None:
    assert code(lambda: take_back(wish(), FLEET, registry, ME, rollout="", history=())) == "rollout-none-open"


def test_a_host_that_was_given_other_configuration_alone_goes_back_too(
    registry: Registry, package: MakePackage
) -> None:
    new = package()
    assert new.manifest
    there = {name: ci(info(deployment(1, new.manifest, "sha256:old"))) for name in "abc"}
    staged = stage(registry, new, there)
    registry.give_order(staged.plan.id, Order("revert", "ann", "it is bad"))
    hosts = standing(staged, new, "a")
    hosts["b"] = there["b"]
    hosts["c"] = ci(lost())
    taken = take_back(wish(), hosts, registry, ME, rollout="", history=())
    assert taken.leaving == {"a": 2}


# --- what has changed since ---


def test_other_bytes_under_the_version_make_the_plan_stale(registry: Registry, package: MakePackage) -> None:
    stage(registry, package())
    other = Package(manifest("2.0.0", size=7), package().path)
    assert code(lambda: begin(registry, FLEET, other)) == "plan-stale"


def test_a_promotion_that_was_withdrawn_makes_the_plan_stale(registry: Registry, package: MakePackage) -> None:
    plan = stage(registry, package()).plan

    def ask(withdrawn: str, begun: t.Any) -> t.Callable[[], None]:
        def asking() -> None:
            with fresh(begun):
                raise InputError(withdrawn, "no", hint="none")

        return asking

    assert code(ask("package-not-promoted", plan)) == "plan-stale"
    assert code(ask("package-not-promoted", None)) == "package-not-promoted"
    assert code(ask("team-unknown", plan)) == "team-unknown"


def test_who_came_and_who_went_since_the_plan_is_named(registry: Registry, package: MakePackage) -> None:
    new = package()
    staged = stage(registry, new)
    now = {"a": FLEET["a"], "b": FLEET["b"], "d": ci(info())}
    with pytest.raises(ConflictError) as caught:
        begin(registry, now, new)
    assert caught.value.code == "plan-hosts-changed"
    assert caught.value.message.endswith("d came; c went")
    assert code(lambda: begin(registry, {}, new)) == "target-empty"
    anew = open_rollout(opening(registry, now, new, rollout="new"), registry, ME)
    assert anew.plan.id != staged.plan.id
    assert registry.rollout(staged.plan.id)["result"] == "stopped"


def test_two_names_for_one_place_are_refused(registry: Registry, package: MakePackage) -> None:
    def named(identity: str) -> HostInput:
        answer = info()
        answer["host"]["identity"] = identity
        return ci(answer)

    twice = {"a": named("one"), "b": named("two"), "c": named("one")}
    with pytest.raises(InputError) as caught:
        begin(registry, twice, package())
    assert (caught.value.code, "a and c" in caught.value.message) == ("host-repeated", True)
    assert begin(registry, {**twice, "c": named("three")}, package()).lease


def test_a_clock_that_is_behind_the_record_is_told() -> None:
    now = datetime.datetime(2026, 11, 22, 10, tzinfo=datetime.UTC)

    def rollout(started: str, wave: str) -> dict[str, t.Any]:
        return {"started": started, "finished": None, "waves": [{"started": wave, "finished": None}]}

    assert clock_warning([], now) == ""
    assert clock_warning([rollout("2026-11-22T10:04:00.000000Z", "2026-11-22T10:04:59.000000Z")], now) == ""
    warned = clock_warning([rollout("2026-11-22T10:00:00.000000Z", "2026-11-22T11:00:00.000000Z")], now)
    assert warned.startswith("clock-behind: ") and "60 minutes ahead" in warned
