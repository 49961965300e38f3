# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollout that is more than one job: staged today and switched tomorrow, by jobs with hosts of their own, paused,
resumed, taken back, on the application of the guide."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from .conftest import Reader, wait_for
from .test_bad_days import HOSTS, ROLL_OUT, fleet, rollouts, running

__all__ = ["fleet"]

pytestmark = pytest.mark.nightly
STAGE = ROLL_OUT.replace("release.rollout", "release.stage")
NEW, OLD = ["CONFIRMED, version 1.1.0"] * 3, ["CONFIRMED, version 1.0.0"] * 3


def order(verb: str) -> str:
    return (
        f"{ROLL_OUT.replace('release.rollout', f'release.{verb}')} -e relmgmt_environment=prod"
        f" -e relmgmt_by=ann -e relmgmt_reason=because"
    )


def deployments(reader: Reader, host: str) -> int:
    """How many the host was ever given."""
    return (reader.work / "hosts" / host / "web/hello/main/journal").read_text().count('"staged"')


def begin(reader: Reader, command: str, name: str) -> subprocess.Popen[bytes]:
    with (reader.work / name).open("w") as out:
        return subprocess.Popen(
            command.split(), cwd=reader.work, env=reader.environment, stdout=out, stderr=out, start_new_session=True
        )


def test_staged_today_two_jobs_switch_tomorrow_each_its_own_hosts(fleet: Reader) -> None:
    staged = " ".join(fleet.run(STAGE).split())
    assert "stays open: it is staged (hosts: 3 staged)" in staged and running(fleet) == OLD
    (row, *_before) = rollouts(fleet)
    assert (row["result"], row["version"]) == ("running", "1.1.0")
    assert "relmgmt.release.rollout -e relmgmt_target=web -e relmgmt_package=web/hello" in staged
    given = {host: deployments(fleet, host) for host in HOSTS}
    assert "would move hosts between waves" in fleet.run(f"{ROLL_OUT} --limit web-1", code=4)
    join = f"{ROLL_OUT} -e relmgmt_rollout_id={row['id']}"
    (canary,) = row["plan"]["waves"][0]["hosts"]
    others = [host for host in HOSTS if host != canary]
    first = begin(fleet, f"{join} --limit {canary},{others[0]}", "first")
    second = begin(fleet, f"{join} --limit {others[1]}", "second")
    codes = first.wait(), second.wait()
    shown = [(fleet.work / name).read_text() for name in ("first", "second")]
    assert codes == (0, 0), "\n".join(shown)
    assert running(fleet) == NEW
    assert {host: deployments(fleet, host) for host in HOSTS} == given, "nothing is staged again"
    (after, *before) = rollouts(fleet)
    assert (after["id"], after["result"], len(before)) == (row["id"], "succeeded", 1)
    assert after["plan"]["waves"] == row["plan"]["waves"]
    assert [wave["verdict"] for wave in after["waves"]] == ["continue"] * 3
    assert sum("stays open" in text for text in shown) == 1


def test_a_job_that_misses_the_hosts_of_others_stops_and_another_goes_on(fleet: Reader) -> None:
    fleet.run(STAGE)
    (row, *_before) = rollouts(fleet)
    (canary,) = row["plan"]["waves"][0]["hosts"]
    others = [host for host in HOSTS if host != canary]
    join = f"{ROLL_OUT} -e relmgmt_rollout_id={row['id']}"
    alone = fleet.run(f"{join} --limit {others[0]} -e relmgmt_join_seconds=1", code=2)
    assert "hosts of other jobs are missing" in alone and "rollout-stopped" in alone
    assert running(fleet) == OLD
    assert "succeeded (hosts: 3 confirmed)" in fleet.run(f"{join}")
    assert running(fleet) == NEW
    assert "rollout-finished" in fleet.run(f"{join}", code=2)


def test_a_pause_holds_whoever_goes_on_until_it_is_resumed(fleet: Reader) -> None:
    fleet.run(STAGE)
    assert "no job runs it at present" in fleet.run(order("pause"))
    refused = fleet.run(ROLL_OUT, code=2)
    assert "rollout-paused" in refused and "by ann: because" in refused
    fleet.run(order("resume"))
    assert running(fleet) == NEW
    (row, *_before) = rollouts(fleet)
    assert (row["result"], [order["kind"] for order in row["orders"]]) == ("succeeded", ["pause", "resume"])


def test_a_rollout_that_runs_is_paused_at_its_next_verdict_and_taken_back_without_a_job(fleet: Reader) -> None:
    job = begin(fleet, ROLL_OUT, "job")
    journal = fleet.work / "hosts" / "web-1" / "web/hello/main/journal"
    wait_for(lambda: journal.read_text().count('"staged"') == 2, job)
    assert "at its next verdict" in fleet.run(order("pause"))
    assert job.wait() == 2
    said = (fleet.work / "job").read_text()
    assert "rollout-paused" in said and "paused by ann: because" in said
    back = fleet.run(order("revert"))
    assert "was taken back" in back
    assert running(fleet) == OLD
    (row, *_before) = rollouts(fleet)
    assert (row["result"], row["reason"]) == ("failed", "reverted by ann: because")
    assert "No rollout" in fleet.run(order("revert"), code=2)


@pytest.mark.parametrize("event", ["staged", "provisional", "confirmed"])
def test_a_rollout_that_is_interrupted_by_hand_is_finished_by_the_same_command(fleet: Reader, event: str) -> None:
    job = begin(fleet, ROLL_OUT, "job")
    journals = [fleet.work / "hosts" / host / "web/hello/main/journal" for host in HOSTS]
    wait_for(lambda: any(path.read_text().count(f'"{event}"') == 2 for path in journals), job)
    os.killpg(job.pid, signal.SIGINT)
    assert job.wait() != 0
    (cut, *_before) = rollouts(fleet)
    fleet.run(ROLL_OUT)
    assert running(fleet) == NEW
    (last, *_before) = rollouts(fleet)
    assert (last["id"], last["result"]) == (cut["id"], "succeeded")
