# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verify: whatever is not as it was put there is drift, and is named."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.capsule import Capsule
from ansible_collections.relmgmt.release.plugins.module_utils._host.cli_commands import EXIT
from ansible_collections.relmgmt.release.plugins.module_utils._host.health import Judgement
from ansible_collections.relmgmt.release.plugins.module_utils._host.probe import Result
from ansible_collections.relmgmt.release.plugins.module_utils._host.running import Running

from .engine import Host
from .person import Person
from .test_engine import V1, V2


def test_what_is_whole_has_nothing_that_differs(person: Person) -> None:
    for package in (V1, V2):
        person.host.deploy(package, traffic={"driver": "readiness_file", "drain_time": 0})
    said = person.types("verify")
    assert said.code == 0, said.out
    assert "Nothing differs." in said.out
    what = [check["what"] for check in person.types("verify", "--json").json["checks"]]
    assert what == [
        "files of deployment 2, which runs",
        "files of deployment 1, which is the way back",
        *("link 'current'", "place", "service", "probe web", "traffic"),
    ]


def test_a_changed_file_is_drift_and_is_named_without_what_is_in_it(person: Person) -> None:
    person.host.deploy(V1, secret="hunter2")
    person.host.deploy(V2)
    path = person.host.instance.disk.path("deployments", "1", "profile", "secret").resolve()
    path.write_text("hunter3")
    said = person.types("verify")
    assert said.code == EXIT["drifted"]
    assert str(path.relative_to(person.host.instance.path.resolve())) in said.out
    assert "hunter" not in said.out + person.types("verify", "--json").out
    assert "run the same rollout again" in said.out
    assert person.types("verify", "--json").json["state"] == "drifted"


def astray_link(host: Host) -> None:
    host.instance.disk.point("deployments/1", "current")


def astray_service(host: Host) -> None:
    host.ask_driver(2)


def astray_traffic(host: Host) -> None:
    (host.instance.path / "traffic").unlink()


def astray_journal(host: Host) -> None:
    host.instance.journal.write("switch", **{"from": 2, "to": 1, "verb": "revert", "reason": ""})


@pytest.mark.parametrize(
    "spoil, what",
    [
        (astray_link, "link 'current'"),
        (astray_service, "service"),
        (astray_traffic, "traffic"),
        (astray_journal, "journal"),
    ],
)
def test_whatever_is_not_as_the_journal_has_it_is_drift(
    person: Person, spoil: t.Callable[[Host], None], what: str
) -> None:
    for package in (V1, V2):
        person.host.deploy(package, traffic={"driver": "readiness_file", "drain_time": 0})
    spoil(person.host)
    said = person.types("verify", "--json")
    assert said.code == EXIT["drifted"]
    assert what in [check["what"] for check in said.json["checks"] if not check["ok"]]


@pytest.mark.parametrize("level, code", [("required", EXIT["drifted"]), ("wanted", 0)])
def test_a_required_probe_that_is_red_is_drift_and_a_wanted_one_a_warning(
    person: Person, monkeypatch: pytest.MonkeyPatch, level: str, code: int
) -> None:
    person.host.deploy(V1)
    red = Judgement(healthy=False, reason="red", results=(Result("web", level, False, "status 500", 0.1),), seconds=0.1)
    monkeypatch.setattr(Running, "pulse", lambda self, deployment: red)
    said = person.types("verify")
    assert (said.code, "status 500" in said.out) == (code, True)


def test_what_is_being_changed_is_not_judged(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.host.deploy(V1)
    real = Capsule.damages

    def damages(self: Capsule) -> list[str]:
        person.host.instance.journal.write("held", deployment=1, deadline=None)
        return list(real(self))

    monkeypatch.setattr(Capsule, "damages", damages)
    said = person.types("verify")
    assert (said.code, "is being changed" in said.err) == (1, True)
