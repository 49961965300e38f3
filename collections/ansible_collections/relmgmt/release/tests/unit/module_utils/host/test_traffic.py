# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Out of traffic before what runs is stopped, and back in it when what runs is healthy and final."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.disk import Disk
from ansible_collections.relmgmt.release.plugins.module_utils._host.main import patience
from ansible_collections.relmgmt.release.plugins.module_utils._host.running import Running
from ansible_collections.relmgmt.release.plugins.module_utils._host.service_command import CommandDriver
from ansible_collections.relmgmt.release.plugins.module_utils._host.traffic import DRIVERS
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Runtime

from .engine import AMPLE, SHORT, Host, Package, profile
from .test_engine import V1, V2, answers, snapshot
from .test_faults import Killed, kill_at

DRAIN = 1234.0  # seconds, told apart from whatever else is waited for
TRAFFIC = {"driver": "readiness_file", "drain_time": DRAIN}
V3 = Package("3.0.0")


class Balanced:
    """A host, and what of its traffic can be seen from outside: the file, the drains, what ran while they lasted."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.drains: list[tuple[str, bool]] = []
        wait = host.tools.wait

        def waited(seconds: float) -> None:
            if seconds == DRAIN:
                self.drains.append((answers(host), self.inside()))
            else:
                wait(seconds)

        host.tools = host.tools._replace(wait=waited)

    @property
    def path(self) -> pathlib.Path:
        return self.host.instance.path / "traffic"

    def inside(self) -> bool:
        return self.path.exists()

    def told(self) -> tuple[str, str | None]:
        """What the host says of itself."""
        release = self.host.ask("info")["release"]
        return release["state"], release["traffic"]


@pytest.fixture
def balanced(host: Host) -> Balanced:
    return Balanced(host)


def events(host: Host) -> list[str]:
    return [event["event"] for event in host.instance.journal.events()]


def test_the_first_deployment_is_in_traffic_when_it_is_confirmed(balanced: Balanced) -> None:
    host = balanced.host
    number = host.stage(V1, traffic=TRAFFIC)["deployment"]
    assert balanced.told() == ("absent", None)
    host.ask("activate", deployment=number)
    assert (balanced.inside(), balanced.told()) == (False, ("provisional", "out"))
    host.ask("confirm", deployment=number)
    assert (balanced.inside(), balanced.told(), balanced.drains) == (True, ("confirmed", "in"), [])
    assert balanced.path.read_bytes() == b"ready\n"
    assert balanced.path.stat().st_mode & 0o777 == 0o644


def test_an_upgrade_drains_before_it_stops_what_runs_and_returns_at_confirm(balanced: Balanced) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.stage(V2, traffic=TRAFFIC)["deployment"]
    assert balanced.inside()
    result = host.ask("activate", deployment=number)
    assert (result["outcome"], result["reason"]) == ("provisional", "")
    assert balanced.drains == [("1.0.0", False)]
    assert (balanced.inside(), answers(host)) == (False, "2.0.0")
    host.ask("confirm", deployment=number)
    assert balanced.inside()


def test_the_intent_is_in_the_journal_before_the_host_leaves_traffic(
    balanced: Balanced, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.stage(V2, traffic=TRAFFIC)["deployment"]
    seen: list[str] = []
    remove = Disk.remove

    def watched(disk: Disk, *parts: str) -> None:
        if parts == ("traffic",) and disk.exists(*parts):
            seen.append(events(host)[-1])
        remove(disk, *parts)

    monkeypatch.setattr(Disk, "remove", watched)
    host.ask("activate", deployment=number)
    assert seen == ["switch"]


def test_an_unhealthy_release_leaves_the_host_in_traffic_on_the_one_before(balanced: Balanced) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.stage(V2, status=500, traffic=TRAFFIC)["deployment"]
    assert host.ask("activate", deployment=number)["outcome"] == "reverted"
    assert balanced.drains == [("1.0.0", False)]
    assert (balanced.inside(), balanced.told(), answers(host)) == (True, ("confirmed", "in"), "1.0.0")


def test_a_host_on_which_nothing_is_healthy_stays_out_of_traffic_until_it_is_mended(balanced: Balanced) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.stage(V2, status=500, traffic=TRAFFIC)["deployment"]
    host.sicken(1, 503)
    assert host.ask("activate", deployment=number)["outcome"] == "failed"
    assert (balanced.inside(), balanced.told()) == (False, ("failed", "out"))
    host.sicken(1, 200)
    host.instance_service_stop()
    assert host.ask("activate", deployment=1)["outcome"] == "confirmed"
    assert (balanced.inside(), balanced.told()) == (True, ("confirmed", "in"))


def test_a_revert_drains_switches_and_returns(balanced: Balanced) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.deploy(V2, traffic=TRAFFIC)
    balanced.drains.clear()
    assert host.ask("revert", deployment=number)["outcome"] == "reverted"
    assert balanced.drains == [("2.0.0", False)]
    assert (balanced.inside(), answers(host)) == (True, "1.0.0")


def test_a_provisional_release_that_is_reverted_is_not_drained_twice(balanced: Balanced) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.stage(V2, traffic=TRAFFIC)["deployment"]
    host.ask("activate", deployment=number)
    host.ask("revert", deployment=number)
    assert (balanced.inside(), len(balanced.drains)) == (True, 1)


def test_a_rollback_to_something_sick_returns_into_traffic_with_what_was_well(balanced: Balanced) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    host.deploy(V2, secret="another profile", traffic=TRAFFIC)
    host.sicken(1, 503)
    assert host.ask("revert", version="1.0.0")["outcome"] == "failed"
    assert (balanced.inside(), answers(host)) == (True, "2.0.0")


def test_an_absent_instance_is_out_of_traffic(balanced: Balanced) -> None:
    host = balanced.host
    number = host.deploy(V1, traffic=TRAFFIC)
    assert host.ask("revert", deployment=number)["to"] == 0
    assert (balanced.inside(), balanced.told()) == (False, ("absent", None))


def test_what_was_never_final_is_left_before_another_is_activated(balanced: Balanced) -> None:
    host = balanced.host
    for package in (V1, V2):
        number = host.stage(package, traffic=TRAFFIC)["deployment"]
        host.ask("activate", deployment=number)
    assert host.ask("revert", deployment=number)["outcome"] == "reverted"
    assert (balanced.inside(), balanced.told()) == (False, ("absent", None))
    assert host.ask("confirm", deployment=1)["outcome"] == "reverted"


def test_two_deployments_may_declare_different_files(balanced: Balanced, tmp_path: pathlib.Path) -> None:
    host, other = balanced.host, tmp_path / "site" / "app-ready"
    other.parent.mkdir(mode=0o755)
    host.deploy(V1, traffic=TRAFFIC)
    number = host.deploy(V2, traffic=dict(TRAFFIC, path=str(other)))
    assert (balanced.inside(), other.read_bytes()) == (False, b"ready\n")
    host.ask("revert", deployment=number)
    assert (balanced.inside(), other.exists(), len(balanced.drains)) == (True, False, 2)


def test_a_release_may_end_and_begin_to_declare_traffic(balanced: Balanced) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.deploy(V2)
    assert (balanced.inside(), balanced.told()) == (False, ("confirmed", None))
    host.ask("revert", deployment=number)
    assert (balanced.inside(), answers(host)) == (True, "1.0.0")


def test_nothing_is_drained_where_nothing_is_switched(balanced: Balanced) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    before = snapshot(host.root)
    assert host.stage(V1, send=False, traffic=TRAFFIC)["changed"] is False
    for verb, params in (
        ("activate", {"deployment": 1}),
        ("confirm", {"deployment": 1}),
        ("revert", {"version": "1.0.0"}),
    ):
        assert host.ask(verb, **params)["changed"] is False
    assert (snapshot(host.root), balanced.drains) == (before, [])


def test_a_healthy_host_that_somebody_took_out_of_traffic_is_put_back(balanced: Balanced) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    balanced.path.unlink()
    assert balanced.told() == ("confirmed", "out")
    assert host.ask("activate", check=True, deployment=1)["changed"] is True
    assert not balanced.inside()
    result = host.ask("activate", deployment=1)
    assert (result["outcome"], result["changed"], balanced.inside()) == ("confirmed", True, True)
    assert host.ask("activate", deployment=1)["changed"] is False


def test_a_provisional_host_that_somebody_put_into_traffic_is_taken_out(balanced: Balanced) -> None:
    host = balanced.host
    number = host.stage(V1, traffic=TRAFFIC)["deployment"]
    host.ask("activate", deployment=number)
    balanced.path.write_text("ready\n")
    assert host.ask("activate", check=True, deployment=number)["changed"] is True
    result = host.ask("activate", deployment=number)
    assert (result["outcome"], result["changed"], balanced.inside()) == ("provisional", True, False)


def test_a_host_that_is_found_sick_is_taken_out_of_traffic(balanced: Balanced) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    host.instance_service_stop()
    host.sicken(1, 503)
    assert host.ask("activate", deployment=1)["outcome"] == "failed"
    assert (balanced.inside(), balanced.told(), balanced.drains) == (False, ("failed", "out"), [])


def test_check_mode_predicts_the_drain_and_touches_nothing(balanced: Balanced) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.stage(V2, traffic=TRAFFIC)["deployment"]
    before = snapshot(host.root)
    predicted = host.ask("activate", check=True, deployment=number)
    assert (predicted["outcome"], predicted["reason"]) == ("provisional", "drains for 1234 s")
    assert (snapshot(host.root), balanced.inside(), balanced.drains) == (before, True, [])
    host.ask("activate", deployment=number)
    assert host.ask("confirm", check=True, deployment=number)["outcome"] == "confirmed"
    assert not balanced.inside()
    host.ask("confirm", deployment=number)
    predicted = host.ask("revert", check=True, version="1.0.0")
    assert (predicted["reason"], balanced.inside()) == ("drains for 1234 s", True)


def test_who_waits_for_the_host_waits_for_its_drain_too(host: Host) -> None:
    host.deploy(V1)
    before = patience(host.instance)
    host.stage(V2, traffic=TRAFFIC)
    assert patience(host.instance) == before + DRAIN


# --- faults ---


def killed_before_returning(monkeypatch: pytest.MonkeyPatch, host: Host, deployment: int) -> None:
    """Confirm the deployment, and die between the journal's line and the way back into traffic."""
    with monkeypatch.context() as patch:
        kill_at(patch, Disk, "write", lambda _disk, _data, *parts, **_mode: parts == ("traffic",))
        with pytest.raises(Killed):
            host.ask("confirm", deployment=deployment)


def test_killed_between_leaving_traffic_and_switching(balanced: Balanced, monkeypatch: pytest.MonkeyPatch) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.stage(V2, traffic=TRAFFIC)["deployment"]
    with monkeypatch.context() as patch:
        kill_at(patch, Running, "move", lambda *_args: True)
        with pytest.raises(Killed):
            host.ask("activate", deployment=number)
    assert (balanced.inside(), answers(host)) == (False, "1.0.0")
    assert host.ask("info")["release"]["interrupted"] is True
    assert host.ask("prune", keep=1)["recovered"] == f"deployment {number}, interrupted: reverted"
    assert (balanced.inside(), balanced.told(), answers(host)) == (True, ("confirmed", "in"), "1.0.0")
    assert len(balanced.drains) == 1


def test_killed_before_leaving_traffic(balanced: Balanced, monkeypatch: pytest.MonkeyPatch) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.stage(V2, traffic=TRAFFIC)["deployment"]
    with monkeypatch.context() as patch:
        kill_at(patch, Disk, "remove", lambda _disk, *parts: parts == ("traffic",))
        with pytest.raises(Killed):
            host.ask("activate", deployment=number)
    assert (balanced.inside(), balanced.drains) == (True, [])
    host.ask("prune", keep=1)
    assert balanced.drains == [("1.0.0", False)], "it was in traffic, so it is drained before it is started anew"
    assert (balanced.inside(), answers(host)) == (True, "1.0.0")


def test_killed_between_confirmed_and_returning_into_traffic(
    balanced: Balanced, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.stage(V2, traffic=TRAFFIC)["deployment"]
    host.ask("activate", deployment=number)
    killed_before_returning(monkeypatch, host, number)
    info = host.ask("info")["release"]
    assert (info["state"], info["traffic"], info["interrupted"]) == ("confirmed", "out", True)
    result = host.ask("prune", keep=1)
    assert result["recovered"] == f"deployment {number}, interrupted: in traffic now"
    assert (balanced.inside(), answers(host)) == (True, "2.0.0")
    assert host.ask("info")["release"]["interrupted"] is False
    assert "recovered" not in host.ask("prune", keep=1)


def test_killed_between_returning_into_traffic_and_saying_so(
    balanced: Balanced, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = balanced.host
    number = host.stage(V1, traffic=TRAFFIC)["deployment"]
    host.ask("activate", deployment=number)
    with monkeypatch.context() as patch:
        kill_at(patch, type(host.instance.journal), "write", lambda _journal, event, **_values: event == "serving")
        with pytest.raises(Killed):
            host.ask("confirm", deployment=number)
    assert balanced.inside() and host.ask("info")["release"]["interrupted"]
    result = host.ask("confirm", deployment=number)
    assert (result["outcome"], result["changed"], balanced.told()) == ("confirmed", False, ("confirmed", "in"))


@pytest.mark.parametrize("event", ["switch", "reverted", "serving"])
def test_a_revert_that_is_killed_ends_in_traffic_wherever_it_is_killed(
    balanced: Balanced, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.deploy(V2, traffic=TRAFFIC)
    journal = type(host.instance.journal)
    write = journal.write

    def killed_behind(self: t.Any, name: str, **values: t.Any) -> None:
        write(self, name, **values)
        if name == event:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(journal, "write", killed_behind)
        with pytest.raises(Killed):
            host.ask("revert", deployment=number)
    host.ask("prune", keep=1)
    assert (balanced.inside(), balanced.told(), answers(host)) == (True, ("confirmed", "in"), "1.0.0")


def test_a_host_that_crashed_before_it_returned_does_not_return_with_a_dead_service(
    balanced: Balanced, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = balanced.host
    number = host.stage(V1, traffic=TRAFFIC)["deployment"]
    host.ask("activate", deployment=number)
    killed_before_returning(monkeypatch, host, number)
    host.instance_service_stop()
    host.ask("prune", keep=1)
    assert not balanced.inside()
    assert host.ask("activate", deployment=number)["outcome"] == "confirmed"
    assert (balanced.inside(), answers(host)) == (True, "1.0.0")


@pytest.mark.parametrize("removed", [False, True])
def test_a_disk_error_while_draining_leaves_what_runs_untouched_and_in_traffic(
    balanced: Balanced, monkeypatch: pytest.MonkeyPatch, removed: bool
) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.stage(V2, traffic=TRAFFIC)["deployment"]
    remove = Disk.remove
    stopped: list[str] = []

    def failing(disk: Disk, *parts: str) -> None:
        if parts != ("traffic",) or removed:
            remove(disk, *parts)
        if parts == ("traffic",):
            raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Disk, "remove", failing)
        patch.setattr(CommandDriver, "stop", lambda _driver: stopped.append("stopped"))
        result = host.ask("activate", deployment=number)
    assert (result["outcome"], result["to"]) == ("reverted", 1)
    assert "cannot leave traffic" in result["reason"] and "Input/output error" in result["reason"]
    assert (stopped, balanced.drains, answers(host)) == ([], [], "1.0.0")
    assert (balanced.inside(), balanced.told()) == (True, ("confirmed", "in"))
    again = host.stage(V2, send=False, traffic=TRAFFIC)["deployment"]
    assert host.ask("activate", deployment=again)["outcome"] == "provisional"


def test_a_disk_error_while_draining_does_not_keep_a_host_from_going_back(
    balanced: Balanced, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.deploy(V2, traffic=TRAFFIC)
    remove = Disk.remove

    def failing(disk: Disk, *parts: str) -> None:
        if parts == ("traffic",):
            raise OSError(5, "Input/output error")
        remove(disk, *parts)

    with monkeypatch.context() as patch:
        patch.setattr(Disk, "remove", failing)
        assert host.ask("revert", deployment=number)["outcome"] == "reverted"
    assert (balanced.inside(), answers(host)) == (True, "1.0.0")


@pytest.mark.parametrize("verb", ["confirm", "revert"])
def test_a_full_disk_at_the_return_is_told_and_made_up_for(
    balanced: Balanced, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    host = balanced.host
    host.deploy(V1, traffic=TRAFFIC)
    number = host.stage(V2, traffic=TRAFFIC)["deployment"]
    host.ask("activate", deployment=number)
    write = Disk.write

    def full(disk: Disk, data: bytes, *parts: str, **about: t.Any) -> None:
        if parts == ("traffic",):
            raise OSError(28, "No space left on device")
        write(disk, data, *parts, **about)

    with monkeypatch.context() as patch:
        patch.setattr(Disk, "write", full)
        result = host.ask(verb, deployment=number)
    assert result["outcome"] == "failed"
    assert "cannot go into traffic" in result["reason"] and "No space left" in result["reason"]
    assert balanced.told() == ("confirmed", "out")
    host.stage(V3, traffic=TRAFFIC)
    assert (balanced.inside(), balanced.told()) == (True, ("confirmed", "in"))


SICK = [{"name": "web", "kind": "command", "command": ["false"]}]


def stage_bare(host: Host, package: Package, *, probes: t.Sequence[t.Mapping[str, t.Any]] = ()) -> int:
    """Stage a deployment that has traffic and no service."""
    rendered = profile(host.instance.path, host.port, secret="sick" if probes else "")  # a digest of its own
    health = {"min_healthy_time": 0, "healthy_deadline": SHORT if probes else AMPLE, "interval": 0.05}
    rendered["runtime"] = {"traffic": TRAFFIC, "probes": list(probes), "health": health}
    staged = host.ask("stage", payload=package.payload(), manifest=package.manifest.to_dict(), profile=rendered)
    return int(staged["deployment"])


def upgrade(host: Host) -> None:
    """Leave 1.0.0 for 2.0.0."""
    number = stage_bare(host, V2)
    host.ask("activate", deployment=number)
    host.ask("confirm", deployment=number)


def upgrade_to_what_is_sick(host: Host) -> None:
    host.ask("activate", deployment=stage_bare(host, V2, probes=SICK))


def there_and_back(host: Host) -> None:
    upgrade(host)
    host.ask("revert", version="1.0.0")


def killed_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Die before the step-th time that something is written by the engine."""
    left = [step]

    def counted(name: str) -> None:
        real = getattr(Disk, name)

        def method(*args: t.Any, **kwargs: t.Any) -> t.Any:
            left[0] -= 1
            if not left[0]:
                raise Killed
            return real(*args, **kwargs)

        patch.setattr(Disk, name, method)

    for name in ("append", "write", "remove", "point"):
        counted(name)


@pytest.mark.parametrize("story", [upgrade, upgrade_to_what_is_sick, there_and_back])
def test_wherever_it_is_killed_the_host_ends_in_traffic_if_what_runs_is_final(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, story: t.Callable[[Host], None]
) -> None:
    for step in range(1, 100):
        root = tmp_path / str(step)
        root.mkdir(mode=0o755)
        host = Host(root)
        host.tools = host.tools._replace(wait=lambda _seconds: None)
        host.ask("activate", deployment=stage_bare(host, V1))
        host.ask("confirm", deployment=1)
        try:
            with monkeypatch.context() as patch:
                killed_at(patch, step)
                story(host)
        except Killed:
            host.ask("prune", keep=2)
            release = host.ask("info")["release"]
            final = release["state"] == "confirmed"
            assert (release["traffic"], release["interrupted"]) == ("in" if final else "out", False), step
            assert final or release["current"]["version"] == "2.0.0" and release["state"] == "provisional", step
        else:
            assert step > 5
            return
    raise AssertionError("it never came to its end")


# --- what is declared ---


def test_the_drivers_are_the_ones_that_the_schema_knows() -> None:
    path = pathlib.Path(__file__).parents[4] / "plugins" / "plugin_utils" / "_package" / "release.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert sorted(DRIVERS) == schema["$defs"]["traffic"]["properties"]["driver"]["enum"]


@pytest.mark.parametrize("declared", [{"drain_time": -1}, {"drain_time": "soon"}, {"drain_time": 90000}])
def test_a_drain_time_that_is_no_time_is_refused(declared: dict[str, t.Any]) -> None:
    with pytest.raises(RelmgmtError) as caught:
        Runtime.from_dict({"traffic": dict(TRAFFIC, **declared)})
    assert (caught.value.code, "traffic.drain_time" in caught.value.message) == ("seconds-malformed", True)


@pytest.mark.parametrize("path", ["ready", "./ready", "/a/../b", "/a//b", "/", "/a/", "/a\nb", "/" + "a" * 2000])
def test_a_path_that_is_not_plain_and_absolute_is_refused(path: str) -> None:
    with pytest.raises(RelmgmtError) as caught:
        Runtime.from_dict({"traffic": dict(TRAFFIC, path=path)})
    assert caught.value.code == "traffic-path-malformed"


def refused(host: Host, **traffic: t.Any) -> str:
    """The code with which staging refuses; it does so in check mode too, and no file is written."""
    codes = []
    for check in (True, False):
        with pytest.raises(RelmgmtError) as caught:
            host.stage(V1, check=check, traffic=dict(TRAFFIC, **traffic))
        codes.append(caught.value.code)
    assert codes[0] == codes[1]
    assert set(snapshot(host.root).values()) <= {"dir"}
    return codes[0]


def test_a_driver_that_there_is_not_is_refused(host: Host) -> None:
    assert refused(host, driver="dns") == "traffic-driver-unknown"


@pytest.mark.parametrize("place", ["journal", "state/data/ready", "../../../other/app/main/traffic", "traffic/ready"])
def test_a_place_among_the_files_of_the_root_is_refused(host: Host, place: str) -> None:
    path = os.path.normpath(str(host.instance.path / place))
    assert refused(host, path=path) == "traffic-path-taken"


def test_the_instances_own_file_may_be_named_too(balanced: Balanced) -> None:
    balanced.host.deploy(V1, traffic=dict(TRAFFIC, path=str(balanced.path)))
    assert balanced.inside()


def test_attack_a_link_that_leads_among_the_files_of_the_root(host: Host, tmp_path: pathlib.Path) -> None:
    host.instance.path.mkdir(parents=True)
    (tmp_path / "elsewhere").symlink_to(host.instance.path)
    assert refused(host, path=str(tmp_path / "elsewhere" / "journal")) == "traffic-path-taken"


def test_a_directory_that_is_not_there_is_refused(host: Host, tmp_path: pathlib.Path) -> None:
    assert refused(host, path=str(tmp_path / "gone" / "ready")) == "traffic-directory-missing"


def test_attack_a_directory_in_which_others_may_put_links(host: Host, tmp_path: pathlib.Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    for mode in (0o777, 0o1777):
        shared.chmod(mode)
        assert refused(host, path=str(shared / "ready")) == "traffic-path-exposed"


def test_attack_a_link_in_the_place_of_the_file(host: Host, tmp_path: pathlib.Path) -> None:
    site = tmp_path / "site"
    site.mkdir(mode=0o755)
    (site / "secret").write_text("ready\n")
    (site / "ready").symlink_to("secret")
    assert refused(host, path=str(site / "ready")) == "traffic-file-foreign"
    assert (site / "secret").read_text() == "ready\n" and (site / "ready").is_symlink()


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_is_no_readiness_file_is_neither_replaced_nor_removed(
    balanced: Balanced, tmp_path: pathlib.Path, kind: str
) -> None:
    host, site = balanced.host, tmp_path / "site"
    site.mkdir(mode=0o755)
    path = site / "ready"
    if kind == "file":
        path.write_text("something else\n")
    else:
        path.mkdir()
    assert refused(host, path=str(path)) == "traffic-file-foreign"
    path.rename(site / "away")
    number = host.deploy(V1, traffic=dict(TRAFFIC, path=str(path)))
    path.unlink()
    (site / "away").rename(path)
    result = host.ask("activate", deployment=host.stage(V2, traffic=TRAFFIC)["deployment"])
    assert (result["outcome"], result["to"]) == ("failed", number)
    assert "is no readiness file" in result["reason"]
    assert (path.exists(), answers(host), balanced.drains) == (True, "1.0.0", [])
