# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many controllers at once: one of them has the lease, and nobody is given a token that another one has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Registry

SCOPE = ("a/b", "prod", "main")
MANY = 32
counts = pytest.mark.parametrize("count", [8, pytest.param(MANY, marks=pytest.mark.nightly)])
CONTENDERS = """
import json, os, sys
import alembic.operations, alembic.runtime.migration, sqlalchemy.dialects.postgresql  # once, not once a process
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import Holder, Registry

place, count, scopes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
start, go = os.pipe()
stay, leave = os.pipe()
answers, tell = os.pipe()

def contend(number):
    os.close(go), os.close(leave)
    os.read(start, 1)                       # until all were made
    try:
        with Registry.open(place) as registry:
            lease = registry.acquire("a/b", "prod", f"main{number % scopes or ''}", Holder.of(), ttl=600)
            answer = ["won", lease.token]
    except RelmgmtError as exc:
        answer = [exc.code, str(exc)]
    os.write(tell, json.dumps(answer).encode() + b"\\n")
    os.read(stay, 1)                        # alive until all have answered

for number in range(count):
    if os.fork() == 0:
        try:
            contend(number)
        finally:
            os._exit(0)
os.close(go)
with os.fdopen(answers) as stream:
    print(json.dumps([json.loads(stream.readline()) for _number in range(count)]))
os.close(leave)
for _number in range(count):
    os.wait()
"""


def race(place: str, count: int, *, scopes: int = 1) -> list[t.Any]:
    """What became of each: won with a token, or an error's code and text. scopes: that many leases are wanted."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CONTENDERS, place, str(count), str(scopes)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return list(json.loads(run.stdout))


def codes(answers: list[t.Any]) -> list[str]:
    return sorted(code for code, _said in answers)


def test_thirty_two_controllers_and_a_new_registry_have_one_winner(place: str) -> None:
    assert codes(race(place, MANY)) == ["rollout-locked"] * (MANY - 1) + ["won"]


@counts
def test_many_controllers_have_one_winner_where_a_lease_has_expired(place: str, count: int) -> None:
    with Registry.open(place) as registry:
        before = registry.acquire(*SCOPE, Holder("elsewhere", "boot", 1, "1"), ttl=-1).token
    answers = race(place, count)
    assert codes(answers) == ["rollout-locked"] * (count - 1) + ["won"]
    assert dict(answers)["won"] > before
    with Registry.open(place) as registry:
        assert [row["how"] for row in registry.lease_history()] == ["expired"]


@counts
def test_many_controllers_that_want_a_lease_each_have_tokens_of_their_own(place: str, count: int) -> None:
    answers = race(place, count, scopes=count)
    assert [said for code, said in answers if code != "won"] == []
    assert len({token for _code, token in answers}) == count
