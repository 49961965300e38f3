# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A unit of systemd as a service: linked through ``current``, enabled, judged honestly, and never somebody else's.

systemd is simulated: what the simulator answers was seen on systemd 252.
"""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.process import Completed, Runner
from ansible_collections.relmgmt.release.plugins.module_utils._host.service_systemd import SystemdDriver
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import (
    BackendError,
    ConflictError,
    InputError,
)
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Service

NOT_BOOTED = "System has not been booted with systemd as init system (PID 1). Can't operate.\n"


class SystemdSimulator(Runner):
    """Answers systemctl for one unit."""

    def __init__(self, units: pathlib.Path) -> None:
        super().__init__()
        self.units = units
        self.calls: list[str] = []
        self.timeouts: dict[str, float] = {}
        self.answers: dict[str, list[Completed]] = {}
        self.state, self.sub, self.restarts, self.stale, self.enabled = "inactive", "dead", 0, "no", False
        self.fragment = ""
        self.loaded, self.boot = 0, "first"

    def boot_id(self) -> str:
        return self.boot

    def run(
        self,
        argv: t.Sequence[str],
        *,
        timeout: float,
        user: str = "",
        env: t.Mapping[str, str] | None = None,
        cwd: pathlib.Path | None = None,
        errors: t.BinaryIO | None = None,
    ) -> Completed:
        assert tuple(argv[:3]) == ("systemctl", "--no-ask-password", "--no-pager")
        words = [word for word in argv[3:] if not word.startswith("--")]
        verb = words[0]
        if verb not in ("show", "status"):
            self.calls.append(" ".join(argv[3:]))
        self.timeouts[verb] = timeout
        if self.answers.get(verb):
            return self.answers[verb].pop(0)
        return getattr(self, "_" + verb.replace("-", "_"), lambda *_: Completed(0, ""))(*words[1:])

    def _show(self, *_units: str) -> Completed:
        values = {
            "ActiveState": self.state,
            "SubState": self.sub,
            "NRestarts": self.restarts,
            "NeedDaemonReload": self.stale,
            "FragmentPath": self.fragment,
            "UnitFileState": "enabled" if self.enabled else "linked",
            "LoadState": "loaded" if self.fragment else "not-found",
            "UnitsLoadTimestampMonotonic": self.loaded,
        }
        return Completed(0, "".join(f"{name}={value}\n" for name, value in values.items()))

    def _link(self, path: str) -> Completed:
        link = self.units / os.path.basename(path)
        if link.is_symlink():
            link.unlink()
        link.symlink_to(path)
        self.fragment = str(link)
        return Completed(0, "")

    def _enable(self, _unit: str) -> Completed:
        self.enabled = True
        return Completed(0, "")

    def _disable(self, name: str) -> Completed:
        (self.units / name).unlink()
        self.fragment, self.enabled = "", False
        return Completed(0, "")

    def _start(self, _unit: str) -> Completed:
        self.state, self.sub, self.restarts, self.stale = "active", "running", 0, "no"
        return Completed(0, "")

    _restart = _start

    def _daemon_reload(self) -> Completed:
        self.loaded += 1
        return Completed(0, "")

    def _stop(self, _unit: str) -> Completed:
        if not self.fragment:
            return Completed(5, "Failed to stop app.service: Unit app.service not loaded.\n")
        self.state, self.sub = "inactive", "dead"
        return Completed(0, "")

    def _status(self, _unit: str) -> Completed:
        return Completed(3, "app.service - Calendar\n   port 5232 is taken\n")


class House:
    """An instance with a profile, and a simulated systemd."""

    def __init__(self, root: pathlib.Path) -> None:
        self.instance, self.profile, units = root / "main", root / "main/profiles/p1", root / "units"
        self.profile.mkdir(parents=True)
        units.mkdir()
        (self.profile / "app.service").write_text("[Service]\n")
        self.systemd = SystemdSimulator(units)
        self.link = units / "app.service"
        self.target = str(self.instance / "current/profile/app.service")

    def driver(self, **more: t.Any) -> SystemdDriver:
        declared = {"driver": "systemd", "unit": "app.service", "unit_file": "app.service", **more}
        return SystemdDriver(
            Service.from_dict(declared),
            instance=self.instance,
            profile=self.profile,
            runner=self.systemd,
            clock=lambda: 0.0,
            units=self.systemd.units,
        )

    def called(self) -> list[str]:
        calls, self.systemd.calls = self.systemd.calls, []
        return calls


@pytest.fixture
def house(tmp_path: pathlib.Path) -> House:
    return House(tmp_path)


def test_start_links_through_current_reloads_starts_and_enables_in_this_order(house: House) -> None:
    house.driver().start()
    assert house.called() == [
        f"link --force --no-reload {house.target}",
        "daemon-reload",
        "reset-failed app.service",
        "start app.service",
        "enable --no-reload app.service",
    ]
    assert os.readlink(str(house.link)) == house.target


def test_start_of_what_runs_does_nothing(house: House) -> None:
    house.driver().start()
    house.called()
    house.driver().start()
    assert house.called() == []


def test_what_runs_with_a_changed_unit_file_is_restarted(house: House) -> None:
    house.driver().start()
    house.called()
    house.systemd.stale = "yes"
    house.driver().start()
    assert house.called()[-3:-1] == ["daemon-reload", "restart app.service"]


def test_what_runs_but_is_not_enabled_is_enabled_and_goes_on(house: House) -> None:
    house.driver().start()
    house.called()
    house.systemd.enabled = False
    house.driver().start()
    assert [call.split()[0] for call in house.called()] == ["enable"]


def test_what_start_left_is_not_astray(house: House) -> None:
    (house.profile / "app.service").write_text("[Install]\nWantedBy=multi-user.target\n")
    house.driver().start()
    assert house.driver().astray() == []


def test_a_unit_that_is_not_enabled_any_more_is_astray_and_goes_on(house: House) -> None:
    (house.profile / "app.service").write_text("[Install]\nWantedBy=multi-user.target\n")
    house.driver().start()
    house.systemd.enabled = False
    assert house.driver().astray() == [("enabled", "not enabled", False)]
    (house.profile / "app.service").write_text("[Service]\n")  # such a unit is started by others, or by hand
    assert house.driver().astray() == []


def test_a_unit_file_that_systemd_has_not_read_is_astray_and_takes_a_restart(house: House) -> None:
    house.driver().start()
    house.systemd.stale = "yes"
    assert [item.restarts for item in house.driver().astray()] == [True]


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda link: None, "it is missing"),
        (lambda link: link.symlink_to("/dev/null"), "it leads to /dev/null"),
        (lambda link: link.write_text("[Service]\n"), "somebody else's file is there"),
    ],
)
def test_another_thing_in_the_place_of_its_link_is_astray(
    house: House, spoil: t.Callable[[pathlib.Path], None], found: str
) -> None:
    house.driver().start()
    house.link.unlink()
    spoil(house.link)
    assert [(item.found, item.restarts) for item in house.driver().astray()] == [(found, True)]


def test_reload_asks_systemd_within_its_time(house: House) -> None:
    house.driver().start()
    house.called()
    house.driver(reload_timeout=4).reload()
    assert house.called() == ["reload app.service"]
    assert house.systemd.timeouts["reload"] == 4


def test_reload_that_systemd_refuses_is_an_error_with_what_it_says(house: House) -> None:
    house.systemd.answers["reload"] = [Completed(1, "Job type reload is not applicable for unit app.service.\n")]
    with pytest.raises(BackendError, match="not applicable") as caught:
        house.driver().reload()
    assert caught.value.code == "service-reload-failed"


def switched(house: House) -> list[str]:
    """What is called to stop one deployment and start the next."""
    house.driver().stop()
    house.called()
    house.driver().start()
    return [call.split()[0] for call in house.called()]


def test_a_unit_file_that_systemd_has_as_it_is_is_not_loaded_again(house: House) -> None:
    house.driver().start()
    assert switched(house) == ["reset-failed", "start", "enable"]


def another_file(house: House) -> None:
    (house.profile / "app.service").write_text("[Service]\nUser=other\n")


def another_reload(house: House) -> None:
    house.systemd.loaded += 1


def another_boot(house: House) -> None:
    house.systemd.boot = "second"


def a_changed_drop_in(house: House) -> None:
    house.systemd.stale = "yes"


def an_old_systemd(house: House) -> None:
    house.systemd.loaded = 0


@pytest.mark.parametrize("happens", [another_file, another_reload, another_boot, a_changed_drop_in, an_old_systemd])
def test_it_is_loaded_again_where_that_is_not_known(house: House, happens: t.Callable[[House], None]) -> None:
    house.driver().start()
    happens(house)
    assert switched(house) == ["daemon-reload", "reset-failed", "start", "enable"]


def test_a_unit_that_the_package_does_not_bring_is_not_linked(house: House) -> None:
    house.systemd.fragment = "/usr/lib/systemd/system/nginx.service"
    house.driver(unit="nginx.service", unit_file="").start()
    assert [call.split()[0] for call in house.called()] == ["daemon-reload", "reset-failed", "start", "enable"]


def test_time_limits_are_those_of_the_service(house: House) -> None:
    driver = house.driver(start_timeout=7, stop_timeout=3)
    driver.start()
    driver.stop()
    assert (house.systemd.timeouts["start"], house.systemd.timeouts["stop"]) == (7, 3)


def foreign_file(house: House) -> None:
    house.link.write_text("[Service]\n")


def foreign_link(house: House) -> None:
    house.link.symlink_to("/opt/other/app.service")


def foreign_instance(house: House) -> None:
    house.link.symlink_to(str(house.instance) + "-2/current/profile/app.service")


def foreign_vendor(house: House) -> None:
    house.systemd.fragment = "/usr/lib/systemd/system/app.service"


def foreign_mask(house: House) -> None:
    house.link.symlink_to("/dev/null")


@pytest.mark.parametrize("occupy", [foreign_file, foreign_link, foreign_instance, foreign_vendor, foreign_mask])
def test_a_foreign_unit_is_neither_started_nor_stopped_nor_removed(
    house: House, occupy: t.Callable[[House], None]
) -> None:
    occupy(house)
    driver = house.driver()
    with pytest.raises(ConflictError, match="app.service") as caught:
        driver.start()
    assert caught.value.code == "unit-foreign"
    driver.stop()
    driver.remove()
    assert house.called() == []


def test_our_link_to_another_place_in_the_profile_is_replaced(house: House) -> None:
    house.link.symlink_to(str(house.instance / "current/profile/old/app.service"))
    house.driver().start()
    assert os.readlink(str(house.link)) == house.target


@pytest.mark.parametrize(
    ("unit", "unit_file", "code"),
    [
        ("", "", "unit-malformed"),
        ("app", "", "unit-malformed"),
        ("--help.service", "", "unit-malformed"),
        ("a/b.service", "", "unit-malformed"),
        ("a b.service", "", "unit-malformed"),
        ("app.service\n", "", "unit-malformed"),
        ("app.service", "other.service", "unit-file-misnamed"),
        ("app.service", "../app.service", "path-unsafe"),
        ("app.service", "/etc/app.service", "path-unsafe"),
    ],
)
def test_bad_names_are_refused_before_anything_happens(house: House, unit: str, unit_file: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        house.driver(unit=unit, unit_file=unit_file)
    assert (caught.value.code, house.called()) == (code, [])


def test_an_instance_of_a_template_takes_the_templates_file(house: House) -> None:
    (house.profile / "app@.service").write_text("[Service]\n")
    house.driver(unit="app@main.service", unit_file="app@.service").start()
    assert (house.systemd.units / "app@.service").is_symlink()
    assert "start app@main.service" in house.called()


def test_a_unit_file_that_the_profile_lacks_is_named(house: House) -> None:
    (house.profile / "app.service").unlink()
    with pytest.raises(InputError, match="app.service") as caught:
        house.driver().start()
    assert (caught.value.code, house.called()) == ("unit-file-missing", [])


@pytest.mark.parametrize(
    ("verb", "code"),
    [("link", "systemctl-failed"), ("enable", "systemctl-failed"), ("start", "service-start-failed")],
)
def test_a_failure_says_what_systemctl_said(house: House, verb: str, code: str) -> None:
    house.systemd.answers[verb] = [Completed(1, "Job failed.\n")]
    with pytest.raises(BackendError, match="Job failed") as caught:
        house.driver().start()
    assert caught.value.code == code
    assert ("port 5232 is taken" in caught.value.message) is (verb == "start")


def test_a_start_that_takes_too_long_is_a_failure_with_the_tail_of_the_status(house: House) -> None:
    house.systemd.answers["start"] = [Completed(-9, "", timed_out=True)]
    with pytest.raises(BackendError, match="(?s)did not end in time.*port 5232 is taken") as caught:
        house.driver().start()
    assert caught.value.code == "service-start-failed"


def test_a_stop_that_takes_too_long_becomes_a_kill(house: House) -> None:
    driver = house.driver()
    driver.start()
    house.called()
    house.systemd.answers["stop"] = [Completed(-9, "", timed_out=True)]
    driver.stop()
    assert house.called() == ["stop app.service", "kill --signal=SIGKILL app.service", "stop app.service"]


def test_what_cannot_be_killed_is_an_error(house: House) -> None:
    driver = house.driver()
    driver.start()
    house.systemd.answers["stop"] = [Completed(-9, "", timed_out=True)] * 2
    with pytest.raises(BackendError) as caught:
        driver.stop()
    assert caught.value.code == "service-stop-failed"


def test_stop_of_what_is_not_there_is_fine(house: House) -> None:
    house.driver().stop()
    house.driver().stop()


@pytest.mark.parametrize(
    ("state", "sub", "active"),
    [
        ("active", "running", True),
        ("active", "exited", True),
        ("reloading", "reload", True),
        ("activating", "auto-restart", False),
        ("activating", "start", False),
        ("deactivating", "stop-sigterm", False),
        ("failed", "failed", False),
        ("inactive", "dead", False),
    ],
)
def test_states(house: House, state: str, sub: str, active: bool) -> None:
    driver = house.driver()
    driver.start()
    house.systemd.state, house.systemd.sub = state, sub
    assert driver.active() is active


def test_a_restart_behind_our_back_is_not_active(house: House) -> None:
    driver = house.driver()
    driver.start()
    assert driver.active()
    house.systemd.restarts = 1
    assert not driver.active()
    assert "restarted 1 times" in driver.describe()


def test_restarts_of_before_do_not_count(house: House) -> None:
    house.driver().start()
    house.systemd.restarts = 3
    driver = house.driver()
    assert driver.active()
    assert driver.active()
    house.systemd.restarts = 4
    assert not driver.active()


def test_an_old_systemd_that_does_not_count_restarts(house: House) -> None:
    house.systemd.answers["show"] = [Completed(0, "ActiveState=active\nSubState=running\n")]
    assert house.driver().active()


def test_remove_undoes_what_start_installed(house: House) -> None:
    driver = house.driver()
    driver.start()
    house.called()
    driver.remove()
    assert house.called() == [
        "stop app.service",
        "disable --no-reload app.service",
        "daemon-reload",
        "reset-failed app.service",
    ]
    assert not os.path.lexists(str(house.link))
    driver.remove()
    assert "disable --no-reload app.service" not in house.called()


@pytest.mark.parametrize(
    "answer", [Completed(127, "systemctl cannot be run"), Completed(1, NOT_BOOTED)], ids=["no systemctl", "not booted"]
)
def test_without_systemd_a_start_says_so_and_there_is_nothing_to_stop(house: House, answer: Completed) -> None:
    house.systemd.answers["show"] = [answer] * 3
    with pytest.raises(BackendError) as caught:
        house.driver().start()
    assert caught.value.code == "systemd-missing"
    house.driver().stop()
    house.driver().remove()
    assert house.called() == []
