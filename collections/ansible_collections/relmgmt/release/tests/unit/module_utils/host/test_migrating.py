# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database follows the release that is to use it, and what it says itself decides."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import subprocess
import time
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import migrating
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Runner
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Runtime

from .database import Database, migration, package, step
from .engine import Host, Package
from .person import Person, working
from .test_guard import Hours

ONE, TWO = Package("1.0.0"), package("2.0.0")
V2, V3 = step("v2", "v1"), step("v3", "v2", phase="migrate")
V4 = {"phase": "contract", "to": "v4", "up": ["set", "v4"], "irreversible": True}


class Migrated(t.NamedTuple):
    """A host on which version 1 runs, a database at v1, and version 2 staged with its steps."""

    host: Host
    database: Database
    deployment: int

    def to(self, version: str, *, check: bool = False, **how: t.Any) -> dict[str, t.Any]:
        how = {"deployment": self.deployment, "database": "calendar", "to": version, **how}
        return self.host.ask("migrate", check=check, **how)

    def refused(self, version: str, **how: t.Any) -> RelmgmtError:
        with pytest.raises(RelmgmtError) as caught:
            self.to(version, **how)
        return caught.value

    @property
    def journal(self) -> list[dict[str, t.Any]]:
        return [event for event in self.host.instance.journal.events() if event["event"].startswith("migrat")]


Make = t.Callable[..., Migrated]


@pytest.fixture
def make(host: Host, tmp_path: pathlib.Path) -> Make:
    def made(*steps: t.Mapping[str, t.Any], version: str = "v1", **about: t.Any) -> Migrated:
        database = Database(tmp_path, version)
        host.deploy(ONE)
        staged = host.stage(TWO, migrations=[migration(host, database, *(steps or (V2, V3, V4)), **about)])
        return Migrated(host, database, int(staged["deployment"]))

    return made


def test_a_database_goes_up_by_a_release_that_is_only_staged_and_down_again(make: Make) -> None:
    it = make()
    up = it.to("v3")
    assert (up["outcome"], up["changed"], up["before"], up["after"], up["failing"]) == (
        *("migrated", True, "v1", "v3", None),
    )
    assert [(one["to"], one["direction"]) for one in up["steps"]] == [("v2", "up"), ("v3", "up")]
    down = it.to("v1")
    assert [(one["to"], one["direction"]) for one in down["steps"]] == [("v2", "down"), ("v1", "down")]
    assert it.database.said == ["set v2", "set v3", "set v2", "set v1"]
    assert it.host.instance.history().current == 1


def test_what_is_done_is_not_done_again(make: Make) -> None:
    it = make(version="v2")
    assert [one["to"] for one in it.to("v3")["steps"]] == ["v3"]
    again = it.to("v3")
    assert (again["changed"], again["steps"], again["before"]) == (False, [], "v3")
    assert it.database.said == ["set v3"]


def test_each_step_is_in_the_journal_before_it_and_after_it(make: Make) -> None:
    it = make(V2, {**V3, "up": ["fail"]})
    it.to("v3")
    told = [(event["event"], event.get("to", event.get("version"))) for event in it.journal]
    assert told == [("migrating", "v2"), ("migrated", "v2"), ("migrating", "v3"), ("migrated", "v2")]
    assert "exit code 1" in it.journal[-1]["reason"]
    assert it.host.instance.history().settled


def test_a_step_that_fails_ends_it_and_tells_why_without_a_password(make: Make) -> None:
    it = make(V2, {**V3, "up": ["fail"]})
    answer = it.to("v3")
    assert (answer["outcome"], answer["code"], answer["changed"]) == ("failed", "migration-failed", True)
    assert (answer["before"], answer["after"], answer["failing"]) == ("v1", "v2", "v3")
    assert [one["to"] for one in answer["steps"]] == ["v2"]
    assert "no such table" in answer["reason"] and "me:***@db" in answer["reason"]
    assert "hunter2" not in answer["reason"] + str(it.journal)


def test_a_step_that_hangs_is_ended(make: Make) -> None:
    it = make({**V2, "up": ["hang"], "timeout": 1})
    answer = it.to("v2")
    assert (answer["outcome"], answer["after"], answer["failing"]) == ("failed", "v1", "v2")
    assert "no end within 1 s" in answer["reason"]


def test_a_step_that_leads_elsewhere_is_astray(make: Make) -> None:
    it = make({**V2, "up": ["set", "v7"]}, V3)
    answer = it.to("v3")
    assert (answer["outcome"], answer["code"], answer["after"]) == ("failed", "schema-astray", "v7")
    assert it.database.said == ["set v7"]


def test_a_database_that_is_lost_by_a_step_is_told_as_unknown(make: Make) -> None:
    it = make({**V2, "up": ["lose"]})
    answer = it.to("v2")
    assert (answer["outcome"], answer["code"], answer["after"]) == ("failed", "schema-unreadable", None)
    assert (it.journal[-1]["event"], it.journal[-1]["version"]) == ("migrated", None)


def test_a_database_that_cannot_be_asked_is_left_alone(make: Make) -> None:
    it = make(current=["/bin/sh", "-c", "echo gone >&2; exit 3"])
    error = it.refused("v2")
    assert error.code == "schema-unreadable"
    assert "exit code 3: gone" in str(error)
    assert it.database.said == []


def test_what_the_release_does_not_know_is_left_alone(make: Make) -> None:
    it = make(version="v9")
    error = it.refused("v3")
    assert error.code == "schema-unknown"
    assert "'v9'" in str(error) and "'v1', 'v2', 'v3', 'v4'" in str(error)
    assert (it.database.said, it.journal) == ([], [])


def test_an_empty_database_prints_nothing(make: Make) -> None:
    it = make(step("v1", ""), version="", **{"from": ""})
    assert (it.to("v1")["before"], it.database.version) == ("", "v1")
    assert (it.to("")["after"], it.database.version) == ("", "")


def test_nothing_leads_back_over_a_point_of_no_return(make: Make) -> None:
    it = make(version="v4")
    error = it.refused("v1")
    assert error.code == "point-of-no-return"
    assert it.database.said == []
    assert it.to("v3", direction="up")["steps"] == []


def test_a_direction_leaves_what_is_there_or_further_alone(make: Make) -> None:
    it = make(version="v2")
    for to, direction in (("v1", "up"), ("v3", "down")):
        answer = it.to(to, direction=direction)
        assert (answer["outcome"], answer["changed"], answer["before"], answer["after"]) == (
            "migrated",
            False,
            "v2",
            "v2",
        )
    assert it.to("v1", direction="down")["after"] == "v1"


def test_check_mode_asks_and_runs_nothing(make: Make) -> None:
    it = make()
    predicted = it.to("v3", check=True)
    assert (predicted["before"], predicted["after"], predicted["changed"]) == ("v1", "v3", True)
    assert (it.database.said, it.journal) == ([], [])
    done = it.to("v3")
    assert [(one["to"], one["direction"]) for one in done["steps"]] == [
        (one["to"], one["direction"]) for one in predicted["steps"]
    ]
    assert it.to("v3", check=True)["changed"] is False


def test_check_mode_knows_nothing_of_a_release_that_is_not_there_yet(make: Make) -> None:
    it = make()
    predicted = it.to("v3", check=True, deployment=9)
    assert (predicted["outcome"], predicted["changed"], predicted["steps"]) == ("migrated", True, [])
    assert "before the release is staged" in predicted["reason"]
    assert it.refused("v3", deployment=9).code == "deployment-missing"


def test_the_release_that_was_left_takes_its_steps_back(make: Make) -> None:
    it = make()
    it.to("v3")
    it.host.ask("activate", deployment=it.deployment)
    it.host.ask("revert", deployment=it.deployment)
    assert it.host.instance.history().status[it.deployment] == "reverted"
    assert it.to("v1", direction="down")["after"] == "v1"


def test_a_provisional_deployment_keeps_its_way_back_free(make: Make) -> None:
    it = make()
    it.host.ask("activate", deployment=it.deployment)
    assert it.refused("v3").code == "deployment-not-final"
    it.host.ask("confirm", deployment=it.deployment)
    assert it.to("v3")["outcome"] == "migrated"


def test_a_release_that_is_not_whole_is_not_run(make: Make) -> None:
    it = make()
    tool = it.host.instance.disk.path("deployments", str(it.deployment), "release", "app", "db.py").resolve()
    tool.chmod(0o644)
    tool.write_text("print('v1')\n")
    assert it.refused("v3").code == "capsule-damaged"


def test_what_is_not_declared_is_refused(make: Make) -> None:
    it = make()
    assert it.refused("v7").code == "schema-target-unknown"
    error = it.refused("v3", database="orders")
    assert error.code == "database-unknown"
    assert "calendar" in str(error)


@pytest.mark.parametrize(("user", "expected"), [("", "root"), ("nobody", "nobody")])
def test_its_commands_run_as_the_service_unless_the_migration_says_who(
    make: Make, monkeypatch: pytest.MonkeyPatch, user: str, expected: str
) -> None:
    it = make(user=user)
    seen: list[str] = []
    run = Runner.run

    def watched(runner: Runner, argv: t.Sequence[str], **how: t.Any) -> t.Any:
        seen.append(how["user"])
        return run(runner, argv, **dict(how, user=""))

    runtime = Instance.runtime

    def with_user(instance: Instance, deployment: int) -> Runtime:
        found = runtime(instance, deployment)
        assert found.service is not None
        return dataclasses.replace(found, service=dataclasses.replace(found.service, user="root"))

    monkeypatch.setattr(Runner, "run", watched)
    monkeypatch.setattr(Instance, "runtime", with_user)
    it.to("v2")
    assert set(seen) == {expected}


def test_environment_and_commands_lead_to_the_deployments_own_release_and_profile(make: Make, host: Host) -> None:
    show = ["/bin/sh", "-c", 'echo "$RELEASE" > "$0"; cat "$RELEASE/app/version" "$PROFILE/port.conf" >> "$0"; echo v1']
    current, out = host.instance.path / "current", host.root.parent / "shown"
    it = make(
        current=[*show, str(out)],
        environment={"RELEASE": f"{current}/release", "PROFILE": f"{current}/profile"},
    )
    assert it.to("v1")["changed"] is False
    own = host.instance.path / "deployments" / str(it.deployment)
    assert out.read_text() == f"{own}/release\n2.0.0{host.port} 200\n"


def test_the_log_tells_of_it(make: Make, person: Person) -> None:
    it = make(V2, {**V3, "up": ["fail"]})
    it.to("v3")
    said = person.types("log").out
    assert "calendar: up from 'v1' to 'v2', by deployment 2 (2.0.0)" in said
    assert "calendar: 'v2', by deployment 2 (2.0.0)\n" in said
    assert "calendar: 'v2', by deployment 2 (2.0.0): " in said and "exit code 1" in said
    assert person.types("status", "--json").json["instances"][0]["last"]["event"] == "confirmed"


# --- interruptions ---


def test_a_step_that_was_interrupted_is_asked_for_again_and_the_database_decides(make: Make) -> None:
    it = make()
    it.host.instance.journal.write("migrating", deployment=it.deployment, database="calendar", to="v2")
    it.database.path.write_text("v2")
    assert [one["to"] for one in it.to("v3")["steps"]] == ["v3"]


def test_who_asks_meanwhile_waits_for_as_long_as_the_steps_may_take(make: Make) -> None:
    it = make()
    hours, lock = Hours(), contextlib.ExitStack()
    lock.enter_context(working(it.host))

    def wait(seconds: float) -> None:
        hours.skipped += 60
        if hours.skipped > 1800:
            lock.close()
        time.sleep(seconds)

    it.host.tools = it.host.tools._replace(clock=hours.now, wait=wait)
    assert it.to("v3")["outcome"] == "migrated"
    assert hours.skipped > 1800


def test_a_step_that_outlived_its_engine_is_waited_for(make: Make) -> None:
    it = make()
    environment = {migrating.MARK: str(it.host.instance.path)}
    left = subprocess.Popen(["sleep", "600"], env={**os.environ, **environment})
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            left.kill()
            left.wait()
        time.sleep(seconds)

    it.host.tools = it.host.tools._replace(wait=wait)
    try:
        assert it.to("v3")["outcome"] == "migrated"
        assert len(waited) == 3
    finally:
        left.kill()
        left.wait()


def test_a_step_that_outlives_its_time_too_is_left_alone_and_named(make: Make) -> None:
    it = make({**V2, "timeout": 1})
    left = subprocess.Popen(["sleep", "600"], env={**os.environ, migrating.MARK: str(it.host.instance.path)})
    try:
        error = it.refused("v2")
        assert error.code == "migration-running"
        assert str(left.pid) in str(error)
        assert (left.poll(), it.database.said) == (None, [])
    finally:
        left.kill()
        left.wait()
