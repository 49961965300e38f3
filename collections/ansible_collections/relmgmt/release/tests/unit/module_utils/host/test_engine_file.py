# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine as a file: the commands for people lead to it, to nothing that may vanish, and never to an older one."""

from __future__ import annotations

import fcntl
import os
import pathlib

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import engine_file
from ansible_collections.relmgmt.release.plugins.module_utils._host.engine_file import install, is_command
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance

from .engine import Host
from .test_engine import V1, V2


@pytest.fixture
def instance(tmp_path: pathlib.Path) -> Instance:
    found = Instance(tmp_path, "team/app", "main")
    found.disk.make_directory()
    return found


def command(where: pathlib.Path) -> bytes:
    """What is run by the command for people."""
    return (where / "bin" / "relmgmt-host").read_bytes()


def listing(where: pathlib.Path) -> dict[pathlib.Path, tuple[int, int]]:
    return {path: (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in where.rglob("*")}


def test_both_commands_lead_to_the_engine_that_was_installed_last(instance: Instance) -> None:
    for engine in (b"one", b"two"):
        path = install(instance, engine)
        assert path.read_bytes() == engine and os.access(str(path), os.X_OK)
        assert command(instance.path) == command(instance.root) == engine
    assert is_command(instance.root)


def test_the_second_time_nothing_is_written(instance: Instance) -> None:
    install(instance, b"one")
    before = listing(instance.root)
    install(instance, b"one")
    assert listing(instance.root) == before


def test_an_engine_that_may_be_running_stays_as_it_is(instance: Instance) -> None:
    running = install(instance, b"one")
    (copy,) = instance.root.glob("bin/*/relmgmt-host.pyz")
    before = running.stat().st_ino, copy.stat().st_ino
    install(instance, b"two")
    assert (running.stat().st_ino, copy.stat().st_ino) == before
    assert running.read_bytes() == copy.read_bytes() == b"one"


def test_the_roots_command_outlives_the_instance_and_goes_with_a_root_that_is_moved(instance: Instance) -> None:
    install(instance, b"one")
    instance.root.joinpath("team").rename(instance.root / "gone")
    assert command(instance.root) == b"one"
    moved = instance.root.with_name(instance.root.name + "-moved")
    instance.root.rename(moved)
    assert command(moved) == b"one"
    moved.rename(instance.root)


def test_an_engine_that_knows_less_does_not_take_the_roots_command(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(engine_file, "FORMAT", engine_file.FORMAT + 1)
        install(instance, b"newer")
    install(instance, b"older")
    assert (command(instance.root), command(instance.path)) == (b"newer", b"older")


def test_a_roots_command_that_leads_nowhere_is_mended_whatever_it_knew(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(engine_file, "FORMAT", engine_file.FORMAT + 1)
        install(instance, b"newer")
    (copy,) = instance.root.glob("bin/*/relmgmt-host.pyz")
    copy.unlink()
    assert not is_command(instance.root)
    install(instance, b"older")
    assert command(instance.root) == b"older"


def test_an_engine_that_was_damaged_is_replaced(instance: Instance) -> None:
    path = install(instance, b"one")
    (copy,) = instance.root.glob("bin/*/relmgmt-host.pyz")
    path.write_bytes(b"0ne")
    copy.write_bytes(b"")
    assert install(instance, b"one") == path
    assert path.read_bytes() == copy.read_bytes() == b"one"


@pytest.mark.parametrize("foreign", ["file", "link"])
def test_a_command_of_somebody_else_at_the_root_is_left_alone(instance: Instance, foreign: str) -> None:
    directory = instance.root / "bin"
    directory.mkdir()
    if foreign == "file":
        (directory / "relmgmt-host").write_bytes(b"theirs")
    else:
        (directory / "theirs").write_bytes(b"theirs")
        (directory / "relmgmt-host").symlink_to("theirs")
    install(instance, b"one")
    assert (command(instance.root), command(instance.path)) == (b"theirs", b"one")
    assert not is_command(instance.root)


def test_who_finds_another_at_the_roots_command_does_not_wait(instance: Instance) -> None:
    install(instance, b"one")
    handle = os.open(str(instance.root / "bin"), os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        install(instance, b"two")
    finally:
        os.close(handle)
    assert (command(instance.root), command(instance.path)) == (b"one", b"two")
    install(instance, b"two")
    assert command(instance.root) == b"two"


def test_staging_installs_it_and_pruning_leaves_it(host: Host) -> None:
    host.deploy(V1)
    host.deploy(V2)
    host.ask("prune", keep=0)
    assert command(host.root) == command(host.instance.path) == b"engine"
