# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Databases of a rollout, for real: PostgreSQL, alembic, three hosts that share a database."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import typing as t
import urllib.request

import pytest
import yaml

from ansible_collections.relmgmt.release.tests.unit.plugin_utils.registry import postgres

from .conftest import Reader, ports, wait_for

MATERIAL = pathlib.Path(__file__).parent / "migrations"
HOSTS = ("web-1", "web-2", "web-3")
PLAYBOOK = "ansible-playbook -i hosts.yml relmgmt.release.{0} -e relmgmt_target=web -e relmgmt_package=team/calendar"
APPROVED = "-e relmgmt_point_of_no_return={0} -e \"relmgmt_point_of_no_return_reason='nobody reads titles'\""
STEPS: list[dict[str, t.Any]] = [
    {"phase": "expand", "to": "0001", "back": "base"},
    {"phase": "expand", "to": "0002", "back": "0001"},
    {"phase": "migrate", "to": "0003", "back": "0002"},
    {"phase": "contract", "to": "0004"},
    {"phase": "expand", "to": "0005"},
]

pytestmark = pytest.mark.skipif(bool(postgres.problem()), reason=f"NOT COVERED: migrations: {postgres.problem()}")


def alembic(*words: str) -> list[str]:
    return ["{{ config.python }}", "-m", "alembic", "-c", "{{ relmgmt.release }}/app/alembic.ini", *words]


def step(known: dict[str, t.Any]) -> dict[str, t.Any]:
    back = {"down": alembic("downgrade", known["back"])} if "back" in known else {"irreversible": True}
    return {"phase": known["phase"], "to": known["to"], "up": alembic("upgrade", known["to"]), **back}


class World:
    """Three hosts, one database, and whoever releases to them."""

    def __init__(self, reader: Reader, server: postgres.Cluster) -> None:
        self.reader, self.server = reader, server
        self.ports = dict(zip(HOSTS, ports(3), strict=True))
        self.work = reader.work
        where = {"DML": "dml", "KEYS": "keys", "TRUSTED_ROOT": "root.json", "CACHE": "cache", "REGISTRY": "r/db"}
        reader.environment.update({f"RELMGMT_{name}": str(self.work / path) for name, path in where.items()})
        with server.connected("postgres") as connection:
            connection.execute("CREATE DATABASE calendar")
        (self.work / "hosts.yml").write_text(json.dumps(self.inventory()))
        shutil.copy(MATERIAL / "config.schema.json", self.work)
        reader.run('ansible localhost -m relmgmt.release.dml_repository -a "teams=team environments=staging"')

    def inventory(self) -> dict[str, t.Any]:
        common = {"database": self.server.url("calendar"), "python": sys.executable}
        hosts = {
            host: {"relmgmt_config__80_host": {"team/calendar": {"port": port}}} for host, port in self.ports.items()
        }
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "relmgmt_environment": "staging",
            "relmgmt_root": "{{ inventory_dir }}/hosts/{{ inventory_hostname }}",
            "relmgmt_config__10_all": {"team/calendar": common},
            "relmgmt_databases": {"calendar": "pg-a/calendar"},
        }
        return {"all": {"vars": variables, "children": {"web": {"hosts": hosts}}}}

    def publish(self, version: str, *, start: str, last: str, column: str, fails: bool = False) -> None:
        """A release that reads the column and takes the schema from start to last; fails: its last step does."""
        steps = [step(known) for known in STEPS if start < known["to"] <= last]
        if fails:
            steps[-1]["up"] = ["/bin/false"]
        app = self.work / f"app-{version}"
        shutil.copytree(MATERIAL / "app", app)
        for path in (app / "db" / "versions").glob("*.py"):
            if path.stem.rpartition("_")[2] > last:
                path.unlink()
        release = {
            "format": 1, "name": "team/calendar", "version": version, "versioning": "semver", "type": "minor",
            "owner": "tests",
            "units": [{"name": "app", "kind": "files", "source": app.name, "destination": "app"}],
            "config": {"schema": "config.schema.json"},
            "service": {
                "driver": "command",
                "command": [
                    "{{ config.python }}", "{{ relmgmt.release }}/app/server.py",
                    "{{ config.port }}", "{{ config.database }}", column,
                ],
            },
            "probes": [{"name": "web", "kind": "http", "url": "http://127.0.0.1:{{ config.port }}/"}],
            "health": {"min_healthy_time": 0.5, "healthy_deadline": 90 if column in ("title", "summary") else 5},
            "migrations": [
                {
                    "database": "calendar", "current": alembic("current"), "from": start,
                    "environment": {"DATABASE_URL": "{{ config.database }}"},
                    "steps": steps,
                }
            ],
        }  # fmt: skip
        (self.work / f"release-{version}.yml").write_text(yaml.safe_dump(release))
        where = f"-e relmgmt_release_file=release-{version}.yml -e relmgmt_layout=build/{version}"
        self.reader.run(f"ansible-playbook relmgmt.release.package {where}")
        about = f"-e relmgmt_package=team/calendar -e relmgmt_version={version} -e relmgmt_environment=staging"
        self.reader.run(f"ansible-playbook relmgmt.release.promote {about}")

    def roll(self, version: str, *options: str, playbook: str = "rollout", code: int = 0) -> str:
        return self.reader.run(self.command(version, *options, playbook=playbook), code=code)

    @staticmethod
    def command(version: str, *options: str, playbook: str = "rollout") -> str:
        return " ".join([PLAYBOOK.format(playbook), f"-e relmgmt_version={version}", *options])

    def schema(self) -> list[str]:
        return self.server.ask("calendar", "SELECT version_num FROM alembic_version")

    def answers(self) -> list[str]:
        """What users get from each host."""
        found = []
        for port in self.ports.values():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as response:
                found.append(response.read().decode())
        return found

    def running(self) -> list[str]:
        command = "ls hosts/{0}/team/calendar/main/bin/*/relmgmt-host.pyz | head -1 | xargs -I _ python3 _ status; true"
        lines = [self.reader.run(command.format(host)) for host in HOSTS]
        return [line.partition(", deployment")[0].partition(": ")[2] for line in lines]

    def last(self) -> dict[str, t.Any]:
        answer = self.reader.run("ansible localhost -m relmgmt.release.rollout_info -a package=team/calendar")
        return dict(json.loads(answer.partition("=>")[2])["rollouts"][0])

    def migrated(self) -> list[tuple[str, str, str]]:
        return [(row["phase"], row["outcome"], row["version"]) for row in self.last()["migrations"]]


@pytest.fixture(scope="module")
def server() -> t.Iterator[postgres.Cluster]:
    with postgres.cluster() as made:
        yield made


@pytest.fixture
def world(reader: Reader, server: postgres.Cluster) -> t.Iterator[World]:
    """All hosts on 1.0.0, with events."""
    made = World(reader, server)
    made.publish("1.0.0", start="", last="0001", column="title")
    made.roll("1.0.0")
    with server.connected("calendar") as connection:
        connection.execute("INSERT INTO events VALUES (1, 'standup'), (2, 'lunch')")
    yield made
    with server.connected("postgres") as connection:
        connection.execute("DROP DATABASE calendar WITH (FORCE)")


def test_schema_and_code_go_out_and_come_back_together(world: World) -> None:
    assert (world.schema(), world.answers()) == (["0001"], ["standup\nlunch"] * 3)
    assert world.migrated() == [("before", "migrated", "0001")]  # once for three hosts

    world.publish("1.0.8", start="0001", last="0003", column="title", fails=True)
    shown = world.roll("1.0.8", code=2)
    assert "migration of calendar to 0003" in shown and "(hosts: 3 staged)" in shown
    assert (world.schema(), world.running()) == (["0001"], ["CONFIRMED, version 1.0.0"] * 3)
    assert world.migrated() == [("before", "failed", "0002"), ("undo", "migrated", "0001")]

    world.publish("1.0.9", start="0001", last="0004", column="nothing")
    assert "undo: calendar is at 0001" in world.roll("1.0.9", code=2)
    assert (world.schema(), world.running()) == (["0001"], ["CONFIRMED, version 1.0.0"] * 3)
    assert world.migrated() == [("before", "migrated", "0003"), ("undo", "migrated", "0001")]

    world.publish("1.1.0", start="0001", last="0004", column="summary")
    assert "schema of calendar from 0001, on web-" in world.roll("1.1.0", "--check")
    shown = world.reader.run(world.command("1.1.0", playbook="rehearse").replace("=web ", "=web-1 "))
    assert "rehearsed and signed" in shown and world.schema() == ["0001"]

    cut = kill_in_the_middle(world)
    resumed = world.roll("1.1.0")
    assert "contract of calendar is not done: it cannot be taken back, and awaits its approval" in resumed
    assert (world.last()["id"], world.last()["result"]) == (cut["id"], "succeeded")
    assert (world.schema(), world.running()) == (["0003"], ["CONFIRMED, version 1.1.0"] * 3)

    world.roll("1.0.0", playbook="rollback")
    assert (world.schema(), world.running()) == (["0001"], ["CONFIRMED, version 1.0.0"] * 3)
    assert world.answers() == ["standup\nlunch"] * 3


def kill_in_the_middle(world: World) -> dict[str, t.Any]:
    """Begin a rollout to 1.1.0, and kill it while the database works for it; users are served meanwhile."""
    with world.server.connected("calendar") as connection:
        connection.execute("SELECT pg_advisory_lock(3)")  # the step to 0003 waits for it
        began = subprocess.Popen(
            world.command("1.1.0"), shell=True, cwd=world.work, env=world.reader.environment,
            stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        wait_for(lambda: any(world.server.ask("calendar", "SELECT 1 FROM pg_locks WHERE NOT granted")), began)
        assert (world.schema(), world.answers()) == (["0002"], ["standup\nlunch"] * 3)
        os.killpg(began.pid, signal.SIGKILL)
        began.wait()
    return world.last()


@pytest.mark.nightly
def test_behind_a_point_of_no_return_nobody_goes_back(world: World) -> None:
    world.publish("1.1.0", start="0001", last="0004", column="summary")
    world.roll("1.1.0")
    assert world.schema() == ["0003"]
    assert "calendar is at 0004" in world.roll("1.1.0", APPROVED.format("1.1.0"))
    assert (world.schema(), world.migrated()) == (["0004"], [("after", "migrated", "0004")])
    assert "nothing to do" in world.roll("1.1.0", APPROVED.format("1.1.0"))
    assert "no way to 1.0.0" in world.roll("1.0.0", playbook="rollback", code=2)
    assert world.answers() == ["standup\nlunch"] * 3

    world.publish("1.2.0", start="0004", last="0005", column="nothing")
    assert "behind it no host goes back" in world.roll("1.2.0", code=2)
    assert world.schema() == ["0004"]
    shown = world.roll("1.2.0", APPROVED.format("1.2.0"), code=2)
    assert "behind a point of no return nobody is taken back" in shown
    assert (world.schema(), world.last()["result"]) == (["0005"], "frozen")
    assert sorted(world.running()) == ["CONFIRMED, version 1.1.0"] * 2 + ["FAILED, version 1.2.0"]

    world.publish("1.2.1", start="0004", last="0005", column="summary")
    world.roll("1.2.1")
    assert (world.running(), world.answers()) == (["CONFIRMED, version 1.2.1"] * 3, ["standup"] * 3)
