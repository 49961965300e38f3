# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Placements come, change and go with their deployment, and what was there before comes back; whoever is killed."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import accounts, placements
from ansible_collections.relmgmt.release.plugins.module_utils._host.disk import Disk
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance, Tools
from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Completed, Runner
from ansible_collections.relmgmt.release.plugins.module_utils._host.verify import verify
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.placement import placements_of

from .engine import PACKAGE, Host, Package, packed

TIMER = "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n"


class Fails(Exception):
    """The engine was killed here."""


class Tamed(Runner):
    """Takes down what would be done to the host's systemd, in place of doing it. fail: words of what fails."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.fail = "nothing"

    def run(self, argv: t.Sequence[str], *, timeout: float, **how: t.Any) -> Completed:
        if not argv[0].startswith("system"):
            return super().run(argv, timeout=timeout, **how)
        words = [os.path.relpath(word, str(placements.ETC)) if word.startswith("/") else word for word in argv]
        said = " ".join(word for word in words if word != "--no-ask-password" and word != "--no-pager")
        self.done.append(said)
        return Completed(1, "it does not work") if self.fail in said else Completed(0, "")

    def forget(self) -> None:
        self.done.clear()


class Etc:
    """A host with an /etc of its own."""

    def __init__(self, host: Host, path: pathlib.Path) -> None:
        self.host, self.path = host, path
        self.runner = Tamed()
        host.tools = Tools(host.tools.clock, host.tools.wait, self.runner)

    def deploy(self, *declared: t.Mapping[str, str], **texts: t.Any) -> int:
        """A deployment with these placements, each from the file of its name; its number."""
        number = self.stage(*declared, **texts)
        assert self.host.ask("activate", deployment=number)["outcome"] == "provisional"
        assert self.host.ask("confirm", deployment=number)["outcome"] == "confirmed"
        return number

    def stage(self, *declared: t.Mapping[str, str], check: bool = False, service: t.Any = None, **texts: t.Any) -> int:
        package = Package("1")
        files = {f"files/{item['name']}": texts.get(item["kind"], "x\n").encode() for item in declared}
        about = {"service": service} if service else {}
        rendered = packed(files, placements=[{"file": f"files/{item['name']}", **item} for item in declared], **about)
        answer = self.host.ask(
            "stage",
            check=check,
            payload=package.payload(),
            manifest=package.manifest.to_dict(),
            profile=rendered,
        )
        return int(answer["deployment"])

    def back(self, deployment: int) -> None:
        assert self.host.ask("revert", deployment=deployment)["outcome"] == "reverted"

    def listing(self) -> dict[str, tuple[str, int]]:
        """Files with their text and mode."""
        found = {}
        for path in self.path.rglob("*"):
            if path.is_file():
                found[str(path.relative_to(self.path))] = (path.read_text(), path.stat().st_mode & 0o7777)
        return found


@pytest.fixture
def etc(host: Host, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Etc:
    path = tmp_path / "etc"
    for name in ("systemd/system", "tmpfiles.d", "sysusers.d", "logrotate.d"):
        (path / name).mkdir(parents=True)
    monkeypatch.setattr(placements, "ETC", path)
    return Etc(host, path)


def of(kind: str, name: str, **about: str) -> dict[str, str]:
    return {"kind": kind, "name": name, **about}


ALL = (
    of("unit", "app-report.timer"),
    of("drop_in", "limits.conf", unit="web.service"),
    of("tmpfiles", "app.conf"),
    of("sysusers", "users.conf"),
    of("logrotate", "app"),
)


def test_every_kind_comes_with_its_work_in_order_and_goes(etc: Etc) -> None:
    etc.deploy(*ALL, unit=TIMER, sysusers="")
    assert etc.listing() == {
        "systemd/system/app-report.timer": (TIMER, 0o644),
        "systemd/system/web.service.d/limits.conf": ("x\n", 0o644),
        "tmpfiles.d/app.conf": ("x\n", 0o644),
        "sysusers.d/users.conf": ("", 0o644),
        "logrotate.d/app": ("x\n", 0o644),
    }
    assert etc.runner.done == [
        "systemctl daemon-reload",
        "systemd-sysusers sysusers.d/users.conf",
        "systemd-tmpfiles --create tmpfiles.d/app.conf",
        "systemctl enable --no-reload app-report.timer",
        "systemctl restart --no-block app-report.timer",
    ]
    etc.runner.forget()
    etc.back(1)
    assert etc.listing() == {}
    assert not (etc.path / "systemd/system/web.service.d").exists()
    assert etc.runner.done == ["systemctl disable --now app-report.timer", "systemctl daemon-reload"]
    assert not etc.host.instance.disk.exists("placements")


def test_release_that_drops_a_unit_stops_it_and_the_way_back_starts_it_again(etc: Etc) -> None:
    etc.deploy(of("unit", "app-report.timer"), unit=TIMER)
    etc.runner.forget()
    etc.deploy(of("logrotate", "app"))
    assert list(etc.listing()) == ["logrotate.d/app"]
    assert etc.runner.done[0] == "systemctl disable --now app-report.timer"
    etc.runner.forget()
    etc.back(2)
    assert list(etc.listing()) == ["systemd/system/app-report.timer"]
    assert etc.runner.done[-2:] == [
        "systemctl enable --no-reload app-report.timer",
        "systemctl restart --no-block app-report.timer",
    ]


def test_changed_placement_is_changed_back(etc: Etc) -> None:
    etc.deploy(of("tmpfiles", "app.conf"), tmpfiles="old")
    etc.deploy(of("tmpfiles", "app.conf", mode="0600"), tmpfiles="new")
    assert etc.listing() == {"tmpfiles.d/app.conf": ("new", 0o600)}
    etc.back(2)
    assert etc.listing() == {"tmpfiles.d/app.conf": ("old", 0o644)}


def test_placement_that_stays_is_left_alone(etc: Etc) -> None:
    etc.deploy(of("tmpfiles", "app.conf"))
    etc.runner.forget()
    etc.deploy(of("tmpfiles", "app.conf"), of("logrotate", "app"))
    assert etc.runner.done == []


def test_unit_that_stays_is_started_anew_with_the_release_that_it_runs(etc: Etc) -> None:
    etc.deploy(of("unit", "app-report.timer"), unit=TIMER)
    etc.runner.forget()
    etc.deploy(of("unit", "app-report.timer"), of("logrotate", "app"), unit=TIMER)
    assert "systemctl restart --no-block app-report.timer" in etc.runner.done


def test_unit_without_an_install_section_is_not_started(etc: Etc) -> None:
    etc.deploy(of("unit", "app-report.service"), unit="[Service]\n")
    assert etc.runner.done == ["systemctl daemon-reload"]


def test_file_that_appeared_after_staging_comes_back_as_it_was(etc: Etc) -> None:
    number = etc.stage(of("logrotate", "app"))
    path = etc.path / "logrotate.d/app"
    path.write_text("theirs")
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(str(path), 12, 34)
    before = path.stat()
    etc.host.ask("activate", deployment=number)
    assert path.read_text() == "x\n"
    etc.back(number)
    after = path.stat()
    assert path.read_text() == "theirs"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def _foreign(etc: Etc) -> None:
    (etc.path / "logrotate.d/app").write_text("theirs")


def _link(etc: Etc) -> None:
    (etc.path / "logrotate.d/app").symlink_to("/nowhere")


def _directory(etc: Etc) -> None:
    (etc.path / "logrotate.d/app").mkdir()


@pytest.mark.parametrize("spoil", [_foreign, _link, _directory])
def test_path_that_is_taken_is_refused_before_anything_is_touched(etc: Etc, spoil: t.Callable[[Etc], None]) -> None:
    spoil(etc)
    for check in (True, False):
        with pytest.raises(RelmgmtError, match="logrotate.d/app") as caught:
            etc.stage(of("logrotate", "app"), check=check)
        assert caught.value.code == "placement-foreign"
    assert not etc.host.instance.disk.exists("journal")


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ([of("cron", "app")], "placement-kind-unknown"),
        ([of("unit", "app")], "placement-malformed"),
        ([of("unit", "../app.service")], "placement-malformed"),
        ([of("tmpfiles", "a/b.conf")], "placement-malformed"),
        ([of("logrotate", "app.conf")], "placement-malformed"),
        ([of("drop_in", "a.conf")], "placement-malformed"),
        ([of("drop_in", "a.conf", unit="../x.service")], "placement-malformed"),
        ([of("tmpfiles", "a.conf", unit="x.service")], "placement-malformed"),
        ([of("tmpfiles", "a.conf", mode="4755")], "mode-malformed"),
        ([of("tmpfiles", "a.conf"), of("tmpfiles", "a.conf")], "placement-repeated"),
        ([of("tmpfiles", "a.conf", file="../a")], "path-unsafe"),
    ],
)
def test_placement_is_refused(declared: list[dict[str, str]], code: str) -> None:
    with pytest.raises(RelmgmtError) as caught:
        placements_of({"placements": [{"file": "a", **item} for item in declared]})
    assert caught.value.code == code


def test_placement_of_a_file_that_is_not_rendered_is_refused(etc: Etc) -> None:
    with pytest.raises(RelmgmtError) as caught:
        etc.stage(of("tmpfiles", "a.conf", file="gone"))
    assert caught.value.code == "placement-file-missing"


def test_work_that_fails_speaks_against_the_release_which_goes_back(etc: Etc) -> None:
    number = etc.stage(of("tmpfiles", "app.conf"))
    etc.runner.fail = "systemd-tmpfiles"
    answer = etc.host.ask("activate", deployment=number)
    assert (answer["outcome"], answer["cause"]) == ("reverted", "release")
    assert "it does not work" in answer["reason"]
    assert etc.listing() == {}


def test_placement_that_somebody_changed_is_shown(etc: Etc) -> None:
    etc.deploy(of("logrotate", "app"))
    tools = etc.host.tools
    assert all(check["ok"] for check in verify(etc.host.instance, tools)["checks"] if check["what"] == "placements")
    (etc.path / "logrotate.d/app").write_text("mine")
    shown = [check for check in verify(etc.host.instance, tools)["checks"] if check["what"] == "placements"]
    assert shown[0]["differs"] == [str(etc.path / "logrotate.d/app")]


def test_damaged_record_is_shown_and_does_not_stop_the_way_back(etc: Etc) -> None:
    etc.deploy(of("tmpfiles", "app.conf"), tmpfiles="old")
    etc.deploy(of("tmpfiles", "app.conf"), tmpfiles="new")
    (etc.host.instance.path / "placements" / "record.json").write_text("{")
    shown = [check for check in verify(etc.host.instance, etc.host.tools)["checks"] if check["what"] == "placements"]
    assert not shown[0]["ok"]
    etc.back(2)
    assert etc.listing() == {"tmpfiles.d/app.conf": ("old", 0o644)}


def test_two_instances_of_a_package_place_files_of_their_own_name(etc: Etc, tmp_path: pathlib.Path) -> None:
    rendered = {
        name: packed(
            {"app.conf": name.encode()}, placements=[{**of("tmpfiles", f"app-{name}.conf"), "file": "app.conf"}]
        )
        for name in ("main", "spare")
    }
    package = Package("1")
    for name, profile in rendered.items():
        etc.host.ask(
            "stage", instance=name, payload=package.payload(), manifest=package.manifest.to_dict(), profile=profile
        )
        etc.host.ask("activate", instance=name, deployment=1)
        etc.host.ask("confirm", instance=name, deployment=1)
    assert sorted(etc.listing()) == ["tmpfiles.d/app-main.conf", "tmpfiles.d/app-spare.conf"]
    etc.host.ask("revert", instance="spare", deployment=1)
    assert list(etc.listing()) == ["tmpfiles.d/app-main.conf"]
    states = {Instance(etc.host.root, PACKAGE, name).path / "state" / "data" for name in rendered}
    assert len(states) == 2 and all(state.is_dir() for state in states)


def test_second_instance_with_the_same_name_of_a_placement_is_refused(etc: Etc) -> None:
    etc.deploy(of("tmpfiles", "app.conf"))
    package = Package("1")
    profile = packed({"files/app.conf": b"x\n"}, placements=[{**of("tmpfiles", "app.conf"), "file": "files/app.conf"}])
    with pytest.raises(RelmgmtError) as caught:
        etc.host.ask(
            "stage", instance="spare", payload=package.payload(), manifest=package.manifest.to_dict(), profile=profile
        )
    assert caught.value.code == "placement-foreign"


STEPS = ("write", "remove", "make_directory")


class Struck:
    """Kills the engine before a step on a disk or a command, the n-th that there is."""

    def __init__(self, etc: Etc, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.left = at
        for name in STEPS:
            monkeypatch.setattr(Disk, name, self._counted(getattr(Disk, name)))
        monkeypatch.setattr(etc.runner, "run", self._counted(etc.runner.run))

    def _counted(self, real: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def step(*args: t.Any, **how: t.Any) -> t.Any:
            self.left -= 1
            if self.left < 0:
                raise Fails
            return real(*args, **how)

        return step


@pytest.mark.parametrize("direction", ["there", "back"])
def test_whoever_is_killed_at_any_step_ends_where_it_would_have(
    etc: Etc, monkeypatch: pytest.MonkeyPatch, direction: str
) -> None:
    """From placements of one deployment to those of another, which keeps one, changes one, drops one, brings one."""
    etc.deploy(of("logrotate", "stays"), of("tmpfiles", "changes.conf"), of("unit", "goes.timer"), unit=TIMER)
    etc.stage(
        of("logrotate", "stays"),
        of("tmpfiles", "changes.conf"),
        of("drop_in", "a.conf", unit="b.service"),
        tmpfiles="new",
    )
    (etc.path / "systemd/system/b.service.d").mkdir()
    (etc.path / "systemd/system/b.service.d/a.conf").write_text("theirs")
    start, end = (1, 2) if direction == "there" else (2, 1)
    placed = placements.Placements(etc.host.instance, etc.runner)
    placed.converge(end)
    wanted, work = etc.listing(), 0
    for at in range(100):
        placed.converge(start)
        etc.runner.forget()
        with monkeypatch.context() as within:
            try:
                Struck(etc, within, at)
                placed.converge(end)
                break
            except Fails:
                work += 1
        placed.converge(end)
        assert etc.listing() == wanted
        assert placed.differs(end) == []
        expected = "systemd-tmpfiles --create tmpfiles.d/changes.conf"
        assert expected in etc.runner.done and "systemctl daemon-reload" in etc.runner.done
    assert work > 6


def test_account_of_the_service_is_made_before_its_files(etc: Etc, monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[str] = []

    def getpwnam(name: str) -> str:
        if name not in known:
            raise KeyError(name)
        return name

    class Users:
        """pwd, as accounts sees it."""

    Users.getpwnam = staticmethod(getpwnam)  # type: ignore[attr-defined]  # a stand-in for a module
    monkeypatch.setattr(accounts, "pwd", Users)
    service = {"driver": "command", "command": ["/bin/true"], "user": "nobody-made-me"}
    text = "# who\nu nobody-made-me - 'The app'\n"
    declared = of("sysusers", "app.conf")
    assert etc.stage(declared, sysusers=text, service=service, check=True) == 1
    assert etc.runner.done == []
    with pytest.raises(RelmgmtError) as caught:
        etc.stage(declared, sysusers=text, service=service)
    assert caught.value.code == "service-user-missing"
    assert etc.runner.done[0].startswith("systemd-sysusers ")
    etc.runner.fail = "sysusers"
    with pytest.raises(RelmgmtError, match="it does not work") as caught:
        etc.stage(declared, sysusers=text, service=service)
    assert caught.value.code == "accounts-failed"
    assert not etc.host.instance.disk.exists("journal")


def test_account_that_no_placement_makes_is_still_missing(etc: Etc) -> None:
    service = {"driver": "command", "command": ["/bin/true"], "user": "nobody-made-me"}
    with pytest.raises(RelmgmtError) as caught:
        etc.stage(of("sysusers", "app.conf"), sysusers="u other -\n", service=service, check=True)
    assert caught.value.code == "service-user-missing"
