# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened is recorded now or later, once, and not over what somebody else has recorded since."""

from __future__ import annotations

import collections.abc
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import (
    BackendError,
    ConflictError,
    InputError,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import (
    DeploymentRow,
    Holder,
    Lease,
    Registry,
    RolloutRow,
    entry,
    is_alive,
)
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import catch_up, keep, spool

SCOPE = ("a/b", "prod", "main")
OTHER = Holder("ctl-2", "boot", 2, "200")
HOSTS = ["one", "two"]


def deployed(outcome: str) -> entry.Entry:
    row = DeploymentRow("one", "here", 1, version_before="1", version_after="2", outcome=outcome)
    return entry.deployments([row])


STAGED = [deployed("staged"), entry.wave(0, "stage", HOSTS, "continue", "all are well")]
CONFIRMED = [deployed("confirmed"), entry.wave(1, "rest", HOSTS, "continue", "all are well")]
END = [deployed("confirmed"), entry.end("succeeded", "")]


class Job:
    """A run with a rollout and a registry that can go away; this process stands for a verb of it."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.path = directory / "registry" / "registry.db"
        with Registry.open(str(self.path)) as registry:
            self.lease = registry.acquire(*SCOPE, Holder.run(), ttl=600)
            self.begin(registry, self.lease)
            self.registry = registry.id

    @staticmethod
    def begin(registry: Registry, lease: Lease) -> None:
        about: dict[str, t.Any] = {
            "id": "r1",
            "kind": "rollout",
            "version": "2",
            "digest": "d",
            "strategy": "rolling",
            "plan": {},
        }
        places: dict[str, t.Any] = dict(zip(("package", "environment", "instance"), SCOPE, strict=True))
        registry.begin_rollout(RolloutRow(**about, **places, token=lease.token))

    def keep(self, entries: list[entry.Entry], *, last: bool = False) -> list[str]:
        fence = {"registry": self.registry, "token": self.lease.token}
        return keep({"id": "r1", "registry": str(self.path), "fence": fence}, self.lease, entries, last=last)

    def goes(self) -> None:
        self.path.parent.rename(self.path.parent.with_name("away"))

    def comes_back(self) -> None:
        self.path.parent.with_name("away").rename(self.path.parent)

    def recorded(self) -> dict[str, t.Any]:
        with Registry.open(str(self.path), write=False) as registry:
            return registry.rollout("r1")


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def job(tmp_path: pathlib.Path, home: pathlib.Path) -> Job:
    return Job(tmp_path)


def waiting(home: pathlib.Path) -> list[pathlib.Path]:
    return sorted(home.rglob("*.json"))


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> collections.abc.Callable[[], None]:
    """Lets whoever works here have ended before the next looks."""
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    gone = Holder(**{**vars(Holder.of()), "pid": int(child.stdout), "started": "1"})
    assert not is_alive(gone)

    def use() -> None:
        monkeypatch.setattr(Holder, "run", classmethod(lambda cls: gone))

    return use


def test_what_is_recorded_waits_for_nothing(job: Job, home: pathlib.Path) -> None:
    assert job.keep(STAGED) == []
    assert waiting(home) == []
    assert [wave["verdict"] for wave in job.recorded()["waves"]] == ["continue"]


def test_what_the_registry_did_not_take_is_recorded_with_what_comes_next(job: Job, home: pathlib.Path) -> None:
    job.goes()
    (said,) = job.keep(STAGED)
    assert "is gone" in said and str(waiting(home)[0]) in said
    job.keep(CONFIRMED)
    assert not job.path.parent.exists(), "no new registry is made in the place of the old one"
    (kept,) = waiting(home)
    assert oct(kept.stat().st_mode & 0o777) == "0o600" and oct(kept.parent.stat().st_mode & 0o777) == "0o700"
    times = [entry[2] for entry in json.loads(kept.read_text())["entries"]]
    job.comes_back()
    assert job.keep(END, last=True) == []
    told = job.recorded()
    assert [(wave["name"], wave["verdict"]) for wave in told["waves"]] == [("stage", "continue"), ("rest", "continue")]
    assert [wave["finished"] for wave in told["waves"]] == [times[1], times[3]], "told as of when it happened"
    assert (told["result"], told["deployments"][0]["outcome"]) == ("succeeded", "confirmed")
    assert waiting(home) == []
    with Registry.open(str(job.path)) as registry:
        assert registry.holders() == []


def test_an_end_that_could_not_be_recorded_is_recorded_by_the_next_run(
    job: Job, home: pathlib.Path, dead: collections.abc.Callable[[], None]
) -> None:
    dead()
    job.goes()
    job.keep(CONFIRMED)
    job.keep(END, last=True)
    job.comes_back()
    assert job.recorded()["result"] == "running"
    with Registry.open(str(job.path)) as registry:
        assert catch_up(registry) == []
        assert registry.open_rollout(*SCOPE) is None
    assert (job.recorded()["result"], waiting(home)) == ("succeeded", [])


def test_what_a_living_job_keeps_is_left_to_it(job: Job, home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job.goes()
    job.keep(STAGED)
    job.comes_back()
    monkeypatch.setattr(Holder, "run", classmethod(lambda cls: OTHER))
    with Registry.open(str(job.path)) as registry:
        assert catch_up(registry) == []
    assert len(waiting(home)) == 1 and job.recorded()["waves"] == []


def test_what_somebody_else_has_recorded_since_stays(
    job: Job, home: pathlib.Path, dead: collections.abc.Callable[[], None]
) -> None:
    dead()
    job.goes()
    job.keep([deployed("failed")])
    job.comes_back()
    with Registry.open(str(job.path), alive=lambda holder: holder == OTHER) as registry:
        lease = registry.acquire(*SCOPE, OTHER, ttl=600)
        job.begin(registry, lease)
        registry.record("r1", [deployed("confirmed")], token=lease.token)
        (said,) = catch_up(registry)
    assert "rollout r1 does not count any more" in said and "taken over" in said
    told = job.recorded()
    assert (told["result"], told["deployments"][0]["outcome"]) == ("running", "confirmed")
    assert waiting(home) == []


def test_what_belongs_to_another_registry_waits_for_that_one(
    job: Job, home: pathlib.Path, tmp_path: pathlib.Path, dead: collections.abc.Callable[[], None]
) -> None:
    dead()
    job.goes()
    job.keep(STAGED)
    with Registry.open(str(tmp_path / "other" / "registry.db")) as registry:
        assert catch_up(registry) == []
    assert len(waiting(home)) == 1


def test_a_rollout_that_nobody_began_is_refused(job: Job, home: pathlib.Path) -> None:
    with Registry.open(str(job.path)) as registry, registry._database.write() as connection:
        connection.exec_driver_sql("DELETE FROM rollouts")
    with pytest.raises(InputError) as caught:
        job.keep(STAGED)
    assert (caught.value.code, waiting(home)) == ("rollout-unknown", [])


def test_who_lost_the_lease_records_nothing(job: Job, home: pathlib.Path) -> None:
    with Registry.open(str(job.path), alive=lambda holder: holder == OTHER) as registry:
        registry.acquire(*SCOPE, OTHER, ttl=600)
    with pytest.raises(ConflictError) as caught:
        job.keep(STAGED)
    assert caught.value.code == "lease-lost"
    assert (waiting(home), job.recorded()["waves"]) == ([], [])


def test_what_can_be_neither_recorded_nor_kept_is_an_error(job: Job, home: pathlib.Path) -> None:
    job.goes()
    home.write_text("no directory")
    with pytest.raises(BackendError) as caught:
        job.keep(STAGED)
    assert caught.value.code == "registry-gone"
    assert "nor can it be kept" in caught.value.message


def test_a_file_that_nobody_can_read_does_not_stop_a_rollout(job: Job, home: pathlib.Path) -> None:
    directory = pathlib.Path(spool.DIRECTORY).expanduser()
    directory.mkdir(parents=True)
    for number, text in enumerate(("", "{}", "[]", '{"entries": [1]}', '{"entries": [], "holder": {}}')):
        (directory / f"{number}.json").write_text(text)
    with Registry.open(str(job.path)) as registry:
        assert catch_up(registry) == []


def test_a_registry_that_was_made_anew_is_not_taken_for_the_old_one(job: Job, home: pathlib.Path) -> None:
    shutil.rmtree(job.path.parent)
    with Registry.open(str(job.path)) as registry:
        assert registry.id != job.registry
    (said,) = job.keep(STAGED)
    assert "another one" in said


def test_a_registry_that_was_brought_forward_meanwhile_takes_it_later(job: Job, home: pathlib.Path) -> None:
    def set_version(change: int) -> None:
        with sqlite3.connect(job.path) as connection:
            connection.execute("UPDATE registry SET schema = schema + ?", (change,))
        connection.close()

    set_version(1)
    (said,) = job.keep(STAGED)
    assert "this relmgmt knows" in said
    set_version(-1)
    assert job.keep(CONFIRMED) == []
    assert [wave["name"] for wave in job.recorded()["waves"]] == ["stage", "rest"]
