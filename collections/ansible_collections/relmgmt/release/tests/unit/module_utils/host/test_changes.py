# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases that differ by more than a version: what goes, comes and moves between them, there and back."""

from __future__ import annotations

import os
import pathlib
import sys
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest

from .engine import Host, Package, packed


class Units(Package):
    """A release of several units, each a tree of files."""

    def __init__(self, version: str, *, state: t.Sequence[str] = (), **units: t.Mapping[str, str]) -> None:
        super().__init__(version)
        trees = {name: {path: text.encode() for path, text in tree.items()} for name, tree in units.items()}
        self.files = {f"{name}/{path}": data for name, tree in trees.items() for path, data in tree.items()}
        blob = {"digest": digest_of(b""), "size": 0}
        data = {
            **self.manifest.to_dict(),
            "units": [
                {"name": name, "kind": "files", "destination": name, "blob": blob, "entries": _entries(tree)}
                for name, tree in trees.items()
            ],
            "state": [{"name": name} for name in state],
        }
        self.manifest = Manifest.from_dict(data)


def _entries(tree: t.Mapping[str, bytes]) -> list[dict[str, t.Any]]:
    return [{"path": path, "mode": "0644", "size": len(data), "digest": digest_of(data)} for path, data in tree.items()]


class Fleet:
    """A host, and releases on it."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def activate(self, package: Package, **runtime: t.Any) -> int:
        answer = self.host.ask(
            "stage",
            payload=package.payload(),
            manifest=package.manifest.to_dict(),
            profile=packed({}, **runtime),
        )
        number = int(answer["deployment"])
        assert self.host.ask("activate", deployment=number)["outcome"] == "provisional"
        return number

    def deploy(self, package: Package, **runtime: t.Any) -> int:
        number = self.activate(package, **runtime)
        assert self.host.ask("confirm", deployment=number)["outcome"] == "confirmed"
        return number

    def back(self, deployment: int) -> None:
        assert self.host.ask("revert", deployment=deployment)["outcome"] == "reverted"

    def files(self) -> dict[str, str]:
        """What ``current`` leads to, without the manifest."""
        release = self.host.instance.path / "current" / "release"
        found = {}
        for unit in release.iterdir():
            for path in sorted(unit.rglob("*")) if unit.is_dir() else ():
                if path.is_dir():
                    continue
                found[f"{unit.name}/{path.relative_to(unit)}"] = path.read_text()
        return found


@pytest.fixture
def fleet(host: Host) -> Fleet:
    return Fleet(host)


def test_file_that_moves_between_units_moves_back(fleet: Fleet) -> None:
    before = {"app/run": "run", "app/shared": "shared", "lib/own": "own"}
    after = {"app/run": "run", "lib/own": "own", "lib/shared": "shared"}
    fleet.deploy(Units("1", app={"run": "run", "shared": "shared"}, lib={"own": "own"}))
    number = fleet.activate(Units("2", app={"run": "run"}, lib={"own": "own", "shared": "shared"}))
    assert fleet.files() == after
    fleet.back(number)
    assert fleet.files() == before


def test_file_that_moved_is_not_sent_again(fleet: Fleet) -> None:
    fleet.deploy(Units("1", app={"run": "run", "shared": "shared"}, lib={"own": "own"}))
    moved = Units("2", app={"run": "run"}, lib={"own": "own", "shared": "shared"})
    answer = fleet.host.ask("stage", manifest=moved.manifest.to_dict(), profile=packed({}))
    assert answer["outcome"] == "staged"


def test_unit_that_a_release_drops_is_back_on_the_way_back(fleet: Fleet) -> None:
    fleet.deploy(Units("1", app={"run": "run"}, docs={"page": "page"}))
    number = fleet.activate(Units("2", app={"run": "run"}))
    assert fleet.files() == {"app/run": "run"}
    fleet.back(number)
    assert fleet.files() == {"app/run": "run", "docs/page": "page"}


def test_file_that_becomes_a_directory_becomes_a_file_again(fleet: Fleet) -> None:
    fleet.deploy(Units("1", app={"conf": "file"}))
    number = fleet.activate(Units("2", app={"conf/a": "in a directory"}))
    assert fleet.files() == {"app/conf/a": "in a directory"}
    fleet.back(number)
    assert fleet.files() == {"app/conf": "file"}


def test_downgrade_is_a_release_like_any_other(fleet: Fleet) -> None:
    one, two = Units("1", app={"run": "one"}), Units("2", app={"run": "two"})
    assert [fleet.deploy(one), fleet.deploy(two)] == [1, 2]
    number = fleet.activate(one)
    assert (number, fleet.files()) == (3, {"app/run": "one"})
    fleet.back(number)
    assert fleet.files() == {"app/run": "two"}
    assert fleet.deploy(one) == 4
    fleet.back(4)
    assert fleet.files() == {"app/run": "two"}


def test_service_that_a_release_drops_is_stopped_and_is_back_on_the_way_back(
    fleet: Fleet, tmp_path: pathlib.Path
) -> None:
    alive = tmp_path / "alive"
    script = f"import pathlib, time; pathlib.Path({str(alive)!r}).write_text('yes'); time.sleep(3600)"
    service = {"driver": "command", "command": [sys.executable, "-c", script], "stop_timeout": 5}
    probes = [{"name": "alive", "kind": "file", "path": str(alive)}]
    one = Units("1", app={"run": "one"})
    fleet.deploy(one, service=service, probes=probes)
    alive.unlink()
    number = fleet.activate(Units("2", app={"run": "two"}))
    assert not fleet.host.tools.runner.marked("RELMGMT_INSTANCE", str(fleet.host.instance.path), uids={os.geteuid()})
    fleet.back(number)
    assert alive.exists()


def test_state_survives_a_release_that_does_not_declare_it(fleet: Fleet) -> None:
    fleet.deploy(Units("1", app={"run": "one"}, state=["uploads"]))
    kept = fleet.host.instance.path / "state" / "uploads" / "file"
    kept.write_text("mine")
    number = fleet.deploy(Units("2", app={"run": "two"}, state=["cache"]))
    assert (kept.read_text(), (kept.parent.parent / "cache").is_dir()) == ("mine", True)
    fleet.back(number)
    assert kept.read_text() == "mine"


def test_log_of_the_release_before_does_not_make_the_next_one_healthy(fleet: Fleet, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "app.log"

    def about(says: str) -> dict[str, t.Any]:
        script = f"import time; open({str(log)!r}, 'a').write({says!r} + chr(10)); time.sleep(3600)"
        return {
            "service": {"driver": "command", "command": [sys.executable, "-c", script], "stop_timeout": 5},
            "probes": [{"name": "up", "kind": "log", "path": str(log), "pattern": "ready"}],
        }

    fleet.deploy(Units("1", app={"run": "one"}), **about("ready"))
    short = {"min_healthy_time": 0.05, "healthy_deadline": 0.5}
    two = Units("2", app={"run": "two"})
    profile = packed({}, **{**about("broken"), "health": short})
    answer = fleet.host.ask("stage", payload=two.payload(), manifest=two.manifest.to_dict(), profile=profile)
    answer = fleet.host.ask("activate", deployment=answer["deployment"])
    assert (answer["outcome"], "'ready' does not stand there" in answer["reason"]) == ("reverted", True)
    assert log.read_text().splitlines() == ["ready", "broken", "ready"]
