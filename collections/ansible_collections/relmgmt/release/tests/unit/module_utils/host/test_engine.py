# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a deployment on one host, with a real process and real probes."""

from __future__ import annotations

import os
import pathlib
import typing as t
import urllib.request

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.disk import Disk
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import NeedObjects
from ansible_collections.relmgmt.release.plugins.module_utils._host.objects import mtime_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError

from .engine import SERVER, Host, Package, profile

V1, V2 = Package("1.0.0"), Package("2.0.0")


def answers(host: Host) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{host.port}/", timeout=5) as response:
        return str(response.read().decode())


def snapshot(root: pathlib.Path) -> dict[str, t.Any]:
    """Every name below the root with its bytes or target, but for the lock and the service's own files."""
    found: dict[str, t.Any] = {}
    for directory, names, files in os.walk(str(root)):
        for name in names + files:
            path = pathlib.Path(directory, name)
            if name == "lock" or "/run/" in str(path):
                continue
            found[str(path)] = (
                os.readlink(str(path)) if path.is_symlink() else path.read_bytes() if path.is_file() else "dir"
            )
    return found


def test_a_release_is_staged_activated_confirmed_and_answers(host: Host) -> None:
    assert host.deploy(V1) == 1
    assert answers(host) == "1.0.0"
    info = host.ask("info")["release"]
    assert (info["state"], info["current"]["version"], info["service"]) == ("confirmed", "1.0.0", "active")
    assert info["previous"] is None


def test_staging_touches_nothing_that_runs(host: Host) -> None:
    host.deploy(V1)
    staged = host.stage(V2)
    assert (staged["outcome"], staged["deployment"], staged["changed"]) == ("staged", 2, True)
    assert answers(host) == "1.0.0"
    assert host.ask("info")["release"]["current"]["version"] == "1.0.0"


def test_everything_a_second_time_changes_nothing(host: Host) -> None:
    host.deploy(V1)
    before = snapshot(host.root)
    assert host.stage(V1, send=False)["changed"] is False
    assert host.ask("activate", deployment=1)["changed"] is False
    assert host.ask("confirm", deployment=1)["changed"] is False
    assert host.ask("revert", version="1.0.0")["changed"] is False
    assert snapshot(host.root) == before


def test_an_unhealthy_release_comes_back_by_itself(host: Host) -> None:
    host.deploy(V1)
    number = host.stage(V2, status=500)["deployment"]
    result = host.ask("activate", deployment=number)
    assert (result["outcome"], result["from"], result["to"]) == ("reverted", 2, 1)
    assert "web" in result["reason"]
    assert answers(host) == "1.0.0"
    assert host.ask("info")["release"]["state"] == "confirmed"


def test_a_release_whose_process_dies_comes_back_by_itself(host: Host) -> None:
    host.deploy(V1)
    broken = Package("2.0.0", {"server.py": b"raise SystemExit('no')\n"})
    number = host.stage(broken)["deployment"]
    assert host.ask("activate", deployment=number)["outcome"] == "reverted"
    assert answers(host) == "1.0.0"


def test_confirm_after_a_revert_never_says_confirmed(host: Host) -> None:
    host.deploy(V1)
    number = host.stage(V2, status=500)["deployment"]
    host.ask("activate", deployment=number)
    assert host.ask("confirm", deployment=number)["outcome"] == "reverted"
    assert host.ask("confirm", deployment=7)["outcome"] == "unknown"


def test_a_final_deployment_is_judged_again_when_that_is_asked_and_stays(host: Host) -> None:
    host.deploy(V1)
    number = host.deploy(V2)
    before = host.instance.journal.events()
    well = host.ask("confirm", deployment=number, probe=True)
    assert (well["outcome"], well["changed"]) == ("confirmed", False)
    assert [probe["healthy"] for probe in well["probes"]] == [True]
    host.instance_service_stop()
    assert host.ask("confirm", deployment=number)["outcome"] == "confirmed", "nobody asked its probes"
    dead = host.ask("confirm", deployment=number, probe=True)
    assert (dead["outcome"], dead["cause"], dead["changed"]) == ("failed", "release", False)
    assert dead["reason"].startswith("it is not healthy any more: the service does not stay up")
    assert host.ask("confirm", deployment=number, probe=True, check=True)["outcome"] == "confirmed"
    assert host.instance.journal.events() == before, "nothing was done about it"
    assert host.ask("confirm", deployment=1, probe=True)["outcome"] == "unknown", "another one is current"


def test_a_first_release_that_fails_leaves_the_host_absent(host: Host) -> None:
    number = host.stage(V1, status=500)["deployment"]
    result = host.ask("activate", deployment=number)
    assert (result["outcome"], result["to"]) == ("reverted", 0)
    assert host.ask("info")["release"]["state"] == "absent"
    assert not host.instance.disk.exists("current")


def test_a_provisional_release_is_reverted_on_demand_and_only_once(host: Host) -> None:
    host.deploy(V1)
    number = host.stage(V2)["deployment"]
    host.ask("activate", deployment=number)
    assert answers(host) == "2.0.0"
    assert host.ask("revert", deployment=number, reason="wave")["outcome"] == "reverted"
    assert answers(host) == "1.0.0"
    again = host.ask("revert", deployment=number)
    assert (again["changed"], again["outcome"]) == (False, "reverted")
    assert answers(host) == "1.0.0"


def test_rollback_to_a_held_version_and_back(host: Host) -> None:
    host.deploy(V1)
    host.deploy(V2)
    assert host.ask("revert", version="1.0.0")["outcome"] == "reverted"
    assert answers(host) == "1.0.0"
    with pytest.raises(RelmgmtError) as caught:
        host.ask("revert", version="9.9.9")
    assert caught.value.code == "version-not-held"


def test_a_rollback_to_something_sick_returns_to_what_was_well(host: Host) -> None:
    host.deploy(V1)
    host.deploy(V2, secret="another profile")
    host.sicken(1, 503)
    result = host.ask("revert", version="1.0.0")
    assert result["outcome"] == "failed"
    assert answers(host) == "2.0.0"
    assert host.ask("info")["release"]["state"] == "confirmed"


def test_state_survives_and_is_linked_into_the_tree(host: Host) -> None:
    host.deploy(V1)
    host.deploy(V2)
    linked = host.instance.disk.path("current", "release", "app", "data", "started")
    assert linked.read_text() == "xx"
    assert linked.resolve() == host.instance.disk.path("state", "data", "started").resolve()


def test_check_mode_says_what_a_real_run_then_does_and_writes_nothing(host: Host) -> None:
    host.deploy(V1)
    before = snapshot(host.root)
    predicted = host.stage(V2, check=True, send=False)
    assert host.ask("activate", check=True, deployment=predicted["deployment"])["changed"] is True
    assert host.ask("confirm", check=True, deployment=predicted["deployment"])["outcome"] == "confirmed"
    assert host.ask("revert", check=True, version="1.0.0")["changed"] is False
    assert snapshot(host.root) == before
    assert host.stage(V2) == predicted


def test_check_mode_of_a_fresh_host_makes_no_directory(host: Host) -> None:
    predicted = host.stage(V1, check=True, send=False)
    assert list(host.root.iterdir()) == []
    assert host.stage(V1) == predicted


def test_files_have_the_modes_and_times_that_the_digest_gives(host: Host) -> None:
    host.stage(V1)
    tree = host.instance.disk.path("deployments", "1", "release", "app")
    version = tree / "version"
    assert version.stat().st_mtime == mtime_of(digest_of(b"1.0.0"))
    assert version.stat().st_mode & 0o777 == 0o444
    assert os.readlink(str(tree / "latest")) == "version"
    other = host.instance.disk.path("deployments", "1", "profile", "port.conf")
    assert other.stat().st_mode & 0o777 == 0o640


def test_an_unchanged_unit_is_shared_and_nothing_is_sent_for_it(host: Host) -> None:
    host.stage(V1)
    again = host.stage(V1, send=False, status=201)
    assert again["deployment"] == 2
    assert len(host.instance.units()) == 1


def test_only_missing_files_are_asked_for(host: Host) -> None:
    host.stage(V1)
    with pytest.raises(NeedObjects) as caught:
        host.stage(V2, send=False)
    assert caught.value.digests == [digest_of(b"2.0.0")]
    assert host.instance.deployments() == [1]


@pytest.mark.parametrize("spoiled", [b"1.0.1", b"1.0", b"1.0.0\n"])
def test_wrong_bytes_are_refused_and_nothing_is_staged(host: Host, spoiled: bytes) -> None:
    with pytest.raises(RelmgmtError) as caught:
        host.ask(
            "stage",
            payload=V1.payload(spoil={"version": spoiled}),
            manifest=V1.manifest.to_dict(),
            profile=profile(host.instance.path, host.port),
        )
    assert caught.value.code == "object-tampered"
    assert host.instance.deployments() == []
    assert host.stage(V1)["deployment"] == 1


def test_a_file_that_nobody_asked_for_is_refused(host: Host) -> None:
    with pytest.raises(RelmgmtError) as caught:
        host.ask(
            "stage",
            payload=V2.payload(),
            manifest=V1.manifest.to_dict(),
            profile=profile(host.instance.path, host.port),
        )
    assert caught.value.code == "object-tampered"


def test_a_damaged_release_is_mended_when_it_is_staged_again(host: Host) -> None:
    host.stage(V1)
    tree = host.instance.disk.path("deployments", "1", "release", "app")
    tree.resolve().chmod(0o755)
    (tree / "left-by-somebody").write_text("")
    (tree / "version").chmod(0o644)
    (tree / "version").write_bytes(b"6.6.6")
    assert host.stage(V1, check=True, send=False)["changed"] is True
    with pytest.raises(NeedObjects) as caught:
        host.stage(V1, send=False)
    assert caught.value.digests == [digest_of(b"1.0.0")]
    mended = host.stage(V1)
    assert (mended["deployment"], mended["changed"]) == (1, True)
    assert (tree / "version").read_bytes() == b"1.0.0" and not (tree / "left-by-somebody").exists()
    assert host.stage(V1, send=False)["changed"] is False


def test_the_difference_names_files_and_configuration_and_no_secret(host: Host) -> None:
    host.deploy(V1, secret="hunter2")
    diff = host.stage(V2, secret="other-secret")["diff"]
    assert diff["before"]["release/app/version"] == digest_of(b"1.0.0")[:19]
    assert diff["after"]["release/app/version"] == digest_of(b"2.0.0")[:19]
    assert set(diff["after"]) == {"release/app/version", "profile/secret"}
    assert "hunter2" not in str(diff) and digest_of(b"hunter2")[7:19] not in str(diff)


def test_a_file_damaged_in_a_held_tree_is_asked_for_again(host: Host) -> None:
    host.stage(V1)
    server = host.instance.disk.path("deployments", "1", "release", "app", "server.py")
    server.chmod(0o644)
    server.write_bytes(SERVER + b"# edited in place\n")
    with pytest.raises(NeedObjects) as caught:
        host.ask(
            "stage",
            payload=V2.payload(without=["server.py"]),
            manifest=V2.manifest.to_dict(),
            profile=profile(host.instance.path, host.port),
        )
    assert caught.value.digests == [digest_of(SERVER)]
    host.deploy(V2)
    assert answers(host) == "2.0.0"


def test_too_little_disk_is_said_before_anything_is_written(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Disk, "free_bytes", lambda disk: 1 << 20)
    with pytest.raises(RelmgmtError) as caught:
        host.stage(V1)
    assert caught.value.code == "disk-full"
    assert host.instance.deployments() == []


def test_prune_keeps_what_the_host_can_go_back_to(host: Host) -> None:
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        host.deploy(Package(version))
    predicted = host.ask("prune", check=True, keep=0)
    assert host.ask("prune", keep=0) == predicted
    assert predicted["kept"] == [2, 3]
    assert host.ask("prune", keep=0)["changed"] is False
    assert host.ask("revert", version="2.0.0")["outcome"] == "reverted"
    assert answers(host) == "2.0.0"
    assert len(host.instance.units()) == 2


def test_a_service_that_died_is_started_again_by_activate(host: Host) -> None:
    host.deploy(V1)
    host.ask_driver(1)
    assert host.ask("info")["release"]["service"] == "inactive"
    assert host.ask("activate", check=True, deployment=1)["changed"] is True
    assert host.ask("activate", deployment=1)["changed"] is True
    assert answers(host) == "1.0.0"


def test_activating_what_was_never_staged_is_refused(host: Host) -> None:
    with pytest.raises(RelmgmtError) as caught:
        host.ask("activate", deployment=4)
    assert caught.value.code == "deployment-not-staged"
