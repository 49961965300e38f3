# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drift: whatever is not as it was left is found and named by its kind, nothing is written, and the same release again
puts it right."""

from __future__ import annotations

import fcntl
import os
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import drift as engine
from ansible_collections.relmgmt.release.plugins.module_utils._host import placements, tree

from .engine import Host, Package, packed
from .test_placements import Tamed

SECRET = b"hunter2"
PACKAGE = Package("1.0.0")
FILES = {"app.conf": b"port=1\n", "token": SECRET}


class Place:
    """A host without a service: files alone, and nothing to wait for."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.etc = pathlib.Path(placements.ETC)

    def stage(self, package: Package = PACKAGE, **files: bytes) -> int:
        placed = [{"kind": "tmpfiles", "name": "app.conf", "file": "app.conf"}]
        profile = packed({**FILES, **files}, placements=placed)
        profile["versions"] = {"vault:kv/app#token": "3"}
        answer = self.host.ask("stage", payload=package.payload(), manifest=package.manifest.to_dict(), profile=profile)
        return int(answer["deployment"])

    def deploy(self, package: Package = PACKAGE, **files: bytes) -> dict[str, t.Any]:
        """Stage, activate, confirm."""
        number = self.stage(package, **files)
        answer = self.host.ask("activate", deployment=number)
        self.host.ask("confirm", deployment=number)
        return answer

    def path(self, name: str) -> pathlib.Path:
        """Where it really lies."""
        return self.host.instance.path / pathlib.Path(name)

    def drift(self) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", self.host.ask("info", verify=True)["release"]["drift"])

    def found(self) -> list[tuple[str, str]]:
        """What differs, by kind."""
        return [(item["what"], item["path"]) for item in self.drift()["findings"]]

    def listing(self) -> dict[str, tuple[int, int, int]]:
        """All that lies below the root, with modes and times."""
        paths = [self.host.root, *self.host.root.rglob("*")]
        return {str(p): (p.lstat().st_mode, p.lstat().st_mtime_ns, p.lstat().st_ctime_ns) for p in paths}


@pytest.fixture
def place(host: Host, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    etc = tmp_path / "etc"
    (etc / "tmpfiles.d").mkdir(parents=True)
    monkeypatch.setattr(placements, "ETC", etc)
    host.tools = host.tools._replace(runner=Tamed())
    return Place(host)


def _write(path: pathlib.Path, text: str) -> None:
    mode = path.stat().st_mode
    path.chmod(0o600)
    path.write_text(text)
    path.chmod(mode)


def _open(path: pathlib.Path) -> pathlib.Path:
    path.chmod(0o755)
    return path


def changed(place: Place) -> None:
    _write(place.path("current/release/app/version"), "9.9.9")


def longer(place: Place) -> None:
    _write(place.path("current/release/app/version"), "longer")


def missing(place: Place) -> None:
    _open(place.path("current/release/app")).joinpath("version").unlink()
    place.path("current/release/app").chmod(0o555)


def extra(place: Place) -> None:
    _open(place.path("current/release/app")).joinpath("evil.py").write_text("")
    place.path("current/release/app").chmod(0o555)


def mode(place: Place) -> None:
    place.path("current/release/app/version").chmod(0o666)


def folder(place: Place) -> None:
    place.path("current/release/app").resolve().chmod(0o777)


def link(place: Place) -> None:
    path = _open(place.path("current/release/app")) / "latest"
    path.unlink()
    path.symlink_to("server.py")
    place.path("current/release/app").chmod(0o555)


def owner(place: Place) -> None:
    os.chown(place.path("current/release/app/version"), 1, -1)


def rendered(place: Place) -> None:
    _write(place.path("current/profile/token"), "hunter3")


def rendered_mode(place: Place) -> None:
    place.path("current/profile/token").chmod(0o644)


def rendered_owner(place: Place) -> None:
    os.chown(place.path("current/profile/token"), 1, -1)


def rendered_extra(place: Place) -> None:
    place.path("current/profile/more.conf").write_text("x")


def current(place: Place) -> None:
    place.host.instance.disk.point("deployments/9", "current")


def placed(place: Place) -> None:
    _write(place.etc / "tmpfiles.d/app.conf", "port=2\n")


def placed_mode(place: Place) -> None:
    (place.etc / "tmpfiles.d/app.conf").chmod(0o600)


def placed_foreign(place: Place) -> None:
    (place.etc / "tmpfiles.d/app.conf").unlink()
    (place.etc / "tmpfiles.d/app.conf").mkdir()


def placed_missing(place: Place) -> None:
    (place.etc / "tmpfiles.d/app.conf").unlink()


def copy(place: Place) -> None:
    _write(place.path("deployments/1/capsule.json"), "{}")


RELEASE, PROFILE = "current/release/app", "current/profile"
SPOILS = [
    (changed, "changed", f"{RELEASE}/version"),
    (longer, "changed", f"{RELEASE}/version"),
    (missing, "missing", f"{RELEASE}/version"),
    (extra, "extra", f"{RELEASE}/evil.py"),
    (mode, "mode", f"{RELEASE}/version"),
    (folder, "mode", RELEASE),
    (link, "link", f"{RELEASE}/latest"),
    (owner, "owner", f"{RELEASE}/version"),
    (rendered, "changed", f"{PROFILE}/token"),
    (rendered_mode, "mode", f"{PROFILE}/token"),
    (rendered_owner, "owner", f"{PROFILE}/token"),
    (rendered_extra, "extra", f"{PROFILE}/more.conf"),
    (placed, "placement", "tmpfiles.d/app.conf"),
    (placed_mode, "placement", "tmpfiles.d/app.conf"),
    (placed_missing, "placement", "tmpfiles.d/app.conf"),
    (copy, "capsule", "deployments/1/capsule.json"),
]


@pytest.mark.parametrize(("spoil", "what", "path"), SPOILS, ids=[spoil[0].__name__ for spoil in SPOILS])
def test_what_is_spoiled_is_found_and_the_same_release_again_puts_it_right(
    place: Place, spoil: t.Callable[[Place], None], what: str, path: str
) -> None:
    if "owner" in spoil.__name__ and os.geteuid():
        pytest.skip("only root can give files away")
    place.deploy()
    assert place.found() == []
    spoil(place)
    ((kind, where),) = place.found()
    assert (kind, where.replace(f"{place.etc}/", "", 1)) == (what, path)
    place.deploy()
    assert place.found() == []
    assert place.stage() == 1, "it is the same deployment still"
    assert place.host.ask("activate", deployment=1)["changed"] is False


def test_what_is_no_file_in_a_placements_place_is_drift_that_a_person_decides_about(place: Place) -> None:
    place.deploy()
    placed_foreign(place)
    ((what, path),) = place.found()
    assert (what, path) == ("placement", f"{place.etc}/tmpfiles.d/app.conf")
    answer = place.host.ask("activate", deployment=1)
    assert answer["outcome"] == "failed" and "is no plain file" in answer["reason"]


def test_nothing_is_written_on_a_host_that_is_asked(place: Place) -> None:
    place.deploy()
    changed(place)
    before = place.listing()
    place.drift()
    place.host.ask("info", verify=True, check=True)
    assert place.listing() == before


def test_neither_contents_nor_digests_nor_lengths_of_configuration_are_told(place: Place) -> None:
    place.deploy()
    _write(place.path("current/profile/token"), "a longer secret")
    (finding,) = place.drift()["findings"]
    assert finding == {"path": "current/profile/token", "what": "changed", "expected": "", "found": ""}


def test_the_versions_that_secrets_were_sealed_with_are_told(place: Place) -> None:
    place.deploy()
    assert place.drift()["versions"] == {"vault:kv/app#token": "3"}


def test_a_damaged_way_back_is_drift_of_the_capsule_and_is_put_right_too(place: Place) -> None:
    place.deploy()
    place.deploy(Package("2.0.0"))
    _write(place.path("deployments/1/release/app/server.py"), "broken")  # which both releases hold
    _write(place.path("deployments/1/profile/token"), "hunter3")
    assert {what for what, _path in place.found()} == {"changed", "capsule"}  # both have the same profile
    place.deploy(Package("2.0.0"))
    assert place.found() == []


def test_a_way_back_that_lost_what_nobody_here_has_stays_damaged_and_stands_in_nobodys_way(place: Place) -> None:
    place.deploy()
    place.deploy(Package("2.0.0"))
    _write(place.path("deployments/1/release/app/version"), "9.9.9")
    ((what, path),) = place.found()
    assert what == "capsule" and path.endswith("/version") and path.startswith("units/")
    assert place.deploy(Package("2.0.0"))["outcome"] == "confirmed"
    assert [what for what, _path in place.found()] == ["capsule"]


def test_a_link_that_leads_elsewhere_is_drift(place: Place) -> None:
    place.deploy()
    current(place)
    assert ("link", "current") in place.found()


def test_of_many_findings_some_are_told_and_the_others_counted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MOST", 2)
    place.deploy()
    for number in range(5):
        place.path(f"current/profile/more-{number}").write_text("x")
    found = place.drift()
    assert (len(found["findings"]), found["more"]) == (2, 3)


def test_where_it_is_being_changed_nothing_is_said(place: Place) -> None:
    place.deploy()
    place.host.instance.journal.write("switch", **{"from": 1, "to": 0, "verb": "revert", "reason": ""})
    assert place.drift()["problem"] == "a switch was interrupted; the next verb finishes it"
    with open(place.path("lock"), "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        found = place.drift()
    assert (found["problem"], found["findings"]) == ("it is being changed", [])


def test_a_file_that_two_trees_share_is_read_once(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = PACKAGE.manifest.units[0]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for path, data in PACKAGE.files.items():
            where = tmp_path / name / path
            if name == "one":
                where.write_bytes(data)
                where.chmod(0o444)
            else:
                os.link(tmp_path / "one" / path, where)
        (tmp_path / name / "latest").symlink_to("version")
        (tmp_path / name / "data").symlink_to("../../state/data")
        (tmp_path / name).chmod(0o555)
    read: list[int] = []
    digest = tree._digest

    def counted(handle: int, size: int) -> str:
        read.append(size)
        return digest(handle, size)

    monkeypatch.setattr(tree, "_digest", counted)
    known: dict[tuple[int, int], str] = {}
    assert [tree.wrong_paths(tmp_path / name, unit, read=known) for name in ("one", "two")] == [[], []]
    assert len(read) == len(PACKAGE.files)


def test_a_host_that_holds_nothing_has_not_drifted(place: Place) -> None:
    assert place.drift() == {"findings": [], "more": 0, "versions": {}, "problem": ""}


# --- what runs --------------------------------------------------------------------------------------------------------


def starts(host: Host) -> int:
    return len((host.instance.path / "state/data/started").read_text())


def test_a_service_that_does_not_run_is_drift(host: Host) -> None:
    host.deploy(PACKAGE)
    host.instance_service_stop()
    (finding,) = host.ask("info", verify=True)["release"]["drift"]["findings"]
    assert (finding["what"], finding["expected"], finding["found"]) == ("service", "it runs", "it does not")


def test_a_service_whose_files_were_repaired_is_restarted_once_out_of_traffic(host: Host) -> None:
    place, traffic = Place(host), {"driver": "readiness_file", "drain_time": 0.01}
    host.deploy(PACKAGE, traffic=traffic)
    _write(place.path("current/release/app/server.py"), "broken")
    assert host.stage(PACKAGE, traffic=traffic)["repaired"]
    assert starts(host) == 1
    (finding,) = place.drift()["findings"]  # whoever staged may be gone: the service still has to learn of it
    assert (finding["what"], finding["found"]) == ("service", "it runs as before")
    assert host.ask("activate", deployment=1, check=True)["changed"] is True
    answer = host.ask("activate", deployment=1)
    assert (answer["outcome"], answer["changed"], starts(host)) == ("confirmed", True, 2)
    assert place.found() == []
    info = host.ask("info")["release"]
    assert (info["traffic"], info["interrupted"], info["state"]) == ("in", False, "confirmed")
    answer = host.ask("activate", deployment=1)
    assert (answer["changed"], starts(host)) == (False, 2)


def test_whoever_is_killed_while_it_is_restarted_the_next_verb_starts_it(host: Host) -> None:
    place = Place(host)
    host.deploy(PACKAGE)
    changed(place)
    host.stage(PACKAGE)
    host.instance.journal.write("switch", **{"from": 1, "to": 1, "verb": "return", "reason": "it was repaired"})
    host.instance_service_stop()
    host.ask("confirm", deployment=1)
    info = host.ask("info")["release"]
    assert (info["state"], info["service"], starts(host)) == ("confirmed", "active", 2)
    assert place.found() == []


def test_a_switch_to_another_release_has_restarted_it_anyway(host: Host) -> None:
    place = Place(host)
    host.deploy(PACKAGE)
    _write(place.path("current/release/app/server.py"), "broken")
    host.deploy(Package("2.0.0"))
    assert host.ask("revert", deployment=2)["outcome"] == "reverted"
    assert host.ask("activate", deployment=1)["changed"] is False
