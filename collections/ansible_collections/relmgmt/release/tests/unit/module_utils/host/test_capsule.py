# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The capsule: before a host is switched it is known to hold all that going back needs, or it is not switched."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pathlib
import pwd
import shutil
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.capsule import Capsule
from ansible_collections.relmgmt.release.plugins.module_utils._host.capsule import sealed as sealed_bytes
from ansible_collections.relmgmt.release.plugins.module_utils._host.disk import Disk
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import NeedObjects
from ansible_collections.relmgmt.release.plugins.module_utils._host.main import MARK, main
from ansible_collections.relmgmt.release.plugins.module_utils._host.objects import Objects, mtime_of
from ansible_collections.relmgmt.release.plugins.module_utils._host.tree import wrong_paths
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Unit

from .engine import PACKAGE, SERVER, Host, Package, profile
from .test_engine import V1, V2, answers, snapshot
from .test_faults import Killed, kill_at

OLD = Package("1.0.0", {"lib/old.py": b"OLD = 1\n", "lib/both.py": b"BOTH = 1\n"})
NEW = Package("2.0.0", {"lib/both.py": b"BOTH = 1\n"})
SECRET = "hunter2"
# What a deployment consists of, by the pattern of its path.
PARTS = {
    "a unit's file": "units/*/server.py",
    "a unit's empty file": "units/*/empty",
    "a rendered file": "profiles/*/secret",
    "the service's description": "profiles/*/profile.json",
    "the manifest": "releases/*/manifest.json",
    "the deployment's description": "deployments/1/meta.json",
    "the capsule": "deployments/1/capsule.json",
    "the copy of a rendered file": "deployments/1/capsule/profiles/*/secret",
    "the engine": "bin/*/relmgmt-host.pyz",
}
BIG = [what for what in PARTS if what != "a unit's empty file"]
PLACES = {
    "a unit's tree": "units/*",
    "a directory of a unit's tree": "units/*/lib",
    "the release": "releases/*",
    "the profile": "profiles/*",
    "the copies": "deployments/1/capsule",
}
LINKS = ["deployments/1/release", "deployments/1/profile", "releases/*/app", "units/*/latest", "units/*/data"]


@pytest.fixture
def standing(host: Host) -> Host:
    """A host that stands on deployment 1, without its service: it is not asked here."""
    number = host.stage(OLD, secret=SECRET)["deployment"]
    stand(host, number)
    return host


def stand(host: Host, number: int) -> None:
    history = host.instance.history()
    host.instance.journal.write("switch", **{"from": history.current, "to": number, "verb": "activate"})
    host.instance.disk.point(f"deployments/{number}", "current")
    host.instance.journal.write("provisional", deployment=number)
    host.instance.journal.write("confirmed", deployment=number)


def stage(
    host: Host,
    package: Package,
    *,
    check: bool = False,
    payload: t.BinaryIO | None = None,
    lost: list[str] | None = None,
    **about: t.Any,
) -> dict[str, t.Any]:
    """Stage as a controller does that has sent the payload, and was asked for files if ``lost`` says which it lacks."""
    rendered = profile(host.instance.path, host.port, **{"secret": SECRET, **about})
    extra = {} if lost is None else {"lost": lost}
    manifest = package.manifest.to_dict()
    return host.ask("stage", check=check, payload=payload, manifest=manifest, profile=rendered, **extra)


def find(host: Host, pattern: str) -> pathlib.Path:
    (found,) = host.instance.path.glob(pattern)
    return found


def name_of(host: Host, path: pathlib.Path) -> str:
    return str(path.relative_to(host.instance.path))


def whole(host: Host, deployment: int = 1) -> bool:
    return Capsule(host.instance, deployment).damages() == []


@contextlib.contextmanager
def opened(path: pathlib.Path) -> t.Iterator[pathlib.Path]:
    """Also who is not root may change what lies there; modes are as before afterwards."""
    parent = path.parent.stat().st_mode
    path.parent.chmod(0o755)
    yield path
    path.parent.chmod(parent)


def flip(path: pathlib.Path) -> None:
    """One bit of the last byte: of capsule.json that breaks the form, so there the digit before it."""
    mode, data = path.stat().st_mode, bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    path.chmod(mode)


def remove(path: pathlib.Path) -> None:
    with opened(path):
        if path.is_dir() and not path.is_symlink():
            for directory, _names, _files in os.walk(str(path)):
                os.chmod(directory, 0o755)
            shutil.rmtree(str(path))
        else:
            path.unlink()


def refused(host: Host, package: Package, **how: t.Any) -> RelmgmtError:
    with pytest.raises(RelmgmtError) as caught:
        stage(host, package, **how)
    return caught.value


def payload_of(*packages: Package) -> io.BytesIO:
    """Files of several packages, as a controller sends them that has the older one too."""
    files = {
        f"{number}/{path}": data for number, package in enumerate(packages) for path, data in package.files.items()
    }
    return Package("0", files).payload(without=["server.py", "version"])


# --- sealing ----------------------------------------------------------------------------------------------------------


def test_what_is_staged_is_sealed_and_whole(standing: Host) -> None:
    assert whole(standing)
    document = Capsule(standing.instance, 1).document()
    assert document is not None
    assert document["release"] == OLD.manifest.digest
    assert os.path.isabs(document["interpreter"])
    assert document["engine"] == name_of(standing, find(standing, PARTS["the engine"]))
    assert Capsule(standing.instance, 0).damages() == []


def test_nobody_but_root_reads_the_capsule(standing: Host) -> None:
    assert find(standing, PARTS["the capsule"]).stat().st_mode & 0o777 == 0o600
    assert find(standing, PLACES["the copies"]).stat().st_mode & 0o777 == 0o700
    copies = [path for path in find(standing, PLACES["the copies"]).rglob("*") if path.is_file()]
    assert {path.name for path in copies} >= {"secret", "profile.json", "manifest.json", "relmgmt-host.pyz"}
    assert {path.stat().st_mode & 0o077 for path in copies} == {0}


def test_a_deployment_has_no_name_before_its_capsule_is_on_the_disk(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def when(disk: Disk, _temporary: pathlib.Path, *parts: str, mode: int) -> bool:
        return parts[0] == "deployments"

    flushed: list[list[str]] = []
    real = Disk.flush

    def flush(disk: Disk) -> None:
        flushed.append(sealed(host))
        real(disk)

    monkeypatch.setattr(Disk, "flush", flush)
    kill_at(monkeypatch, Disk, "settle", when)
    with pytest.raises(Killed):
        stage(host, OLD, payload=OLD.payload())
    assert flushed[-1] == ["deployments/.tmp-1/capsule.json"]
    assert host.instance.deployments() == []


def sealed(host: Host) -> list[str]:
    return [name_of(host, path) for path in host.instance.path.glob("deployments/*/capsule.json")]


def test_staging_the_same_again_changes_nothing_and_repairs_nothing(standing: Host) -> None:
    before = snapshot(standing.root)
    again = stage(standing, OLD)
    assert (again["changed"], again["repaired"], again["deployment"]) == (False, [], 1)
    assert snapshot(standing.root) == before


# --- damage that the host repairs by itself ---------------------------------------------------------------------------


def repaired(host: Host, *paths: pathlib.Path) -> None:
    """Staging the next release predicts the repair of these paths, does it, and then there is nothing left to do."""
    names = sorted(name_of(host, path) for path in paths)
    before = snapshot(host.root)
    assert not whole(host)
    predicted = stage(host, NEW, check=True, lost=[])
    assert snapshot(host.root) == before
    done = stage(host, NEW, payload=NEW.payload())
    assert done == predicted
    assert (done["changed"], done["outcome"], done["repaired"]) == (True, "staged", names)
    assert whole(host) and whole(host, done["deployment"])
    assert stage(host, NEW)["changed"] is False
    assert list(host.instance.path.rglob(".tmp-*")) == []


@pytest.mark.parametrize("what", BIG)
def test_one_flipped_bit_is_found_and_repaired(standing: Host, what: str) -> None:
    path = find(standing, PARTS[what])
    good = path.read_bytes()
    flip(path)
    repaired(standing, path)
    assert path.read_bytes() == good
    if what == "a unit's file":
        assert path.stat().st_mtime == mtime_of(digest_of(good))


@pytest.mark.parametrize("what", list(PARTS))
def test_a_file_that_was_removed_is_put_back(standing: Host, what: str) -> None:
    path = find(standing, PARTS[what])
    good, mode = path.read_bytes(), path.stat().st_mode
    remove(path)
    repaired(standing, path)
    assert (path.read_bytes(), path.stat().st_mode) == (good, mode)


@pytest.mark.parametrize("what", list(PARTS))
def test_a_mode_that_was_changed_is_set_back(standing: Host, what: str) -> None:
    path = find(standing, PARTS[what])
    mode = path.stat().st_mode
    path.chmod(0o666)
    repaired(standing, path)
    assert path.stat().st_mode == mode


@pytest.mark.parametrize("what", list(PLACES))
def test_a_mode_of_a_directory_that_was_changed_is_set_back(standing: Host, what: str) -> None:
    place = find(standing, PLACES[what])
    mode = place.stat().st_mode
    place.chmod(0o777)
    repaired(standing, place)
    assert place.stat().st_mode == mode


@pytest.mark.parametrize("what", ["a unit's tree", "a directory of a unit's tree", "the release", "the profile"])
def test_what_somebody_added_is_removed(standing: Host, what: str) -> None:
    place = find(standing, PLACES[what])
    stray, folder = place / "left-by-somebody", place / "__pycache__"
    with opened(stray):
        stray.write_text("")
        folder.mkdir()
        (folder / "x.pyc").write_text("")
    repaired(standing, stray, folder)
    assert not stray.exists() and not folder.exists()


@pytest.mark.parametrize("pattern", LINKS)
def test_a_link_that_leads_elsewhere_or_is_gone_is_set_right(standing: Host, pattern: str) -> None:
    link = find(standing, pattern)
    target = os.readlink(str(link))
    for damage in (lambda: os.symlink("/tmp", str(link)), lambda: link.write_text(""), lambda: None):
        remove(link)
        with opened(link):
            damage()
        assert not whole(standing)
        done = stage(standing, OLD, payload=OLD.payload())
        assert (done["repaired"], os.readlink(str(link))) == ([name_of(standing, link)], target)
        assert whole(standing)


@pytest.mark.parametrize("what", ["the release", "the profile", "the copies"])
def test_a_directory_that_was_removed_is_put_back(standing: Host, what: str) -> None:
    place = find(standing, PLACES[what])
    remove(place)
    done = stage(standing, NEW, payload=NEW.payload())
    assert name_of(standing, place) in done["repaired"]
    assert whole(standing)


def test_a_file_in_place_of_a_directory_and_the_other_way_round_are_set_right(standing: Host) -> None:
    lib, server = find(standing, PLACES["a directory of a unit's tree"]), find(standing, PARTS["a unit's file"])
    remove(lib)
    remove(server)
    with opened(lib):
        lib.symlink_to("/tmp")
        (server / "deep").mkdir(parents=True)
    stage(standing, NEW, payload=payload_of(OLD, NEW), lost=[])
    assert whole(standing) and os.listdir("/tmp") != []


def test_files_in_use_are_replaced_one_by_one_and_the_others_left_alone(standing: Host) -> None:
    server, old = find(standing, PARTS["a unit's file"]), find(standing, "units/*/lib/old.py")
    flip(server)
    tree, other = server.parent.stat().st_ino, old.stat().st_ino
    stage(standing, NEW, payload=NEW.payload())
    assert (server.parent.stat().st_ino, old.stat().st_ino) == (tree, other)
    assert server.read_bytes() == SERVER


def test_an_interpreter_that_is_gone_gives_way_to_the_one_that_runs(standing: Host) -> None:
    capsule = Capsule(standing.instance, 1)
    document = capsule.document()
    assert document is not None
    reseal(standing, dict(document, interpreter="/usr/bin/python2.2"))
    assert capsule.damages() == ["/usr/bin/python2.2"]
    assert stage(standing, NEW, payload=NEW.payload())["repaired"] == ["/usr/bin/python2.2"]
    assert whole(standing)


def reseal(host: Host, document: dict[str, t.Any]) -> None:
    path = find(host, PARTS["the capsule"])
    path.write_bytes(sealed_bytes(document))


def test_an_engine_that_nobody_has_any_more_gives_way_to_the_one_that_runs(standing: Host) -> None:
    old, copy = (
        find(standing, PARTS["the engine"]),
        find(standing, "deployments/1/capsule/bin/*/relmgmt-host.pyz"),
    )
    capsule = Capsule(standing.instance, 1)
    document = capsule.document()
    assert document is not None
    other = "bin/" + "0" * 64 + "/relmgmt-host.pyz"
    files = dict(document["files"])
    files[other] = dict(files.pop(document["engine"]), sha256=digest_of(b"an older engine"))
    reseal(standing, dict(document, engine=other, files=files))
    done = stage(standing, NEW, payload=NEW.payload())
    assert other in done["repaired"]
    assert whole(standing) and old.exists() and copy.exists()


@pytest.mark.parametrize("what", BIG)
def test_a_flipped_bit_in_what_is_staged_is_repaired_when_it_is_staged_again(host: Host, what: str) -> None:
    stage(host, OLD, payload=OLD.payload())
    path = find(host, PARTS[what])
    flip(path)
    assert stage(host, OLD, check=True)["changed"] is True
    done = stage(host, OLD, payload=OLD.payload())
    assert (done["deployment"], done["repaired"]) == (1, [name_of(host, path)])
    assert whole(host)


def test_a_file_that_another_tree_holds_is_had_from_there(standing: Host) -> None:
    stage(standing, NEW, payload=NEW.payload())
    old = find(standing, f"units/{OLD.manifest.units[0].digest[7:]}/lib/both.py")
    flip(old)
    done = stage(standing, NEW)
    assert done["repaired"] == [name_of(standing, old)]
    assert whole(standing)


# --- damage that needs the controller ---------------------------------------------------------------------------------


def test_a_file_that_the_new_release_has_too_is_asked_for_and_had_from_it(standing: Host) -> None:
    both = find(standing, "units/*/lib/both.py")
    remove(both)
    with pytest.raises(NeedObjects) as caught:
        stage(standing, NEW, payload=NEW.payload(without=["lib/both.py"]))
    assert caught.value.digests == [digest_of(b"BOTH = 1\n")]
    done = stage(standing, NEW, payload=NEW.payload(), lost=[])
    assert (done["repaired"], whole(standing)) == ([name_of(standing, both)], True)


def as_nobody(host: Host, package: Package, payload: t.BinaryIO | None) -> dict[str, t.Any]:
    """Stage what is to run as somebody else than root."""
    rendered = profile(host.instance.path, host.port, secret=SECRET)
    rendered["runtime"]["service"]["user"] = "nobody"
    return host.ask("stage", manifest=package.manifest.to_dict(), profile=rendered, payload=payload)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root shares files between trees")
def test_a_file_that_is_damaged_in_all_trees_at_once_is_had_from_the_controller(host: Host) -> None:
    stand(host, as_nobody(host, OLD, OLD.payload())["deployment"])
    as_nobody(host, NEW, NEW.payload(without=["server.py"]))
    trees = sorted(host.instance.path.glob("units/*/server.py"))
    assert len({path.stat().st_ino for path in trees}) == 1
    flip(trees[0])
    assert not whole(host, 1) and not whole(host, 2)
    with pytest.raises(NeedObjects) as caught:
        as_nobody(host, NEW, None)
    assert caught.value.digests == [digest_of(SERVER)]
    done = as_nobody(host, NEW, NEW.payload())
    assert done["repaired"] == [name_of(host, path) for path in trees]
    assert whole(host, 1) and whole(host, 2)
    assert as_nobody(host, NEW, None)["changed"] is False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to a group")
@pytest.mark.parametrize("pattern", ["profiles/*", PARTS["a rendered file"]])
def test_what_is_put_back_is_of_the_group_that_it_was_of(host: Host, pattern: str) -> None:
    stand(host, as_nobody(host, OLD, OLD.payload())["deployment"])
    path = find(host, pattern)
    group = path.stat().st_gid
    assert group == pwd.getpwnam("nobody").pw_gid
    remove(path)
    as_nobody(host, OLD, None)
    assert whole(host) and path.stat().st_gid == group
    os.chown(str(path), -1, 0)
    assert not whole(host)


def test_a_file_that_only_the_old_release_has_is_asked_for_before_anything_is_touched(standing: Host) -> None:
    old = find(standing, "units/*/lib/old.py")
    flip(old)
    before = snapshot(standing.root)
    for check in (True, False):
        with pytest.raises(NeedObjects) as caught:
            stage(standing, NEW, check=check, payload=NEW.payload())
        assert digest_of(b"OLD = 1\n") in caught.value.digests
    assert digest_of(b"2.0.0") in caught.value.digests  # all in one round
    assert snapshot(standing.root) == before
    predicted = stage(standing, NEW, check=True, lost=[])
    done = stage(standing, NEW, payload=payload_of(OLD, NEW), lost=[])
    assert done == predicted
    assert (done["repaired"], whole(standing)) == ([name_of(standing, old)], True)


def test_a_file_that_nobody_has_stops_the_host_before_anything_is_touched(standing: Host) -> None:
    old = find(standing, "units/*/lib/old.py")
    flip(old)
    before, lost = snapshot(standing.root), [digest_of(b"OLD = 1\n")]
    for check in (True, False):
        error = refused(standing, NEW, check=check, payload=NEW.payload(), lost=lost)
        assert error.code == "capsule-damaged"
        assert "lib/old.py" in error.message and "fallback" in error.hint
    assert snapshot(standing.root) == before
    assert stage(standing, NEW, payload=payload_of(OLD, NEW), lost=[])["outcome"] == "staged"
    assert whole(standing)


def test_an_error_names_a_few_files_and_counts_the_others(standing: Host) -> None:
    remove(find(standing, PLACES["the copies"]))
    remove(find(standing, PLACES["the profile"]))
    error = refused(standing, NEW, payload=NEW.payload(), secret="another", status=201)
    assert "profiles/" in error.message and error.message.endswith("and 3 more")


def test_files_that_the_controller_does_not_send_after_all_are_asked_for_again(standing: Host) -> None:
    flip(find(standing, "units/*/lib/old.py"))
    with pytest.raises(NeedObjects) as caught:
        stage(standing, NEW, payload=NEW.payload(), lost=[])
    assert caught.value.digests == [digest_of(b"OLD = 1\n")]
    assert standing.instance.deployments() == [1]


def test_a_tree_that_was_removed_is_named_by_its_directory_and_made_again(standing: Host) -> None:
    tree = find(standing, PLACES["a unit's tree"])
    remove(tree)
    with pytest.raises(NeedObjects):
        stage(standing, NEW, payload=NEW.payload())
    done = stage(standing, NEW, payload=payload_of(OLD, NEW), lost=[])
    assert done["repaired"] == [name_of(standing, tree)]
    assert whole(standing)


def test_a_configuration_that_is_damaged_twice_stops_the_host(standing: Host) -> None:
    flip(find(standing, PARTS["a rendered file"]))
    flip(find(standing, PARTS["the copy of a rendered file"]))
    before = snapshot(standing.root)
    error = refused(standing, NEW, payload=NEW.payload(), secret="another")
    assert error.code == "capsule-damaged"
    assert snapshot(standing.root) == before


def test_a_configuration_that_is_damaged_twice_is_had_from_the_request_where_that_has_the_same(standing: Host) -> None:
    flip(find(standing, PARTS["a rendered file"]))
    flip(find(standing, PARTS["the copy of a rendered file"]))
    assert len(stage(standing, OLD)["repaired"]) == 2
    assert whole(standing)


def test_a_damaged_seal_over_a_damaged_configuration_stops_the_host(standing: Host) -> None:
    flip(find(standing, PARTS["the capsule"]))
    flip(find(standing, PARTS["a rendered file"]))
    error = refused(standing, NEW, payload=NEW.payload(), secret="another")
    assert (error.code, "profiles/" in error.message) == ("capsule-damaged", True)


def test_what_is_staged_and_damaged_beyond_repair_is_staged_anew(host: Host) -> None:
    stage(host, OLD, payload=OLD.payload())
    flip(find(host, PARTS["the capsule"]))
    flip(find(host, PARTS["the deployment's description"]))
    done = stage(host, OLD, payload=OLD.payload())
    assert (done["deployment"], done["repaired"], whole(host, 2)) == (2, [], True)


def test_a_host_that_is_sick_has_nothing_to_prove(standing: Host) -> None:
    standing.instance.journal.write("failed", deployment=1, stands=1, reason="it died")
    flip(find(standing, "units/*/lib/old.py"))
    done = stage(standing, NEW, payload=NEW.payload(), lost=[digest_of(b"OLD = 1\n")])
    assert (done["outcome"], done["repaired"]) == ("staged", [])


@pytest.mark.parametrize("method", ["write", "point"])
def test_a_disk_that_is_full_during_the_repair_leaves_what_runs_alone(
    standing: Host, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    flip(find(standing, PARTS["a rendered file"]))
    remove(find(standing, "deployments/1/release"))

    def full(*_args: t.Any, **_more: t.Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Disk, method, full)
        error = refused(standing, OLD)
    assert (error.code, "No space left" in error.message) == ("stage-failed", True)
    assert standing.ask("info")["release"]["state"] == "confirmed"
    stage(standing, NEW, payload=NEW.payload())
    assert whole(standing)


def test_too_little_disk_for_the_repair_is_said_before_anything_is_written(
    standing: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip(find(standing, PARTS["a unit's file"]))
    monkeypatch.setattr(Disk, "free_bytes", lambda disk: 1 << 20)
    before = snapshot(standing.root)
    assert refused(standing, OLD, payload=OLD.payload()).code == "disk-full"
    assert snapshot(standing.root) == before


@pytest.mark.parametrize("method", ["write", "point", "settle", "flush", "make_directory", "replace"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_repair_that_is_killed_is_finished_by_the_next_staging(
    standing: Host, monkeypatch: pytest.MonkeyPatch, method: str, count: int
) -> None:
    flip(find(standing, PARTS["a unit's file"]))
    flip(find(standing, PARTS["the capsule"]))
    remove(find(standing, "units/*/lib/both.py"))
    remove(find(standing, "deployments/1/profile"))
    left = iter([False] * (count - 1) + [True])
    with monkeypatch.context() as patch:
        owner = os if method == "replace" else Disk
        kill_at(patch, owner, method, lambda *_args, **_more: next(left, False))
        with contextlib.suppress(Killed):
            stage(standing, OLD, payload=OLD.payload())
    stage(standing, NEW, payload=NEW.payload())
    assert whole(standing) and whole(standing, 2)
    assert list(standing.instance.path.rglob(".tmp-*")) == []


# --- deployments of older engines -------------------------------------------------------------------------------------


def forget(host: Host) -> None:
    """As an engine left it that knew no capsule."""
    remove(find(host, PARTS["the capsule"]))
    remove(find(host, PLACES["the copies"]))


def test_a_deployment_of_an_older_engine_is_verified_and_sealed(standing: Host) -> None:
    forget(standing)
    assert Capsule(standing.instance, 1).damages() == ["deployments/1/capsule.json"]
    predicted = stage(standing, NEW, check=True)
    done = stage(standing, NEW, payload=NEW.payload())
    assert done == predicted
    assert done["repaired"] == ["deployments/1/capsule.json"]
    assert whole(standing)


def test_a_damaged_deployment_of_an_older_engine_is_repaired_before_it_is_sealed(standing: Host) -> None:
    forget(standing)
    flip(find(standing, PARTS["a unit's file"]))
    stage(standing, NEW, payload=NEW.payload())
    assert whole(standing)


@pytest.mark.parametrize("what", ["the manifest", "the deployment's description", "the service's description"])
def test_a_deployment_of_an_older_engine_that_is_no_more_what_was_staged_is_not_sealed(
    standing: Host, what: str
) -> None:
    forget(standing)
    remove(find(standing, PARTS[what]))
    before = snapshot(standing.root)
    assert refused(standing, NEW, payload=NEW.payload()).code == "capsule-damaged"
    assert snapshot(standing.root) == before


# --- activation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["units/*/lib/old.py", "profiles/*/port.conf", "deployments/1/capsule.json"])
def test_what_was_damaged_since_it_was_staged_is_not_left(host: Host, pattern: str) -> None:
    host.deploy(OLD)
    number = host.stage(NEW, secret="another")["deployment"]
    path = min(host.instance.path.glob(pattern), key=lambda path: path.stat().st_ctime)
    good = path.read_bytes()
    flip(path)
    journal = host.instance.journal.events()
    with pytest.raises(RelmgmtError) as caught:
        host.ask("activate", deployment=number)
    assert caught.value.code == "capsule-damaged"
    assert path.name in caught.value.message and "deployment 1" in caught.value.message
    assert host.instance.journal.events() == journal
    assert answers(host) == "1.0.0"
    path.chmod(0o644)
    path.write_bytes(good)
    host.stage(NEW, send=False, secret="another")
    assert host.ask("activate", deployment=number)["outcome"] == "provisional"


def test_what_was_damaged_since_it_was_staged_is_not_activated(host: Host) -> None:
    host.deploy(V1)
    number = host.stage(V2)["deployment"]
    flip(find(host, f"units/{V2.manifest.units[0].digest[7:]}/version"))
    with pytest.raises(RelmgmtError) as caught:
        host.ask("activate", deployment=number)
    assert (caught.value.code, f"deployment {number}" in caught.value.message) == ("capsule-damaged", True)
    assert answers(host) == "1.0.0"


def test_a_sick_host_can_be_brought_forward_though_its_way_back_is_damaged(host: Host) -> None:
    host.deploy(OLD)
    host.instance.journal.write("failed", deployment=1, stands=1, reason="it died")
    number = host.stage(NEW)["deployment"]
    flip(find(host, "units/*/lib/old.py"))
    assert host.ask("activate", deployment=number)["outcome"] == "provisional"


def test_the_way_back_is_taken_even_if_it_is_damaged(host: Host) -> None:
    host.deploy(OLD)
    number = host.stage(NEW)["deployment"]
    host.ask("activate", deployment=number)
    flip(find(host, "units/*/lib/old.py"))
    assert host.ask("revert", deployment=number)["outcome"] == "reverted"
    assert answers(host) == "1.0.0"


# --- cost, secrets, clean-up ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["stage", "activate"])
def test_a_unit_that_both_releases_hold_is_read_once(host: Host, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    host.deploy(V1)
    number = host.stage(V1, send=False, status=201)["deployment"]
    seen: list[str] = []

    def read(tree: pathlib.Path, unit: Unit, **about: t.Any) -> list[str]:
        seen.append(unit.digest)
        return wrong_paths(tree, unit, **about)

    monkeypatch.setattr(f"{Objects.__module__}.wrong_paths", read)
    if verb == "stage":
        host.stage(V1, send=False, status=201)
    else:
        host.ask("activate", deployment=number)
    assert seen == [V1.manifest.units[0].digest]


def test_no_digest_of_a_rendered_file_leaves_the_host(standing: Host) -> None:
    for what in ("a rendered file", "the service's description"):
        flip(find(standing, PARTS[what]))
    document = Capsule(standing.instance, 1).document()
    assert document is not None
    kept = [file["sha256"] for path, file in document["files"].items() if path.startswith("profiles/")]
    said = [asked(standing, check=True), asked(standing, secret="another", check=True), asked(standing)]
    flip(find(standing, PARTS["a rendered file"]))
    flip(find(standing, PARTS["the copy of a rendered file"]))
    said.append(asked(standing, secret="another"))
    assert "capsule-damaged" in said[-1]
    for text in said:
        assert SECRET not in text
        assert not [digest for digest in kept if digest[7:27] in text]


def asked(host: Host, *, check: bool = False, secret: str = SECRET) -> str:
    """All that a host says to who stages the new release."""
    payload = NEW.payload().getvalue()
    params = {"root": str(host.root), "package": PACKAGE, "instance": "main", "manifest": NEW.manifest.to_dict()}
    params["profile"] = profile(host.instance.path, host.port, secret=secret)
    header = {"verb": "stage", "params": params, "check": check, "payload": len(payload)}
    said = io.StringIO()
    main(b"engine", io.BytesIO(json.dumps(header).encode() + b"\n" + payload), said)
    assert said.getvalue().startswith(MARK)
    return said.getvalue()


def test_a_secret_without_a_version_that_was_changed_is_sealed_for_all_who_use_the_profile(standing: Host) -> None:
    stage(standing, NEW, payload=NEW.payload(), secret="another")  # as long as the one before: the same digest
    assert find(standing, PARTS["a rendered file"]).read_text() == "another"
    assert whole(standing) and whole(standing, 2)


def test_pruning_keeps_what_the_capsules_that_are_kept_need(standing: Host) -> None:
    for version in ("2.0.0", "3.0.0", "4.0.0"):
        package = Package(version, {"only-in": version.encode()})
        stand(standing, stage(standing, package, payload=package.payload(), secret=version)["deployment"])
    kept = standing.ask("prune", keep=0)["kept"]
    assert kept == [3, 4]
    assert [whole(standing, number) for number in kept] == [True, True]
    assert not standing.instance.disk.exists("deployments", "1")
