# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a preview says, as data and for people."""

from __future__ import annotations

import dataclasses
import datetime
import json
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model import outcome
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Runtime
from ansible_collections.relmgmt.release.plugins.plugin_utils._preview import FORMATS, Joined, Sight, preview
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import Blocker, HostPlan, Plan, Timing, Wave

NOW = datetime.datetime(2026, 11, 22, 0, 30, tzinfo=datetime.UTC)
FREE = 1 << 30
SITES = ("berlin", "madrid", "singapore")
FLEET = [f"{SITES[number % 3]}-{number // 3 + 1}" for number in range(20)]
DIFFERENCE = {
    "before": {"release/app/run": "sha256:1", "release/app/gone": "sha256:2", "profile/app.conf": "profile 3"},
    "after": {
        "release/app/run": "sha256:4",
        "release/app/new": "sha256:5",
        "profile/app.conf": "profile 6",
        "config/port": "profile 6",
        "placement/etc/cron.d/app": "sha256:7",
    },
}
RUNTIME = Runtime.from_dict({"service": {"driver": "systemd", "unit": "app.service"}})


def manifest(version: str, **files: int) -> Manifest:
    """A package whose unit ``app`` holds the files, of these sizes."""
    entries = [
        {"path": name, "mode": "0644", "size": size, "digest": digest_of(f"{name} {version}".encode())}
        for name, size in files.items()
    ]
    blob = {"digest": digest_of(b""), "size": 0}
    unit = {"name": "app", "kind": "files", "destination": "app", "blob": blob, "entries": entries}
    about: dict[str, t.Any] = {name: "semver" for name in ("versioning", "type", "owner")}
    return Manifest.from_dict(
        {
            **about,
            "format": 1,
            "name": "web/app",
            "version": version,
            "units": [unit],
            "config": {},
            "state": [],
            "runtime": {},
            "activation": "restart",
            "about": {},
        }
    )


OLD, NEW = manifest("1.0.0", run=10, gone=20), manifest("2.0.0", run=2048, new=30)


def sight(*, staged: t.Mapping[str, t.Any] | None = None, **release: t.Any) -> Sight:
    told = {"current": {"version": "1.0.0"}, "deployments": [], "units": [], **release}
    info = {"outcome": "ok", "host": {"root": {"free_bytes": FREE, "path": "/srv"}}, "release": told}
    answer = {"outcome": outcome.STAGED, "changes": DIFFERENCE} if staged is None else staged
    return Sight(info, answer, NEW, OLD, runtime=RUNTIME, send=1000)


def plan(*hosts: str, budget: int = 0, rehearsal: t.Mapping[str, t.Any] | None = None) -> Plan:
    """The first host is the canary."""
    return Plan(
        id="check-1",
        kind="rollout",
        package="web/app",
        version="2.0.0",
        digest=NEW.digest,
        environment="prod",
        instance="main",
        strategy="canary",
        on_failure="revert_all",
        failure_budget=budget,
        hosts={host: HostPlan(host.partition("-")[0], "/srv", "1.0.0", "2.0.0", "deploy") for host in hosts},
        waves=(Wave(1, "canary", hosts[:1]), *([Wave(2, "rest", hosts[1:])] if hosts[1:] else ())),
        rehearsal=rehearsal or {},
    )


def made(
    planned: Plan,
    sights: t.Mapping[str, Sight],
    *,
    blockers: t.Sequence[Blocker] = (),
    history: t.Sequence[t.Mapping[str, t.Any]] = (),
    forks: int = 5,
    **about: t.Any,
) -> dict[str, t.Any]:
    timing = Timing(forks, 0.0, history)
    return preview(planned, sights, blockers=blockers, notes=(), timing=timing, now=NOW, **about)


def measured(kind: str, seconds: float, *, times: int = 3, hosts: int = 1, index: int = 1) -> dict[str, t.Any]:
    """A rollout of which so many waves took so long."""
    wave = {
        "index": index,
        "verdict": outcome.CONTINUE,
        "started": NOW.isoformat(),
        "finished": (NOW + datetime.timedelta(seconds=seconds)).isoformat(),
        "hosts": ["a"] * hosts,
    }
    return {"kind": kind, "waves": [wave] * times}


# --- what changes ---


def test_each_kind_of_change_is_told_apart_with_the_sizes_that_are_known() -> None:
    (group,) = made(plan("a"), {"a": sight()})["groups"]
    assert group["files"] == [
        {"change": "removed", "name": "app/gone", "size": 20},
        {"change": "added", "name": "app/new", "size": 30},
        {"change": "changed", "name": "app/run", "size": 2048},
    ]
    assert group["rendered"] == [{"change": "changed", "name": "app.conf"}]
    assert group["configuration"] == [{"change": "added", "name": "port"}]
    assert group["placements"] == [{"change": "added", "name": "placement/etc/cron.d/app"}]
    assert group["service"] == "app.service is restarted"


def test_hosts_with_the_same_change_are_told_together_and_others_apart() -> None:
    other = sight(staged={"outcome": outcome.STAGED, "changes": {"before": {}, "after": {"profile/app.conf": "x"}}})
    told = made(plan("a", "b", "c"), {"a": sight(), "b": other, "c": sight()})
    assert [group["hosts"] for group in told["groups"]] == [["a", "c"], ["b"]]
    assert [told["hosts"][host]["group"] for host in "abc"] == [0, 1, 0]
    assert told["send"] == 3000


def test_a_service_that_does_not_run_yet_is_started() -> None:
    (group,) = made(plan("a"), {"a": sight(current=None)})["groups"]
    assert group["service"] == "app.service is started"


def test_where_a_host_was_not_asked_its_changes_are_not_known_and_the_rest_is_told() -> None:
    told = made(plan("a", "b"), {"a": sight(), "b": sight(staged={})})
    assert (told["hosts"]["b"]["group"], told["hosts"]["b"]["wave"], told["hosts"]["b"]["send"]) == (None, 2, 1000)
    assert "what changes there is not known" in FORMATS["text"](told)


# --- how long it takes ---


def test_what_was_measured_counts_before_what_was_rehearsed_and_that_before_what_is_declared() -> None:
    way = {"hosts": ["a", "b"], "version": "1.0.0", "seconds": {"stage": 1.0, "forward": 4.0, "back": 3.0}}
    ways = {"ways": [{**way, "state": "rehearsed"}]}
    sights = {"a": sight(), "b": sight()}
    declared = made(plan("a", "b"), sights)
    assert {wave["forward"]["source"] for wave in declared["waves"]} == {"declared, not measured"}
    assert declared["time"]["staging"] == {"seconds": 0.0, "source": "not known"}
    rehearsed = made(plan("a", "b", rehearsal=ways), sights)
    assert rehearsed["waves"][0]["forward"] == {"seconds": 4.0, "source": "rehearsed"}
    assert rehearsed["time"] == {
        "staging": {"seconds": 1.0, "source": "rehearsed"},
        "forward": 9.0,
        "back": 6.0,
        "done": "2026-11-22T00:30:09Z",
    }
    history = [measured("rollout", 2.0), measured("rollback", 1.5), measured("rollout", 0.5, index=0)]
    told = made(plan("a", "b", rehearsal=ways), sights, history=history)
    assert told["waves"][1]["forward"] == {"seconds": 2.0, "source": "measured"}
    assert told["waves"][1]["back"] == {"seconds": 1.5, "source": "measured"}
    assert told["time"]["forward"] == 4.5


def test_a_wave_of_more_hosts_than_fit_at_a_time_takes_several_rounds() -> None:
    hosts = [f"h{number}" for number in range(7)]
    told = made(plan(*hosts), {host: sight() for host in hosts}, history=[measured("rollout", 2.0)], forks=3)
    assert [wave["forward"]["seconds"] for wave in told["waves"]] == [2.0, 4.0]


def test_two_waves_are_too_few_to_go_by() -> None:
    told = made(plan("a"), {"a": sight()}, history=[measured("rollout", 2.0, times=2)])
    assert told["waves"][0]["forward"]["source"] == "declared, not measured"


# --- what forbids it ---


@pytest.mark.parametrize(("budget", "blocked"), [(0, True), (1, False)])
def test_a_host_that_would_refuse_forbids_it_where_the_verdict_over_staging_would_stop(
    budget: int, blocked: bool
) -> None:
    refused = {"outcome": outcome.FAILED, "code": "service-user-missing", "reason": "the account 'app' does not exist"}
    told = made(plan("a", "b", budget=budget), {"a": sight(), "b": sight(staged=refused)})
    assert told["blocked"] is blocked
    assert [(found["code"], found["hosts"]) for found in told["blockers"]] == (
        [("service-user-missing", ["b"])] if blocked else []
    )


def test_a_frozen_host_is_named() -> None:
    told = made(plan("a"), {"a": sight(frozen="the schema of shop cannot go back")})
    assert told["notes"] == ["a is frozen: the schema of shop cannot go back"]
    assert not told["blocked"]


# --- rollbacks, rehearsals, parts ---


def way_back(*hosts: str) -> Plan:
    back = {host: HostPlan("berlin", "/srv", "2.0.0", "1.0.0", "deploy") for host in hosts}
    return dataclasses.replace(plan(*hosts), kind="rollback", version="1.0.0", digest="", hosts=back)


def goes_back(**said: t.Any) -> Sight:
    answer = {"outcome": outcome.REVERTED, "from": 2, "to": 1, "takes": 30.0, "changes": DIFFERENCE, **said}
    return dataclasses.replace(sight(), staged=answer, manifest=None, leaving=None, runtime=None, send=None)


def test_a_rollback_tells_what_the_host_itself_says() -> None:
    service = {"name": "app.service", "done": "reload"}
    told = made(way_back("a", "b"), {"a": goes_back(service=service), "b": goes_back(service={"done": ["x"]})})
    first, second = told["groups"]
    assert {item["name"]: item["change"] for item in first["files"]} == {
        "app/gone": "removed",
        "app/new": "added",
        "app/run": "changed",
    }
    assert (first["service"], second["service"]) == ("app.service is reloaded", "")
    assert [(host["leaves"], host["to"]) for host in told["hosts"].values()] == [(2, 1)] * 2
    assert [wave["back"] for wave in told["waves"]] == [{"seconds": 30.0, "source": "declared, not measured"}] * 2
    assert (told["time"]["forward"], told["time"]["back"], told["time"]["done"]) == (0.0, 60.0, "2026-11-22T00:31:00Z")
    text = FORMATS["text"](told)
    assert text.startswith("Preview of the rollback of web/app in prod to 1.0.0\n")
    assert "Time: 1 min 00 s (declared, not measured); begun now" in text
    assert "To send" not in text and "forward" not in text and " leaves  to " in text
    measures = [measured("rollout", 2.0), measured("rollback", 5.0)]
    assert made(way_back("a"), {"a": goes_back()}, history=measures)["time"]["back"] == 5.0


def test_a_host_that_would_refuse_to_go_back_forbids_it() -> None:
    refused = {"outcome": outcome.FAILED, "code": "adopted-changed", "reason": "it is not as it was"}
    told = made(way_back("a", "b"), {"a": goes_back(), "b": dataclasses.replace(goes_back(), staged=refused)})
    assert [(found["code"], found["hosts"]) for found in told["blockers"]] == [("adopted-changed", ["b"])]
    assert "what changes there is not known" in FORMATS["text"](told)


def rehearsed(*names: str, seconds: float) -> dict[str, t.Any]:
    (wave, *_more) = measured("rehearsal", seconds)["waves"]
    return {"kind": "rehearsal", "waves": [{**wave, "index": at, "name": name} for at, name in enumerate(names)]}


@pytest.mark.parametrize(("leave", "rounds"), [("old", 6), ("new", 5)])
def test_a_rehearsal_tells_its_rounds(leave: str, rounds: int) -> None:
    whole = dataclasses.replace(plan("a"), kind="rehearsal")
    names = ("stage", "forward", "back", "stage_again", "forward_again", "back_again")
    history = [rehearsed("stage", "forward", "back", "stage_again", "forward_again", seconds=3.0)] * 2
    told = made(whole, {"a": sight()}, leave=leave, history=history)
    assert [phase["phase"] for phase in told["phases"]] == [*names[:rounds]]
    sources = {phase["phase"]: phase["source"] for phase in told["phases"]}
    assert (sources["forward_again"], sources["back"]) == ("measured", "declared, not measured")
    text = FORMATS["text"](told)
    assert "in two rounds (measured; declared, not measured)" in text
    unknown = FORMATS["text"](made(whole, {"a": sight()}, leave=leave))
    assert "in two rounds, staging not counted (declared, not measured)" in unknown
    assert ("the hosts stay on the release" in text) is (leave == "new")
    assert "Rounds" in text and "Waves" not in text and "1 of 1 host to change, there and back, twice" in text


def test_a_part_of_a_rollout_is_told_in_the_waves_of_the_whole() -> None:
    joined = Joined("r1", ("b",), {"a": outcome.CONFIRMED, "c": outcome.STAGED})
    told = made(plan("a", "b", "c"), {"b": sight()}, joined=joined, history=[measured("rollout", 2.0)])
    assert [(wave["over"], wave["own"]) for wave in told["waves"]] == [(True, []), (False, ["b"])]
    assert [host["elsewhere"] for host in told["hosts"].values()] == ["confirmed", "", "staged"]
    assert told["time"]["forward"] == 2.0
    text = FORMATS["text"](told)
    assert "This job joins rollout r1 with 1 of its 3 hosts" in text and "1 of 1 host to change" in text
    assert "of another job: staged" in text


# --- for people ---


def fleet(*, blocked: bool = False) -> dict[str, t.Any]:
    blockers = [
        Blocker("host-unreachable", "no route to host", "Mend it.", ("berlin-1",)),
        Blocker("host-unreachable", "no route to host", "Mend it.", ("madrid-1",)),
        Blocker(
            "config-invalid", "It breaks its schema:\n  madrid-2: /port: " + "'high' is no number " * 9, "Mend it."
        ),
    ]
    return made(plan(*FLEET), {host: sight() for host in FLEET}, blockers=blockers if blocked else ())


@pytest.mark.parametrize("blocked", [False, True])
def test_the_text_fits_a_terminal_and_names_every_host_and_every_blocker(blocked: bool) -> None:
    text = FORMATS["text"](fleet(blocked=blocked))
    assert max(map(len, text.splitlines())) <= 120
    assert all(any(line.split()[:1] == [host] for line in text.splitlines()) for host in FLEET)
    assert ("BLOCKED: 3 things stand in the way" in text) is blocked
    assert ("Nothing stands in the way." in text) is not blocked
    assert (text.count("no route to host"), text.count("config-invalid")) == ((1, 1) if blocked else (0, 0))
    assert ("  host-unreachable: berlin-1, madrid-1: no route to host" in text.splitlines()) is blocked


def test_one_thing_that_forbids_it_stands_in_the_way() -> None:
    told = made(plan("a"), {"a": sight()}, blockers=[Blocker("rollout-locked", "it is held by process 1")])
    assert "BLOCKED: 1 thing stands in the way" in FORMATS["text"](told)


def test_what_comes_from_outside_cannot_shape_the_ticket() -> None:
    difference = {"before": {}, "after": {"release/app/<b>|x|*y*": "sha256:1"}}
    told = made(plan("a"), {"a": sight(staged={"outcome": outcome.STAGED, "changes": difference})})
    ticket = FORMATS["markdown"](told)
    assert r"\<b\>\|x\|\*y\*" in ticket
    assert "<b>" not in ticket


def test_what_a_host_says_cannot_move_the_cursor_or_break_a_table() -> None:
    left = plan("a", "b", budget=1)
    odd = HostPlan("here", "/srv", "1.0.0", "1.0.0", "left_out", "ssh: no\nroute \x1b[2J| to host")
    left = dataclasses.replace(left, hosts={**left.hosts, "b": odd}, waves=left.waves[:1])
    told = made(left, {"a": sight(), "b": sight()}, blockers=[Blocker("host-silent", "\x1b]0;owned\x07", "", ("b",))])
    for form in ("text", "markdown"):
        assert all(line.isprintable() for line in FORMATS[form](told).splitlines())
        assert sum("no route" in line for line in FORMATS[form](told).splitlines()) == 1


@pytest.mark.parametrize(
    "said", ["all", ["a"], {"before": []}, {"before": {}, "after": "a"}, {"before": {1: ""}, "after": {}}]
)
def test_a_host_that_answers_anything_leaves_the_preview_of_the_others(said: object) -> None:
    told = made(plan("a", "b"), {"a": sight(), "b": sight(staged={"outcome": outcome.STAGED, "changes": said})})
    assert [group["hosts"] for group in told["groups"]] == [["a"]]


def test_every_row_of_the_ticket_has_the_columns_of_its_table() -> None:
    lines = FORMATS["markdown"](fleet(blocked=True)).splitlines()
    tables = [
        [line.count("|") for line in part.splitlines()] for part in "\n".join(lines).split("\n\n") if part[0] == "|"
    ]
    assert [set(table) for table in tables] == [{7}, {11}]
    assert lines[0] == "# Preview of the rollout of web/app 2.0.0 to prod"


def test_json_is_the_data_itself() -> None:
    told = fleet()
    assert json.loads(FORMATS["json"](told)) == told
