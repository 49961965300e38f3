# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the registry keeps: idempotent records, and answers in their order."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import (
    ConflictError,
    InputError,
    RelmgmtError,
)
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import (
    PAUSE,
    RESUME,
    DeploymentRow,
    EvidenceRow,
    Order,
    ProfileRecord,
    Registry,
    RolloutRow,
)

Make = t.Callable[..., t.Any]
START = "2026-11-21T10:30:00.000000Z"
MANIFEST = Manifest("calendar/radicale", "3.9.0", "pep440", "minor", "Calendar team", ())


def code(call: t.Callable[[], object]) -> str:
    with pytest.raises(RelmgmtError) as caught:
        call()
    assert str(caught.value)
    return caught.value.code


def test_every_record_may_be_made_again(registry: Registry, rollout: Make, deployment: Make, clock: t.Any) -> None:
    calls: list[t.Callable[[], object]] = [
        lambda: registry.record_package(MANIFEST),
        lambda: registry.record_promotion(environment="ci", name="a/b", version="1", digest="sha256:" + "1" * 64),
        lambda: registry.begin_rollout(rollout()),
        lambda: registry.record_wave("r1", 0, name="canary", hosts=["ci-ber-01"]),
        lambda: registry.record_deployment("r1", deployment()),
        lambda: registry.record_wave("r1", 0, name="canary", hosts=["ci-ber-01"], verdict="continue"),
        lambda: registry.finish_rollout("r1", "succeeded"),
    ]
    for call in calls[:3]:
        assert call() is True
        clock.move(60)
        assert call() is False
    for call in calls[3:]:
        assert call() is True
        before = registry.rollout("r1")
        clock.move(60)
        assert call() is False
        assert registry.rollout("r1") == before


def test_a_rollout_is_told_with_waves_and_deployments(
    registry: Registry, rollout: Make, deployment: Make, clock: t.Any
) -> None:
    registry.begin_rollout(rollout())
    registry.record_wave("r1", 1, name="rest", hosts=["b"])
    registry.record_wave("r1", 0, name="canary", hosts=["a"])
    registry.record_deployments(
        "r1", [deployment("b", outcome="unreachable", wave=None), deployment("a", deployment=2)]
    )
    clock.move(5)
    registry.record_wave("r1", 0, name="canary", hosts=["a"], verdict="revert_all", reason="a is sick")
    registry.finish_rollout("r1", "failed", "1 host is sick")
    told = registry.rollout("r1")
    assert {key: told[key] for key in ("started", "finished", "result", "reason", "plan", "token")} == {
        "started": START,
        "finished": "2026-11-21T10:30:05.000000Z",
        "result": "failed",
        "reason": "1 host is sick",
        "plan": {"waves": {"ci-ber-01": 0}},
        "token": 1,
    }
    assert told["waves"] == [
        {"index": 0, "name": "canary", "hosts": ["a"], "started": START, "finished": "2026-11-21T10:30:05.000000Z",
         "verdict": "revert_all", "reason": "a is sick", "seconds": 5.0},
        {"index": 1, "name": "rest", "hosts": ["b"], "started": START, "finished": None, "verdict": "", "reason": "",
         "seconds": None},
    ]  # fmt: skip
    assert [(row["host"], row["wave"], row["outcome"], row["deployment"]) for row in told["deployments"]] == [
        ("a", 0, "confirmed", 2),
        ("b", None, "unreachable", 0),
    ]


def test_a_resumed_rollout_keeps_its_start(registry: Registry, rollout: Make, clock: t.Any) -> None:
    registry.begin_rollout(rollout())
    registry.record_wave("r1", 0, name="canary", hosts=["a"], verdict="pause")
    clock.move(60)
    assert registry.begin_rollout(rollout(token=7, plan={"waves": {}})) is True
    registry.record_wave("r1", 0, name="canary", hosts=["a"])
    told = registry.rollout("r1")
    assert (told["started"], told["token"], told["plan"]) == (START, 7, {"waves": {}})
    assert [(wave["started"], wave["finished"], wave["verdict"]) for wave in told["waves"]] == [(START, None, "")]


def test_a_wave_that_is_judged_likewise_again_keeps_the_time_at_which_it_ended(
    registry: Registry, rollout: Make, clock: t.Any
) -> None:
    registry.begin_rollout(rollout())
    registry.record_wave("r1", 1, name="canary", hosts=["a"], verdict="continue", reason="1 of 1 hosts are well")
    clock.move(60)
    registry.record_wave("r1", 1, name="canary", hosts=["a"], verdict="continue", reason="well; sick hosts: 1")
    (wave,) = registry.rollout("r1")["waves"]
    assert (wave["finished"], wave["reason"]) == (START, "well; sick hosts: 1")
    registry.record_wave("r1", 1, name="canary", hosts=["a"], verdict="revert_all", reason="a is sick")
    assert registry.rollout("r1")["waves"][0]["finished"] > START


def test_who_resumes_a_rollout_did_not_begin_it(registry: Registry, rollout: Make) -> None:
    registry.begin_rollout(rollout(by="ann"))
    registry.begin_rollout(rollout(by="bob", token=2))
    assert registry.rollout("r1")["by"] == "ann"


def test_orders_stand_in_the_order_in_which_they_were_given(registry: Registry, rollout: Make, clock: t.Any) -> None:
    registry.begin_rollout(rollout())
    pause, resume = Order(PAUSE, "ann", "the disks fill"), Order(RESUME, "bob", "they do not")
    assert registry.give_order("r1", pause) is True
    clock.move(60)
    assert registry.give_order("r1", pause) is False  # it stands already
    assert registry.give_order("r1", resume) is True
    assert registry.give_order("r1", pause) is True
    told = registry.rollout("r1")["orders"]
    assert [(order["number"], order["kind"], order["by"]) for order in told] == [
        (1, "pause", "ann"),
        (2, "resume", "bob"),
        (3, "pause", "ann"),
    ]
    assert told[0]["given"] == START


def test_orders_that_nobody_can_follow_are_refused(registry: Registry, rollout: Make) -> None:
    registry.begin_rollout(rollout())
    assert code(lambda: registry.give_order("r2", Order(PAUSE, "ann", ""))) == "rollout-unknown"
    assert code(lambda: registry.give_order("r1", Order("stop", "ann", ""))) == "record-malformed"
    registry.finish_rollout("r1", "succeeded")
    assert code(lambda: registry.give_order("r1", Order(PAUSE, "ann", ""))) == "rollout-finished"


def test_only_one_rollout_of_a_package_is_unfinished(registry: Registry, rollout: Make) -> None:
    registry.begin_rollout(rollout())
    assert code(lambda: registry.begin_rollout(rollout("r2"))) == "rollout-open"
    registry.begin_rollout(rollout("r3", environment="ci"))
    registry.begin_rollout(rollout("r4", instance="second"))
    assert (registry.open_rollout("calendar/radicale", "prod", "main") or {})["id"] == "r1"
    registry.finish_rollout("r1", "stopped")
    assert registry.open_rollout("calendar/radicale", "prod", "main") is None
    assert registry.begin_rollout(rollout("r2")) is True


def test_refusals(registry: Registry, rollout: Make, deployment: Make) -> None:
    registry.begin_rollout(rollout())
    refused: dict[t.Callable[[], object], str] = {
        lambda: registry.begin_rollout(rollout(version="4")): "rollout-id-taken",
        lambda: registry.rollout("r9"): "rollout-unknown",
        lambda: registry.record_wave("r9", 0, name="", hosts=[]): "rollout-unknown",
        lambda: registry.record_deployment("r9", deployment()): "rollout-unknown",
        lambda: registry.finish_rollout("r9", "failed"): "rollout-unknown",
        lambda: registry.finish_rollout("r1", "running"): "record-malformed",
        lambda: registry.record_wave("r1", 0, name="", hosts=[], verdict="go"): "record-malformed",
        lambda: deployment(outcome="fine"): "record-malformed",
        lambda: rollout(kind="rollforward"): "record-malformed",
    }
    assert {call: code(call) for call in refused} == refused
    registry.finish_rollout("r1", "failed")
    assert code(lambda: registry.finish_rollout("r1", "succeeded")) == "rollout-finished"
    assert code(lambda: registry.begin_rollout(rollout())) == "rollout-finished"


def test_a_wave_is_recorded_whole_or_not_at_all(registry: Registry, rollout: Make, deployment: Make) -> None:
    def rows() -> t.Iterator[DeploymentRow]:
        yield deployment("a")
        raise InputError("broken", "the second host is broken")

    registry.begin_rollout(rollout())
    assert code(lambda: registry.record_deployments("r1", rows())) == "broken"
    assert registry.rollout("r1")["deployments"] == []


def test_rollouts_are_told_newest_first_by_package_and_environment(
    registry: Registry, rollout: Make, deployment: Make, clock: t.Any
) -> None:
    for number in range(6):
        package, environment = ("a/a", "b/b")[number % 2], ("ci", "prod")[number // 3]
        registry.begin_rollout(rollout(f"r{number}", package=package, environment=environment))
        registry.record_deployment(f"r{number}", deployment(f"host{number}"))
        registry.finish_rollout(f"r{number}", "succeeded")
        clock.move(1)

    def ids(**where: t.Any) -> list[str]:
        return [row["id"] for row in registry.rollouts(**where)]

    assert ids() == ["r5", "r4", "r3", "r2", "r1", "r0"]
    assert ids(limit=2) == ["r5", "r4"]
    assert ids(package="a/a") == ["r4", "r2", "r0"]
    assert ids(package="a/a", environment="prod") == ["r4"]
    assert ids(environment="nowhere") == []
    assert registry.rollouts(limit=1)[0]["deployments"][0]["host"] == "host5"


def test_ids_are_unique_and_sort_by_time(registry: Registry, rollout: Make, clock: t.Any, monkeypatch: t.Any) -> None:
    tokens = iter(["3f9a", "3f9a", "0001", "0000"])
    monkeypatch.setattr("secrets.token_hex", lambda size: next(tokens))
    first = registry.new_rollout_id()
    registry.begin_rollout(RolloutRow(**{**vars(rollout()), "id": first}))
    second = registry.new_rollout_id()
    clock.move(1)
    assert [first, second, registry.new_rollout_id()] == [
        "20261121T103000Z-3f9a",
        "20261121T103000Z-0001",
        "20261121T103001Z-0000",
    ]


def test_a_conflict_is_a_conflict(registry: Registry, rollout: Make) -> None:
    registry.begin_rollout(rollout())
    with pytest.raises(
        ConflictError, match=r"Rollout r1 of calendar/radicale to prod \(instance main\) is not finished"
    ):
        registry.begin_rollout(rollout("r2"))


def test_a_setting_is_what_was_put_last(registry: Registry) -> None:
    assert registry.setting("key") is None
    assert registry.put_setting("key", {"keyid": "1"}) is True
    assert registry.put_setting("key", {"keyid": "1"}) is False
    assert registry.put_setting("key", {"keyid": "2"}) is True
    assert registry.setting("key") == {"keyid": "2"}


def test_evidence_is_told_by_its_way_newest_first(registry: Registry, clock: t.Any) -> None:
    def row(identity: str, before: str = "absent", package: str = "a/a") -> EvidenceRow:
        return EvidenceRow(identity, "rehearsal", package, before, "sha256:2", {"payload": identity})

    for made in (row("1"), row("2"), row("3", before="sha256:1"), row("4", package="b/b")):
        assert registry.record_evidence(made) is True
        clock.move(60)
        assert registry.record_evidence(made) is False
    found = registry.evidence("rehearsal", "a/a", "absent", "sha256:2")
    assert [(item["id"], item["envelope"]) for item in found] == [("2", {"payload": "2"}), ("1", {"payload": "1"})]
    assert registry.evidence("test", "a/a", "absent", "sha256:2") == []


def test_a_profile_is_recorded_once_and_keeps_who_brought_it(registry: Registry, clock: t.Any) -> None:
    digests = [f"sha256:{number:064x}" for number in range(1100)]
    about: dict[str, t.Any] = {
        "package": "a/b",
        "version": "1",
        "release": "sha256:1",
        "environment": "ci",
        "instance": "main",
    }
    parts: dict[str, t.Any] = {"secrets": {}, "versions": {}, "facts": {}, "relmgmt": {}}
    made = [ProfileRecord(digest=digest, host="h", config={"n": [1, None]}, **about, **parts) for digest in digests]
    assert registry.record_profiles("r1", made[:600]) == 600
    clock.move(60)
    assert registry.record_profiles("r2", made) == 500
    found = registry.profiles([*digests, "sha256:none"])
    assert [found[digest].rollout for digest in digests] == ["r1"] * 600 + ["r2"] * 500
    assert found[digests[0]].config == {"n": [1, None]} and found[digests[0]].recorded == START
    assert registry.profile("sha256:none") is None
