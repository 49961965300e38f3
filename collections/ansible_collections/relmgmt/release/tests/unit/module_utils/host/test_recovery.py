# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a crash leaves, who may speak to a host, and which roots are trusted."""

from __future__ import annotations

import errno
import os
import pathlib
import threading

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import disk
from ansible_collections.relmgmt.release.plugins.module_utils._host.root import check_root
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, RelmgmtError

from .engine import Host
from .test_engine import V1, V2, answers


def test_an_activation_that_was_never_judged_goes_back(host: Host) -> None:
    host.deploy(V1)
    number = host.stage(V2)["deployment"]
    host.instance.journal.write("switch", **{"from": 1, "to": number, "verb": "activate"})
    host.instance.disk.point("deployments/2", "current")
    assert host.ask("info")["release"]["interrupted"] is True
    result = host.ask("confirm", deployment=number)
    assert (result["outcome"], result["recovered"]) == ("reverted", "deployment 2, interrupted: reverted")
    assert answers(host) == "1.0.0"


def test_a_revert_that_was_interrupted_goes_on(host: Host) -> None:
    host.deploy(V1)
    host.deploy(V2)
    host.instance.journal.write("switch", **{"from": 2, "to": 1, "verb": "revert"})
    assert host.ask("prune", keep=1)["recovered"] == "deployment 2, interrupted: reverted"
    assert answers(host) == "1.0.0"


def test_a_line_of_the_journal_that_a_crash_cut_short_counts_as_not_written(host: Host) -> None:
    host.deploy(V1)
    journal = host.instance.disk.path("journal")
    with open(str(journal), "ab") as stream:
        stream.write(b'{"event": "swi')
    assert host.ask("info")["release"]["state"] == "confirmed"
    assert host.deploy(V2) == 2


def test_a_damaged_journal_stops_everything_and_says_where(host: Host) -> None:
    host.deploy(V1)
    journal = host.instance.disk.path("journal")
    lines = journal.read_bytes().split(b"\n")
    journal.write_bytes(b"\n".join([b"{{}}", *lines[1:]]))
    with pytest.raises(RelmgmtError) as caught:
        host.ask("confirm", deployment=1)
    assert (caught.value.code, "line 1" in caught.value.message) == ("journal-damaged", True)


def test_a_host_refuses_a_controller_that_was_overtaken(host: Host) -> None:
    host.ask("prune", keep=1, fence={"registry": "r", "token": 5})
    host.ask("prune", keep=1, fence={"registry": "r", "token": 6})
    with pytest.raises(RelmgmtError) as caught:
        host.ask("prune", keep=1, fence={"registry": "r", "token": 5})
    assert caught.value.code == "fenced"
    host.ask("prune", keep=1)


def test_a_second_registry_is_refused_while_a_release_is_provisional(host: Host) -> None:
    number = host.stage(V1)["deployment"]
    host.ask("activate", deployment=number, fence={"registry": "r", "token": 1})
    with pytest.raises(RelmgmtError) as caught:
        host.ask("prune", keep=1, fence={"registry": "other", "token": 9})
    assert caught.value.code == "fence-foreign"


def test_two_at_once_take_turns(host: Host) -> None:
    host.deploy(V1)
    results = []
    threads = [threading.Thread(target=lambda: results.append(host.stage(V2)["deployment"])) for _count in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [2, 2, 2, 2]


@pytest.mark.parametrize("mode, code", [(0o757, "root-exposed"), (0o755, None), (0o1777, None)])
def test_a_root_whose_parent_others_can_write_is_refused(tmp_path: pathlib.Path, mode: int, code: str) -> None:
    parent = tmp_path / "parent"
    root = parent / "root"
    root.mkdir(parents=True)
    os.chmod(str(parent), mode)
    if code is None:
        return check_root(root)
    with pytest.raises(RelmgmtError) as caught:
        check_root(root)
    assert caught.value.code == code


def test_a_relative_root_and_a_file_as_root_are_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    for root, code in ((pathlib.Path("somewhere"), "root-relative"), (tmp_path / "file", "root-not-directory")):
        with pytest.raises(RelmgmtError) as caught:
            check_root(root)
        assert caught.value.code == code


def test_a_root_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(RelmgmtError) as caught:
        check_root(pathlib.Path("/proc"))
    assert caught.value.code == "root-read-only"


def test_packages_that_reach_outside_are_refused(host: Host) -> None:
    for package in ("../x", "a/../b", "/etc/x", "one"):
        with pytest.raises(RelmgmtError):
            host.ask("prune", package=package, keep=1)


def test_a_journal_that_a_newer_engine_wrote_is_said_to_be_newer(host: Host) -> None:
    host.deploy(V1)
    host.instance.journal.write("teleported", deployment=1)
    with pytest.raises(BackendError) as caught:
        host.ask("activate", deployment=1)
    assert caught.value.code == "journal-newer"
    assert "bin/relmgmt-host" in str(caught.value)


@pytest.fixture
def full(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing can be written but what the reserve makes room for."""
    real = disk._put

    def put(handle: int, data: bytes) -> None:
        if host.instance.disk.exists("reserve") or len(data) > 4096:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle, data)

    host.deploy(V1)
    host.ask("activate", deployment=host.stage(V2)["deployment"])
    monkeypatch.setattr(disk, "_put", put)


def test_the_way_back_has_room_of_its_own(host: Host, full: None) -> None:
    assert host.ask("revert", deployment=2)["outcome"] == "reverted"
    assert answers(host) == "1.0.0"
    assert not host.instance.disk.exists("reserve")


def test_where_no_room_can_be_set_aside_that_is_said(host: Host, full: None) -> None:
    host.instance.disk.remove("reserve")
    before = host.instance.journal.events()
    with pytest.raises(BackendError) as caught:
        host.instance.disk.keep_reserve()
    assert caught.value.code == "disk-full"
    assert host.instance.journal.events() == before


def test_each_activation_sets_the_room_aside_again(host: Host) -> None:
    host.deploy(V1)
    host.instance.disk.remove("reserve")
    host.ask("activate", deployment=host.stage(V2)["deployment"])
    assert host.instance.disk.exists("reserve")
