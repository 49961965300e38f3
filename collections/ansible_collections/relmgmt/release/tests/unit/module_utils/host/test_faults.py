# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong in the middle: after it, the host is healthy on N or N-1, or can be brought there."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.disk import Disk
from ansible_collections.relmgmt.release.plugins.module_utils._host.objects import Objects
from ansible_collections.relmgmt.release.plugins.module_utils._host.service_command import CommandDriver
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError

from .engine import Host, Package
from .test_engine import V1, V2, answers

V3, V4 = Package("3.0.0"), Package("4.0.0")


class Killed(BaseException):
    """Stands for SIGKILL: nothing that runs may catch it."""


def kill_at(monkeypatch: pytest.MonkeyPatch, owner: t.Any, name: str, when: t.Callable[..., bool]) -> None:
    """From now on, die where the method is called with arguments that ``when`` accepts."""
    real = getattr(owner, name)

    def method(*args: t.Any, **kwargs: t.Any) -> t.Any:
        if when(*args, **kwargs):
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, method)


def die(*_args: t.Any) -> None:
    raise Killed


def stuck(_driver: CommandDriver) -> None:
    raise BackendError("stuck", "it is stuck")


def test_n_minus_one_that_stumbles_once_can_be_rolled_out_again(host: Host) -> None:
    host.deploy(V1)
    number = host.stage(V2, status=500)["deployment"]
    host.sicken(1, 503)
    assert host.ask("activate", deployment=number)["outcome"] == "failed"
    assert host.ask("info")["release"]["state"] == "failed"
    host.sicken(1, 200)
    host.instance_service_stop()
    again = host.stage(V1, send=False)
    assert (again["deployment"], again["outcome"], again["changed"]) == (1, "confirmed", False)
    assert host.ask("activate", deployment=1)["outcome"] == "confirmed"
    assert host.ask("info")["release"]["state"] == "confirmed"
    assert host.ask("revert", version="1.0.0")["changed"] is False
    assert answers(host) == "1.0.0"


def test_a_bad_release_is_staged_anew_and_not_taken_for_the_one_that_failed(host: Host) -> None:
    host.deploy(V1)
    number = host.stage(V2, status=500)["deployment"]
    host.sicken(1, 503)
    host.ask("activate", deployment=number)
    assert host.stage(V2, send=False, status=500)["deployment"] == number + 1


def test_going_back_to_the_version_that_runs_is_no_revert_of_itself(host: Host) -> None:
    host.deploy(V1)
    host.deploy(V2)
    host.ask("revert", version="1.0.0")
    for _again in range(2):
        assert host.ask("revert", version="1.0.0")["outcome"] == "confirmed"
    assert host.ask("revert", version="2.0.0")["outcome"] == "reverted"
    assert answers(host) == "2.0.0"


def test_pruning_and_going_back_leaves_a_host_that_can_be_asked(host: Host) -> None:
    for package in (V1, V2, V3, V4):
        host.deploy(package)
    host.ask("prune", keep=1)
    host.ask("revert", version="2.0.0")
    info = host.ask("info")["release"]
    assert (info["current"]["version"], info["previous"]) == ("2.0.0", None)
    host.ask("prune", keep=0)
    assert answers(host) == "2.0.0"


def test_a_prune_that_is_killed_leaves_no_half_tree_behind(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in (V1, V2, V3):
        host.deploy(package)
    with monkeypatch.context() as patch:
        patch.setattr(Disk, "_delete", staticmethod(die))
        with pytest.raises(Killed):
            host.ask("prune", keep=0)
    assert host.ask("info")["release"]["state"] == "confirmed"
    host.deploy(V1)
    assert answers(host) == "1.0.0"


def test_a_staging_that_is_killed_before_the_flush_gives_no_name(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        kill_at(patch, Disk, "flush", lambda disk: True)
        with pytest.raises(Killed):
            host.stage(V1)
    assert (host.instance.units(), host.instance.deployments()) == ([], [])
    host.deploy(V1)
    assert list(host.instance.path.rglob(".tmp-*")) == []


def test_a_service_that_cannot_be_stopped_keeps_journal_and_link_together(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.deploy(V1)
    number = host.stage(V2)["deployment"]
    host.ask("activate", deployment=number)
    with monkeypatch.context() as patch:
        patch.setattr(CommandDriver, "stop", stuck)
        assert host.ask("revert", deployment=number)["outcome"] == "failed"
    history = host.instance.history()
    assert host.instance.disk.target("current") == f"deployments/{history.current}"
    assert host.ask("revert", deployment=number)["outcome"] == "reverted"
    assert answers(host) == "1.0.0"


@pytest.mark.parametrize("event", ["reverted", "switch", "returned"])
def test_a_rollback_to_something_sick_ends_on_what_was_well_wherever_it_is_killed(
    host: Host, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    host.deploy(V1)
    host.deploy(V2, secret="another profile")
    host.sicken(1, 503)
    journal = type(host.instance.journal)
    seen: list[str] = []

    def when(self: t.Any, name: str, **values: t.Any) -> bool:
        seen.append(name)
        return (name == event and len(seen) > 1) or name == "failed"

    with monkeypatch.context() as patch:
        kill_at(patch, journal, "write", when)
        with pytest.raises(Killed):
            host.ask("revert", version="1.0.0")
            raise Killed
    host.ask("prune", keep=2)
    assert answers(host) == "2.0.0"
    assert host.ask("info")["release"]["state"] == "confirmed"


def test_a_full_disk_at_the_switch_does_not_leave_the_service_down(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.deploy(V1)
    number = host.stage(V2)["deployment"]

    def full(disk: Disk, target: str, *parts: str) -> None:
        if disk.target(*parts) != target:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Disk, "point", full)
        assert host.ask("activate", deployment=number)["outcome"] == "reverted"
    assert answers(host) == "1.0.0"


@pytest.mark.parametrize("tail", [b'{"event": "reverted", "reason": "{}', b"\0\0\0\0", b'{"event": "x"}'])
def test_whatever_follows_the_last_end_of_line_counts_as_not_written(host: Host, tail: bytes) -> None:
    host.deploy(V1)
    with open(str(host.instance.disk.path("journal")), "ab") as stream:
        stream.write(tail)
    assert host.ask("info")["release"]["state"] == "confirmed"
    host.deploy(V2)
    assert tail not in host.instance.disk.path("journal").read_bytes()


def test_a_provisional_release_whose_service_cannot_start_again_goes_back(host: Host) -> None:
    host.deploy(V1)
    broken = Package("2.0.0", {"marker": b"x"})
    number = host.stage(broken)["deployment"]
    host.ask("activate", deployment=number)
    host.instance_service_stop()
    server = host.instance.disk.path("deployments", str(number), "release", "app", "server.py")
    server.chmod(0o644)
    server.write_text("raise SystemExit(1)")
    assert host.ask("activate", deployment=number)["outcome"] == "reverted"
    assert answers(host) == "1.0.0"


def test_only_the_engine_can_hold_the_lock(host: Host) -> None:
    host.deploy(V1)
    assert host.instance.disk.path("lock").stat().st_mode & 0o777 == 0o600


def test_what_is_being_written_cannot_be_read_by_others(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        kill_at(patch, Disk, "flush", lambda disk: True)
        with pytest.raises(Killed):
            host.stage(V1)
    unfinished = list(host.instance.path.glob("*/.tmp-*"))
    assert unfinished and {path.stat().st_mode & 0o077 for path in unfinished} == {0}


def test_a_transfer_that_was_cut_short_is_refused_with_a_code(host: Host) -> None:
    import io
    import json

    from ansible_collections.relmgmt.release.plugins.module_utils._host.main import MARK, main

    from .engine import profile

    payload = V1.payload().getvalue()
    payload = payload[: len(payload) // 2]
    params = {"root": str(host.root), "package": "test/app", "instance": "main", "manifest": V1.manifest.to_dict()}
    params["profile"] = profile(host.instance.path, host.port)
    header = {"verb": "stage", "params": params, "check": False, "payload": len(payload)}
    answer = io.StringIO()
    assert main(b"", io.BytesIO(json.dumps(header).encode() + b"\n" + payload), answer) == 0
    assert json.loads(answer.getvalue()[len(MARK) :])["error"]["code"] == "transfer-damaged"


def test_files_live_once_where_they_cannot_be_linked(host: Host) -> None:
    host.deploy(V1)
    host.deploy(V2)
    assert host.instance.disk.names("objects") == []
    inodes = [
        os.stat(str(path)).st_ino
        for path in host.instance.path.glob("units/*/server.py")
        if isinstance(path, pathlib.Path)
    ]
    assert len(inodes) == len(set(inodes)) == 2
    assert Objects(host.instance.disk, shared=False).lacking(V2.manifest.units) == []
