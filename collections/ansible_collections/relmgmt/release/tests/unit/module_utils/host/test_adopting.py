# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adopting what a host runs already: it is found, recorded, set aside, and given back as it was."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import adopting, foreign
from ansible_collections.relmgmt.release.plugins.module_utils._host.adoption import Adoption, adoption_of
from ansible_collections.relmgmt.release.plugins.module_utils._host.capsule import require_whole
from ansible_collections.relmgmt.release.plugins.module_utils._host.info import describe_instance
from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance, Tools
from ansible_collections.relmgmt.release.plugins.module_utils._host.running import Running
from ansible_collections.relmgmt.release.plugins.module_utils._host.service_adopted import AdoptedDriver
from ansible_collections.relmgmt.release.plugins.module_utils._host.service_systemd import SystemdDriver
from ansible_collections.relmgmt.release.plugins.module_utils._model.adopts import Adopts
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import (
    BackendError,
    ConflictError,
    InputError,
    IntegrityError,
    RelmgmtError,
)
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Runtime, Service

from .foreign import Foreign

LEGACY = "legacy.service"


class House:
    """A host with its foreign software, and an instance that is to take its place."""

    def __init__(self, root: pathlib.Path) -> None:
        self.foreign = Foreign(root)
        self.instance = Instance(root / "srv", "test/app", "main")
        self.instance.path.mkdir(parents=True)
        self.tools = Tools(lambda: 0.0, lambda _seconds: None, self.foreign)
        self.looks: t.Callable[..., t.Any] = foreign.find

    def runtime(
        self, *, unit: str = "app.service", paths: t.Sequence[str] = (), units: t.Sequence[str] = (LEGACY,)
    ) -> Runtime:
        service = {"driver": "systemd", "unit": unit, "unit_file": unit}
        return Runtime.from_dict({"service": service, "adopts": {"units": list(units), "paths": list(paths)}})

    def adopting(self, *, consent: bool = True, **about: t.Any) -> adopting.Adopting:
        history = self.instance.history()
        return adopting.Adopting(self.instance, self.runtime(**about), self.tools, history, consent=consent)

    def adopt(self, **about: t.Any) -> Adoption:
        self.adopting(**about).keep()
        adoption = adoption_of(self.instance)
        assert adoption is not None
        return adoption

    def driver(self) -> AdoptedDriver:
        driver = Running(self.instance, self.tools).driver(0)
        assert isinstance(driver, AdoptedDriver)
        return driver

    def switch(self, unit: str = "app.service") -> None:
        """A switch to deployment 1, which runs the unit, was announced."""
        directory = self.instance.disk.make_directory("deployments", "1", "profile")
        runtime = {"service": {"driver": "systemd", "unit": unit}}
        (directory / "profile.json").write_text(json.dumps({"runtime": runtime}))
        self.instance.journal.write("switch", **{"from": 0, "to": 1, "verb": "activate", "reason": ""})


@pytest.fixture
def house(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> House:
    made = House(tmp_path)
    made.looks = functools.partial(foreign.find, units=made.foreign.units, listen=made.foreign.listen)
    monkeypatch.setattr(adopting, "find", made.looks)
    monkeypatch.setattr(foreign, "exposed", lambda *_paths: None)
    monkeypatch.setattr(adopting, "kind_of_guard", lambda: "systemd")
    return made


def picture(house: House) -> dict[str, t.Any]:
    """All that lies where an administrator puts it."""
    found: dict[str, t.Any] = {}
    for path in sorted(house.foreign.units.rglob("*")):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        elif path.is_file():
            found[str(path)] = (path.read_bytes(), path.stat().st_mode, path.stat().st_uid, path.stat().st_gid)
    return found


def drop_in(house: House) -> pathlib.Path:
    path = house.foreign.units / f"{LEGACY}.d" / "port.conf"
    path.parent.mkdir()
    path.write_text("[Service]\nEnvironment=PORT=1\n")
    path.chmod(0o600)
    return path


def test_what_runs_is_recorded_as_deployment_0(house: House) -> None:
    house.foreign.install(port=5232)
    about = house.adopt().about()
    assert about["units"] == [{"unit": LEGACY, "active": True, "enabled": "enabled", "ports": [["127.0.0.1", 5232]]}]
    history = house.instance.history()
    assert (history.state, history.current, history.empty) == ("adopted", 0, False)
    probe = house.instance.runtime(0).probes[0]
    assert (probe.kind, probe.host, probe.port) == ("tcp", "127.0.0.1", 5232)


def test_two_hosts_with_the_same_software_have_the_same_record(tmp_path: pathlib.Path, house: House) -> None:
    house.foreign.install(port=5232)
    first = house.adopting().about()
    assert first == house.adopting().about()
    assert first is not None and first["digest"] == house.adopt().digest


def test_another_instance_of_the_package_is_not_taken_the_place_of(house: House) -> None:
    sibling = house.instance.path.parent / "spare" / "current" / "profile" / LEGACY
    sibling.parent.mkdir(parents=True)
    sibling.write_bytes(house.foreign.install().read_bytes())
    (house.foreign.units / LEGACY).unlink()
    (house.foreign.units / LEGACY).symlink_to(sibling)
    assert house.adopting(consent=False).found is None


def test_an_adoption_that_is_recorded_already_is_not_recorded_again(house: House) -> None:
    house.foreign.install()
    house.adopt()
    assert not house.adopting(consent=False).changed


def test_other_software_is_recorded_in_place_of_it(house: House) -> None:
    path = house.foreign.install()
    before = house.adopt()
    path.write_bytes(b"[Service]\nExecStart=/opt/legacy2\n")
    assert house.adopting().changed
    assert house.adopt().digest != before.digest


def test_what_is_gone_leaves_nothing_to_go_back_to(house: House) -> None:
    path = house.foreign.install()
    house.adopt()
    house.foreign.running.clear()
    house.foreign.wants(LEGACY).unlink()
    path.unlink()
    house.adopting().keep()
    assert house.instance.history().state == "absent"
    assert adoption_of(house.instance) is None


@pytest.mark.parametrize("unit", ["app.service", LEGACY])
@pytest.mark.parametrize("how", [{}, {"enabled": False}, {"active": False}, {"vendor": True}])
def test_what_was_set_aside_is_given_back_as_it_was(house: House, unit: str, how: dict[str, t.Any]) -> None:
    house.foreign.install(**how)
    drop_in(house)
    before, ran = picture(house), set(house.foreign.running)
    house.adopt()
    house.switch(unit)
    house.driver().remove()
    house.driver().remove()
    assert not house.foreign.running
    assert not os.path.lexists(house.foreign.wants(LEGACY))
    left = sorted(path for path in picture(house))
    assert left == ([] if unit == LEGACY else [path for path in before if ".wants/" not in path])
    house.driver().start()
    house.driver().start()
    assert (picture(house), house.foreign.running) == (before, ran)
    assert house.driver().active()


def test_an_enabled_link_is_given_back_where_its_directory_went_with_it(house: House) -> None:
    house.foreign.install()
    before = picture(house)
    house.adopt()
    house.driver().remove()
    house.foreign.wants(LEGACY).parent.rmdir()
    house.driver().start()
    assert picture(house) == before


def test_another_name_of_the_unit_goes_and_comes_with_it(house: House) -> None:
    alias = house.foreign.units / "old.service"
    alias.symlink_to(house.foreign.install())
    house.adopt()
    house.driver().remove()
    assert not os.path.lexists(alias)
    house.driver().start()
    assert os.readlink(alias) == str(house.foreign.units / LEGACY)


def test_files_that_are_named_are_given_back_whatever_became_of_them(house: House, tmp_path: pathlib.Path) -> None:
    house.foreign.install()
    config = tmp_path / "legacy.conf"
    config.write_text("old")
    config.chmod(0o640)
    house.adopt(paths=[str(config), str(tmp_path / "not there")])
    house.driver().remove()
    config.write_text("new")
    config.chmod(0o777)
    house.driver().start()
    assert (config.read_text(), config.stat().st_mode & 0o777) == ("old", 0o640)


def test_a_directory_is_no_file_to_be_given_back(house: House, tmp_path: pathlib.Path) -> None:
    house.foreign.install()
    with pytest.raises(InputError) as refused:
        house.adopting(paths=[str(tmp_path)])
    assert refused.value.code == "adopts-path-unsuitable"


def test_a_file_that_others_could_replace_is_not_written_by_root(
    house: House, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    house.foreign.install()
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (open_to_all / "file").write_text("")
    adopts = Adopts((LEGACY,), (str(open_to_all / "file"),))
    with pytest.raises(InputError) as refused:
        foreign.find(adopts, instance=house.instance.path, runner=house.foreign, units=house.foreign.units, listen=list)
    assert refused.value.code == "adopts-path-unsuitable"


@pytest.mark.parametrize(
    ("how", "unit"),
    [
        ({"enabled": False}, "app.service"),
        ({"active": False}, "app.service"),
        ({"active": False, "enabled": False}, LEGACY),
    ],
)
def test_what_is_in_the_way_is_refused_where_nobody_agreed(house: House, how: dict[str, t.Any], unit: str) -> None:
    house.foreign.install(port=5232, **how)
    with pytest.raises(ConflictError) as refused:
        house.adopting(consent=False, unit=unit)
    assert refused.value.code == "unit-foreign"
    assert LEGACY in refused.value.message and "127.0.0.1:5232" in refused.value.message
    assert "relmgmt_adopt" in refused.value.hint
    assert house.instance.history().empty


def test_what_is_not_in_the_way_is_left_alone_where_nobody_agreed(house: House) -> None:
    house.foreign.install(active=False, enabled=False)
    assert house.adopting(consent=False).found is None


def test_what_did_not_come_back_is_not_recorded_as_it_is_then(house: House) -> None:
    house.foreign.install()
    house.adopt()
    house.instance.journal.write("staged", deployment=1, version="1", release="r", profile="p")
    house.switch()
    house.instance.journal.write("failed", deployment=1, stands=0, reason="it does not start")
    house.foreign.running.clear()
    assert house.instance.history().state == "failed"
    assert not house.adopting().changed


def test_a_release_that_is_there_is_not_asked_what_was_there_before_it(house: House) -> None:
    house.foreign.install()
    house.instance.journal.write("staged", deployment=1, version="1", release="r", profile="p")
    house.switch()
    house.instance.journal.write("confirmed", deployment=1, reason="")
    assert house.adopting(consent=False).found is None


@pytest.mark.parametrize(
    "about",
    [{"UnitFileState": "generated"}, {"UnitFileState": "transient"}, {"FragmentPath": "/run/systemd/generator/x"}],
)
def test_what_something_else_makes_is_not_adopted(house: House, about: dict[str, str]) -> None:
    house.foreign.install()
    house.foreign.about[LEGACY] = about
    with pytest.raises(ConflictError) as refused:
        house.adopting()
    assert refused.value.code == "adoption-impossible"


def test_a_unit_of_another_package_is_not_adopted(house: House) -> None:
    theirs = house.instance.root / "web/shop/main/current/profile/legacy.service"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("")
    link = house.foreign.units / LEGACY
    link.symlink_to(theirs)
    with pytest.raises(ConflictError) as refused:
        house.adopting()
    assert refused.value.code == "adoption-impossible" and "own verbs" in refused.value.hint


def test_without_root_and_systemd_nothing_is_adopted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.foreign.install()
    monkeypatch.setattr(adopting, "kind_of_guard", lambda: "detached")
    with pytest.raises(InputError) as refused:
        house.adopting()
    assert refused.value.code == "adoption-needs-systemd"


def test_a_unit_of_the_instance_itself_is_not_foreign(house: House) -> None:
    ours = house.instance.path / "app.service"
    ours.write_text("")
    (house.foreign.units / LEGACY).symlink_to(ours)
    assert house.adopting(consent=False).found is None


def test_the_ports_of_a_socket_are_those_that_systemd_listens_on(house: House) -> None:
    house.foreign.install("legacy.socket")
    house.foreign.about["legacy.socket"] = {
        "Listen": "[::]:5232 (Stream)\nListen=10.0.0.1:53 (Datagram)\nListen=10.0.0.1:54 (Stream)"
    }
    found = house.adopting(units=["legacy.socket"]).found
    assert found is not None and found.record["units"]["legacy.socket"]["ports"] == [["10.0.0.1", 54], ["::", 5232]]


def changed_file(house: House) -> None:
    (house.foreign.units / LEGACY).write_text("[Service]\n")


def stopped(house: House) -> None:
    house.foreign.running.clear()


def another_port(house: House) -> None:
    house.foreign.listening.clear()


@pytest.mark.parametrize("happens", [changed_file, stopped, another_port])
def test_what_changed_since_it_was_recorded_is_noticed(
    house: House, happens: t.Callable[[House], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.foreign.install(port=5232)
    house.adopt()
    runtime = house.runtime()
    monkeypatch.setattr(Instance, "runtime", lambda *_: runtime)
    adopting.require_unchanged(house.instance, 1, house.tools)
    happens(house)
    with pytest.raises(ConflictError) as refused:
        adopting.require_unchanged(house.instance, 1, house.tools)
    assert refused.value.code == "adopted-changed"
    assert LEGACY in refused.value.message


def test_what_came_since_the_release_was_staged_is_noticed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = house.runtime()
    monkeypatch.setattr(Instance, "runtime", lambda *_: runtime)
    adopting.require_unchanged(house.instance, 1, house.tools)
    house.foreign.install()
    with pytest.raises(ConflictError) as refused:
        adopting.require_unchanged(house.instance, 1, house.tools)
    assert refused.value.code == "adopted-changed"


@pytest.mark.parametrize("name", ["record.json", "bytes"])
def test_a_record_that_is_damaged_is_noticed_before_anything_is_stopped(house: House, name: str) -> None:
    house.foreign.install()
    adoption = house.adopt()
    (directory,) = (house.instance.path / "adopted").iterdir()
    for path in directory.iterdir():
        if (path.name == "record.json") == (name == "record.json"):
            path.write_text("{}")
    assert adoption.damages()
    with pytest.raises(IntegrityError):
        require_whole(house.instance, 0)


def test_a_start_that_fails_says_what_systemctl_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.foreign.install()
    house.adopt()
    driver = house.driver()
    real = house.foreign.run

    def run(argv: t.Sequence[str], **how: t.Any) -> t.Any:
        answer = real(argv, **how)
        return answer.__class__(1, "port 5232 is taken\n") if "start" in argv else answer

    monkeypatch.setattr(house.foreign, "run", run)
    with pytest.raises(BackendError) as failed:
        driver.start()
    assert failed.value.code == "adopted-start-failed" and "port 5232 is taken" in failed.value.message


def test_info_says_what_runs_and_what_would_be_adopted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.foreign.install()
    found = house.adopting().about()
    monkeypatch.setattr(foreign, "find", house.looks)
    told = describe_instance(house.instance, house.tools)
    assert (told["state"], told["adopted"]) == ("absent", None)
    told = describe_instance(house.instance, house.tools, adopts=Adopts((LEGACY,)))
    assert (told["state"], told["adopted"]) == ("adopted", found)
    house.adopt()
    told = describe_instance(house.instance, house.tools)
    assert (told["state"], told["adopted"], told["service"]) == ("adopted", found, "active")


@pytest.mark.parametrize(
    "data",
    [
        {"units": ["legacy"]},
        {"units": ["a.mount"]},
        {"units": [LEGACY], "paths": ["etc/x"]},
        {"units": [LEGACY], "paths": ["/etc/../x"]},
    ],
)
def test_what_cannot_be_meant_is_refused(data: dict[str, list[str]]) -> None:
    with pytest.raises(RelmgmtError):
        Adopts.from_dict(data)


def test_a_unit_of_a_distribution_that_was_adopted_makes_room_for_ours(house: House) -> None:
    house.foreign.install(vendor=True)
    declared = Service.from_dict({"driver": "systemd", "unit": LEGACY, "unit_file": LEGACY})
    driver = SystemdDriver(
        declared,
        instance=house.instance.path,
        profile=house.instance.path,
        runner=house.foreign,
        clock=float,
        units=house.foreign.units,
    )
    with pytest.raises(ConflictError) as refused:
        driver.require_own(())
    assert refused.value.code == "unit-foreign"
    driver.require_own([LEGACY])
    house.adopt(unit=LEGACY)
    driver.require_own(())
