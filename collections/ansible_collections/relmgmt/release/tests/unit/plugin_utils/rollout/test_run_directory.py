# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import dataclasses
import json
import os
import pathlib
import time

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError
from ansible_collections.relmgmt.release.plugins.module_utils._model.profile import Profile, ProfileFile
from ansible_collections.relmgmt.release.plugins.plugin_utils._holder import Holder
from ansible_collections.relmgmt.release.plugins.plugin_utils._rollout import run_directory
from ansible_collections.relmgmt.release.plugins.plugin_utils._secrets import Secret

from .fleet import profile

PROFILES = {"host": dataclasses.replace(profile(), files=(ProfileFile("users", "0640", b"hunter2"),))}


@pytest.fixture
def environ(tmp_path: pathlib.Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(tmp_path)}


@pytest.fixture
def parent(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / f"relmgmt-{os.geteuid()}"


def mode(path: pathlib.Path) -> int:
    return path.lstat().st_mode & 0o7777


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_only_this_user_can_read_what_is_written(environ: dict[str, str], parent: pathlib.Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        directory = run_directory.write_profiles("r1", PROFILES, environ=environ)
    finally:
        os.umask(before)
    assert directory == parent / "r1"
    assert {mode(path) for path in (parent, directory, directory / "profiles")} == {0o700}
    assert [mode(path) for path in (directory / "profiles").iterdir()] == [0o600]


def test_secrets_are_for_this_user_and_the_process_alone(environ: dict[str, str]) -> None:
    me, other = Holder("here", "boot", 1, "10"), Holder("here", "boot", 1, "11")
    old, new = (Secret("env:A", value, "1") for value in ("old", "hunter2"))
    for run, secret in (("r1", old), ("r2", new)):
        directory = run_directory.make(run, environ=environ)
        run_directory.write_secrets(directory, {"env:A": secret}, me, {})
        assert mode(directory / "secrets.json") == 0o600
        os.utime(directory / "secrets.json", (int(run[1]), int(run[1])))
    assert run_directory.read_secrets({me}, {}, environ=environ) == {"env:A": new}
    assert run_directory.read_secrets({other}, {}, environ=environ) == {}
    elsewhere = {"aws-sm": {"region": "eu-west-1"}}
    assert run_directory.read_secrets({me}, elsewhere, environ=environ) == {}
    (directory / "secrets.json").write_text("{")
    assert run_directory.read_secrets({me}, {}, environ=environ) == {"env:A": old}
    for run in ("r1", "r2"):
        run_directory.remove(run, environ=environ)
    assert run_directory.read_secrets({me}, {}, environ=environ) == {}


def test_what_is_written_is_the_profile(environ: dict[str, str]) -> None:
    directory = run_directory.write_profiles("r1", PROFILES, environ=environ)
    data = json.loads(run_directory.profile_path(directory, "host").read_text())
    assert Profile.from_dict(data) == PROFILES["host"]
    assert base64.b64decode(data["files"][0]["contents"]) == b"hunter2"


def test_the_name_of_a_host_cannot_lead_out(environ: dict[str, str], tmp_path: pathlib.Path) -> None:
    directory = run_directory.write_profiles("r1", {"../../../out": profile()}, environ=environ)
    assert [path.parent for path in directory.rglob("*.json")] == [directory / "profiles"]
    assert sorted(tmp_path.iterdir()) == [directory.parent]


def test_writing_again_replaces(environ: dict[str, str]) -> None:
    run_directory.write_profiles("r1", PROFILES, environ=environ)
    directory = run_directory.write_profiles("r1", {"host": profile("other")}, environ=environ)
    data = json.loads(run_directory.profile_path(directory, "host").read_text())
    assert data["digest"] == profile("other").digest


def test_a_link_where_a_profile_is_to_be_is_not_followed(environ: dict[str, str], tmp_path: pathlib.Path) -> None:
    directory = run_directory.write_profiles("r1", {}, environ=environ)
    run_directory.profile_path(directory, "host").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        run_directory.write_profiles("r1", PROFILES, environ=environ)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("bits", [0o750, 0o701, 0o777])
def test_a_directory_that_others_can_read_is_refused(environ: dict[str, str], parent: pathlib.Path, bits: int) -> None:
    parent.mkdir()
    parent.chmod(bits)
    refused(environ)


def test_a_link_in_place_of_the_directory_is_refused(
    environ: dict[str, str], parent: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "mine").mkdir(mode=0o700)
    parent.symlink_to(tmp_path / "mine")
    refused(environ)
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_file_in_place_of_the_directory_is_refused(environ: dict[str, str], parent: pathlib.Path) -> None:
    parent.touch(mode=0o600)
    refused(environ)


def test_somebody_else_s_directory_is_refused(
    environ: dict[str, str], parent: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    parent.with_name(f"relmgmt-{user + 1}").mkdir(mode=0o700)
    refused(environ)


def refused(environ: dict[str, str]) -> None:
    with pytest.raises(BackendError) as caught:
        run_directory.write_profiles("r1", PROFILES, environ=environ)
    assert caught.value.code == "run-directory-exposed"


def test_what_crashed_runs_left_is_removed_after_a_day(environ: dict[str, str]) -> None:
    old = run_directory.write_profiles("old", PROFILES, environ=environ)
    young = run_directory.write_profiles("young", PROFILES, environ=environ)
    for directory, age in ((old, run_directory.KEPT_SECONDS + 60), (young, run_directory.KEPT_SECONDS - 60)):
        os.utime(directory, (time.time() - age,) * 2)
    run_directory.write_profiles("new", PROFILES, environ=environ)
    assert sorted(path.name for path in old.parent.iterdir()) == ["new", "young"]


def test_removing_is_whole_and_may_be_repeated(environ: dict[str, str], parent: pathlib.Path) -> None:
    run_directory.write_profiles("r1", PROFILES, environ=environ)
    run_directory.write_profiles("r2", PROFILES, environ=environ)
    run_directory.remove("r1", environ=environ)
    run_directory.remove("r1", environ=environ)
    assert [path.name for path in parent.iterdir()] == ["r2"]


def test_without_a_runtime_directory_it_is_memory_or_the_temporary_directory(tmp_path: pathlib.Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path / "gone"), "TMPDIR": str(tmp_path)}
    assert run_directory.base(environ).parent in (pathlib.Path("/dev/shm"), tmp_path)
