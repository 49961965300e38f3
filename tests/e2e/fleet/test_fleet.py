# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job on real hosts: systemd, ssh as somebody who is not root, a load balancer, and users who notice."""

from __future__ import annotations

import base64
import collections
import contextlib
import dataclasses
import re
import shutil
import socket
import typing as t

import pytest
from rich.console import Console

from examples.demo import BAD, EVENT, GOOD, NEWER, PASSWORD, RELEASES, USER, Narrator, fetch_wheels, show
from tests.testbed import Bed, wait_for

from .fleet import PORT, Fleet, furnish, places, write_inventory
from .fleet import USER as ACCOUNT
from .load import Load

HOSTS = 20
AMPLE = 120.0
REQUESTS = (
    ("GET", "/.web/", 200),
    ("GET", "/.web/", 200),
    ("OPTIONS", f"/{USER}/", 200),
    ("PROPFIND", f"/{USER}/", 207),
)
Results = dict[str, dict[str, t.Any]]


class Recorder(Narrator):
    """Keeps the result of every task on every host."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.tasks: dict[str, Results] = {}

    def event(self, event: dict[str, t.Any]) -> bool:
        if event["event"].startswith("runner_on_"):
            data = event["event_data"]
            task = data.get("task", "").rpartition(" : ")[2]
            self.tasks.setdefault(task, {})[data["host"]] = data.get("res", {})
        return super().event(event)


@dataclasses.dataclass
class Story:
    """What was seen while the releases went out and came back."""

    fleet: Fleet
    recorder: Recorder
    seen: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    serving: bool = False

    def step(self, name: str, playbook: str, version: str, *flags: str, **variables: t.Any) -> None:
        """Run the playbook while users are about; keep its exit code, changes and results, and what the users saw."""
        self.recorder.tasks = {}
        with self.load() as load:
            code, changes = self.fleet.play(f"relmgmt.release.{playbook}", *flags, relmgmt_version=version, **variables)
        self.seen[name] = {"code": code, "changes": changes, "tasks": self.recorder.tasks, "load": load}
        self.seen[name]["versions"] = self.fleet.versions() if self.serving else {}

    def load(self) -> Load:
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return Load(self.fleet.balancer.address, REQUESTS, {"Authorization": f"Basic {token}", "Depth": "0"})

    def all_in(self) -> None:
        """Wait until the load balancer sends users to every host."""
        wait_for("Traffic to every host", lambda: set(self.fleet.traffic().values()) == {"UP"}, seconds=AMPLE)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Story]:
    work = tmp_path_factory.mktemp("fleet")
    (work / "runner").mkdir()
    console = Console(width=130)
    with Bed.up(places(), name="fleet") as bed:
        furnish(bed)
        recorder = Recorder(console)
        told = Story(Fleet(work, recorder, console, write_inventory(work, bed), bed), recorder)
        fetch_wheels()
        told.fleet.play("prepare.yml", demo_work=str(work), demo_releases=RELEASES)
        tell(told)
        yield told
    shutil.rmtree(work)


def tell(story: Story) -> None:
    everywhere: dict[str, t.Any] = {"relmgmt_strategy": "big_bang"}
    rolling: dict[str, t.Any] = {"relmgmt_strategy": "rolling", "relmgmt_batch": "25%"}
    host = "berlin-1"
    story.step("first check", "rollout", GOOD, "--check", **everywhere)
    story.serving = True
    story.step("first", "rollout", GOOD, **everywhere)
    story.all_in()
    story.fleet.ask(host, "MKCALENDAR", f"/{USER}/demo/", expect=201)
    story.fleet.ask(host, "PUT", f"/{USER}/demo/tea.ics", body=EVENT, expect=201)
    story.step("upgrade check", "rollout", NEWER, "--check", **rolling)
    story.step("upgrade", "rollout", NEWER, **rolling)
    story.step("again", "rollout", NEWER, **rolling)
    story.all_in()
    story.step("bad", "rollout", BAD)
    story.all_in()
    story.step("rollback check", "rollback", GOOD, "--check", **rolling)
    story.step("rollback", "rollback", GOOD, **rolling)
    story.seen["entry"] = story.fleet.ask(host, "GET", f"/{USER}/demo/tea.ics")
    show(story.fleet)
    story.seen["record"] = list(reversed(story.recorder.results["Read the record"]["rollouts"]))


def outcomes(rollout: dict[str, t.Any]) -> dict[tuple[str, str, str], int]:
    rows = rollout["deployments"]
    return dict(collections.Counter((row["version_before"], row["version_after"], row["outcome"]) for row in rows))


@pytest.mark.parametrize("step", ["upgrade", "again", "bad", "rollback"])
def test_no_request_fails(story: Story, step: str) -> None:
    load: Load = story.seen[step]["load"]
    assert load.failures == []
    assert load.count > 50
    print(f"{step}: {load.count} requests, none failed; answered by {len(load.servers)} hosts")


@pytest.mark.parametrize("step", ["upgrade", "rollback"])
def test_every_host_serves_its_part_in_the_meantime(story: Story, step: str) -> None:
    assert set(story.seen[step]["load"].servers) == set(story.fleet.addresses)


def test_every_host_went_out_and_came_back(story: Story) -> None:
    first, second, bad, back = map(outcomes, story.seen["record"])
    assert first == {("absent", GOOD, "confirmed"): HOSTS}
    assert second == {(GOOD, NEWER, "confirmed"): HOSTS}
    assert bad == {(NEWER, NEWER, "staged"): HOSTS - 1, (NEWER, NEWER, "reverted"): 1}
    assert back == {(NEWER, GOOD, "reverted"): HOSTS}


def test_what_runs_is_what_was_rolled_out(story: Story) -> None:
    wanted = {"first": GOOD, "upgrade": NEWER, "again": NEWER, "bad": NEWER, "rollback": GOOD}
    assert {step: story.seen[step]["versions"] for step in wanted} == {
        step: {version: HOSTS} for step, version in wanted.items()
    }
    assert [story.seen[step]["code"] for step in wanted] == [0, 0, 0, 2, 0]


def test_state_survives(story: Story) -> None:
    assert "Hatter" in story.seen["entry"]


def test_waves_are_a_quarter_each_and_take_no_site_away(story: Story) -> None:
    waves = [wave for wave in story.seen["record"][1]["waves"] if wave["name"] != "stage"]
    assert [len(wave["hosts"]) for wave in waves] == [5, 5, 5, 5]
    everybody = collections.Counter(places().values())
    for wave in waves:
        sites = collections.Counter(places()[host] for host in wave["hosts"])
        assert all(count < everybody[site] for site, count in sites.items()), wave


def test_a_second_run_changes_nothing(story: Story) -> None:
    assert story.seen["again"]["changes"] == {}


def predicted(tasks: dict[str, Results], task: str) -> dict[str, tuple[t.Any, ...]]:
    results = {host: result for host, result in tasks.get(task, {}).items() if "outcome" in result}
    return {host: (result["changed"], result["outcome"]) for host, result in results.items()}


@pytest.mark.parametrize("step", ["first", "upgrade", "rollback"])
def test_check_mode_says_what_the_run_then_does_and_changes_nothing(story: Story, step: str) -> None:
    said, done = story.seen[f"{step} check"], story.seen[step]
    tasks = [task for task in done["tasks"] if predicted(done["tasks"], task)]
    assert len(tasks) >= 2
    for task in tasks:
        assert predicted(said["tasks"], task) == predicted(done["tasks"], task), task
    assert said["versions"] == {"first": {}, "upgrade": {GOOD: HOSTS}, "rollback": {NEWER: HOSTS}}[step]
    assert said["code"] == 0


def listens(address: str) -> bool:
    """Whether the service takes connections: systemd calls it active before it does."""
    with contextlib.suppress(OSError), socket.create_connection((address, PORT), timeout=AMPLE):
        return True
    return False


def test_the_service_runs_as_its_own_user_and_survives_a_reboot(story: Story) -> None:
    host = story.fleet.bed.hosts["madrid-2"]
    host.reboot()
    wait_for("the service", lambda: host.run("systemctl", "is-active", "radicale", check=False).stdout == "active\n")
    pid = host.run("systemctl", "show", "-P", "MainPID", "radicale").stdout.strip()
    assert host.run("ps", "-o", "user=", "-p", pid).stdout.strip() == ACCOUNT
    wait_for("an answer", lambda: listens(host.address))
    story.all_in()
    assert story.fleet.versions() == {GOOD: HOSTS}


def test_nothing_warns_and_no_secret_is_printed(story: Story) -> None:
    log = story.fleet.log()
    assert not re.findall(r"\[WARNING\].*|\[DEPRECATION.*", log)
    for secret in ("smoke-of-the-demo", "$6$", PASSWORD):
        assert secret not in log


def test_nothing_is_left_on_the_controller(story: Story) -> None:
    assert list(story.fleet.work.glob("relmgmt-*/*")) == []
