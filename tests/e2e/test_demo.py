# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job as its user sees it: the demo, on a machine with an empty home."""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import typing as t

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SITE, HOSTS = "madrid", 6  # what 20 hosts show, a site shows too, and real ones are the fleet's affair


@dataclasses.dataclass(frozen=True)
class Shown:
    """What the demo printed, recorded and left."""

    code: int
    screen: str
    log: str
    rollouts: list[dict[str, t.Any]]
    left: list[str]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Shown]:
    # Hosts in memory where there is some: each of them writes some 5,000 files.
    memory = os.access("/dev/shm", os.W_OK | os.X_OK)
    work = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm")) if memory else tmp_path_factory.mktemp("demo")
    (work / "run").mkdir(mode=0o700)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "RELMGMT_"))},
        "HOME": str(work),
        "TMPDIR": str(work),
        "XDG_RUNTIME_DIR": str(work / "run"),
    }
    command = [sys.executable, str(REPOSITORY / "examples/demo.py"), "--site", SITE]
    files = {"--json": work / "record.json", "--log": work / "ansible.log"}
    options = [str(part) for option in files.items() for part in option]
    done = subprocess.run([*command, *options], env=environment, capture_output=True, text=True, check=False)
    left = processes(str(work))
    left += [str(path) for pattern in ("relmgmt-demo-*", "run/relmgmt-*/*") for path in work.glob(pattern)]
    assert done.returncode == 0, done.stdout + done.stderr
    yield Shown(
        done.returncode,
        done.stdout + done.stderr,
        (work / "ansible.log").read_text(),
        list(reversed(json.loads((work / "record.json").read_text())["rollouts"])),
        left,
    )
    shutil.rmtree(work)


def processes(mark: str) -> list[str]:
    """Command lines of what still runs from below the directory."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line and "pytest" not in line:
            found.append(line)
    return found


def outcomes(rollout: dict[str, t.Any]) -> dict[tuple[str, str, str], int]:
    rows = rollout["deployments"]
    counted = collections.Counter((row["version_before"], row["version_after"], row["outcome"]) for row in rows)
    return dict(counted)


def test_the_record_tells_of_the_rehearsal_and_of_all_four_rollouts(shown: Shown) -> None:
    assert [(r["kind"], r["version"], r["result"]) for r in shown.rollouts] == [
        ("rollout", "3.8.3", "succeeded"),
        ("rehearsal", "3.9.0", "succeeded"),
        ("rollout", "3.9.0", "succeeded"),
        ("rollout", "3.9.0.post1", "failed"),
        ("rollback", "3.8.3", "succeeded"),
    ]


def test_every_host_went_out_and_came_back(shown: Shown) -> None:
    first, rehearsed, second, bad, back = map(outcomes, shown.rollouts)
    assert rehearsed == {("3.8.3", "3.8.3", "reverted"): 1}
    assert first == {("absent", "3.8.3", "confirmed"): HOSTS}
    assert second == {("3.8.3", "3.9.0", "confirmed"): HOSTS}
    assert bad == {("3.9.0", "3.9.0", "staged"): HOSTS - 1, ("3.9.0", "3.9.0", "reverted"): 1}
    assert back == {("3.9.0", "3.8.3", "reverted"): HOSTS}


def test_the_bad_release_stopped_at_the_canary(shown: Shown) -> None:
    bad = shown.rollouts[3]
    waves = [(wave["name"], len(wave["hosts"]), wave["verdict"]) for wave in bad["waves"]]
    assert waves == [("stage", HOSTS, "continue"), ("canary", 1, "revert_all")]
    assert "smoke test caldav failed" in bad["reason"]


def test_nothing_went_to_production_unrehearsed_without_a_reason_on_record(shown: Shown) -> None:
    first, _rehearsal, second, bad, back = (rollout["plan"]["rehearsal"] for rollout in shown.rollouts)
    assert [way["state"] for record in (first, second, bad) for way in record["ways"]] == [
        "waived",
        "rehearsed",
        "waived",
    ]
    assert first["reason"] and bad["reason"] and not second["reason"] and back == {}
    for words in ("refused: 1 host would go", "rehearsed and signed: stage", f"waived: {bad['reason']}"):
        assert words in shown.screen


def test_the_screen_tells_progress_and_ends_with_the_table(shown: Shown) -> None:
    for words in (f"{HOSTS} staged", "wave canary: continue", "a second time changes nothing", "came back by itself"):
        assert words in shown.screen
    assert "the entry that was put in before the upgrade is still there" in shown.screen
    assert len(re.findall(r"absent → 3\.8\.3 confirmed", shown.screen)) == HOSTS
    assert "How long each wave took" in shown.screen


def test_nothing_warns_and_no_secret_is_printed(shown: Shown) -> None:
    assert not re.findall(r"\[WARNING\].*|\[DEPRECATION.*", shown.log)
    for secret in ("smoke-of-the-demo", "$6$"):
        assert secret not in shown.log and secret not in shown.screen


def test_nothing_is_left_running_or_lying_about(shown: Shown) -> None:
    assert shown.left == []
