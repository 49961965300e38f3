# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host says that a way back would change, before it goes it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.capsule import Capsule

from .engine import Host, Package
from .test_engine import snapshot

V1, V2 = Package("1.0.0", {"gone": b"1"}), Package("2.0.0", {"new": b"2"})


def foretold(host: Host, **how: t.Any) -> dict[str, t.Any]:
    before = snapshot(host.root)
    told = host.ask("revert", check=True, **how)
    assert snapshot(host.root) == before
    return told


def test_the_way_back_changes_what_the_way_there_did_the_other_way_round(host: Host) -> None:
    host.deploy(V1)
    there = host.stage(V2, secret="x")["diff"]
    host.ask("activate", deployment=2)
    host.ask("confirm", deployment=2)
    told = foretold(host, version="1.0.0")
    assert (told["from"], told["to"]) == (2, 1)
    assert told["diff"] == {"before": there["after"], "after": there["before"]}
    assert {"release/app/gone"} <= {*told["diff"]["after"]}
    assert {"release/app/new", "profile/secret"} <= {*told["diff"]["before"]}
    assert told["service"] == {"name": "app", "done": "restart"}
    assert told["takes"] == host.instance.runtime(1).switching_time > 0


def test_a_way_back_to_nothing_takes_everything_away_and_stops_the_service(host: Host) -> None:
    host.deploy(V1)
    told = foretold(host, deployment=1)
    assert (told["to"], told["diff"]["after"], told["service"]["done"]) == (0, {}, "stop")
    assert "release/app/version" in told["diff"]["before"]


def test_a_service_that_does_not_run_is_started(host: Host) -> None:
    host.deploy(V1)
    host.deploy(V2)
    host.ask_driver(2)
    assert foretold(host, version="1.0.0")["service"]["done"] == "start"


@pytest.mark.parametrize("raises", [False, True])
def test_a_host_too_damaged_to_say_goes_back_all_the_same(
    host: Host, monkeypatch: pytest.MonkeyPatch, raises: bool
) -> None:
    host.deploy(V1)
    host.deploy(V2)

    def manifest(_capsule: Capsule) -> None:
        if raises:
            raise OSError("its disk does not give it back")

    monkeypatch.setattr(Capsule, "manifest", manifest)
    told = foretold(host, version="1.0.0")
    assert (told["outcome"], "diff" in told) == ("reverted", False)


def test_where_it_already_is_there_is_nothing_to_tell(host: Host) -> None:
    host.deploy(V1)
    assert "diff" not in foretold(host, version="1.0.0")
