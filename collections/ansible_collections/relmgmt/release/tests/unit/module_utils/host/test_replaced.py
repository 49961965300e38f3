# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a package to the one that replaces it under another name, and back, by every way."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t
import urllib.error
import urllib.request

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.instance import Instance
from ansible_collections.relmgmt.release.plugins.module_utils._host.lock import locked
from ansible_collections.relmgmt.release.plugins.module_utils._host.replacing import predecessor
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import canonical, digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import ConflictError, IntegrityError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest
from ansible_collections.relmgmt.release.plugins.module_utils._model.replaces import record_of

from .engine import PACKAGE, Host, Package, profile
from .person import Person

NEXT, READY = "test/next", {"driver": "readiness_file", "drain_time": 0}
OLD, V1, V2 = Package("1.2.0"), Package("2.0.0"), Package("2.1.0")


class House(Host):
    """A host on which ``test/app`` runs, in traffic, and ``test/next`` is to take its place on the same port."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__(root)
        self.old = self.instance
        self.instance = Instance(root, NEXT, "main")

    def ask(self, verb: str, **params: t.Any) -> dict[str, t.Any]:
        return super().ask(verb, **{"package": NEXT, **params})

    def of_old(self, verb: str, **params: t.Any) -> dict[str, t.Any]:
        return self.ask(verb, package=PACKAGE, **params)

    def stage_old(self, package: Package = OLD, **params: t.Any) -> dict[str, t.Any]:
        rendered = profile(self.old.path, self.port, traffic=READY)
        payload, manifest = package.payload(), package.manifest.to_dict()
        return self.of_old("stage", payload=payload, manifest=manifest, profile=rendered, **params)

    def deploy_old(self) -> None:
        self.of_old("activate", deployment=self.stage_old()["deployment"])
        self.of_old("confirm", deployment=1)

    def stage_next(self, package: Package = V1, *, instance: str = "main", **about: t.Any) -> dict[str, t.Any]:
        check = bool(about.pop("check", False))
        place = Instance(self.root, NEXT, instance).path
        rendered = profile(place, self.port, traffic=READY, **about)
        rendered["runtime"]["replaces"] = [PACKAGE]
        manifest = Manifest.from_dict({**package.manifest.to_dict(), "name": NEXT}).to_dict()
        payload = package.payload()
        return self.ask("stage", check=check, payload=payload, manifest=manifest, profile=rendered, instance=instance)

    def stop(self) -> None:
        super().stop()
        self.instance = self.old
        super().stop()

    @property
    def says(self) -> str:
        """The version that answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
                return t.cast(bytes, answer.read()).decode()
        except urllib.error.URLError:
            return ""

    def serves_old(self) -> bool:
        """Whether the old package is as it was: it answers, is in traffic and confirmed."""
        release = self.of_old("info")["release"]
        shown = (release["state"], release["service"], release["traffic"], release["replaced"])
        return self.says == "1.2.0" and shown == ("confirmed", "active", "in", "")


@pytest.fixture
def house(tmp_path: pathlib.Path) -> t.Iterator[House]:
    made = House(tmp_path / "srv")
    made.root.mkdir()
    with contextlib.ExitStack() as stack:
        stack.callback(made.stop)
        made.deploy_old()
        yield made


@contextlib.contextmanager
def _refused(code: str) -> t.Iterator[None]:
    with pytest.raises(ConflictError) as caught:
        yield
    assert caught.value.code == code, caught.value


def test_a_package_takes_the_place_of_another_and_gives_it_back(house: House) -> None:
    predicted = house.stage_next(check=True)
    assert not house.instance.path.exists()
    staged = house.stage_next()
    assert staged == predicted
    about = house.of_old("info")["release"]["current"]
    assert staged["adopted"]["replaced"] == {"package": PACKAGE, "version": "1.2.0", "release": about["release"]}
    assert staged["adopted"]["digest"] == digest_of(canonical(record_of(PACKAGE, "1.2.0", about["release"])))
    assert house.serves_old() and not house.stage_next()["changed"]
    assert house.ask("activate", deployment=1)["outcome"] == "provisional"
    assert house.says == "2.0.0"
    old = house.of_old("info")["release"]
    assert (old["state"], old["replaced"], old["service"], old["traffic"]) == ("replaced", NEXT, "inactive", "out")
    reverted = house.ask("revert", deployment=1)
    assert (reverted["outcome"], reverted["to"]) == ("reverted", 0)
    assert house.serves_old()
    assert house.ask("info")["release"]["traffic"] == "in"


def test_a_release_that_is_not_healthy_gives_it_back_in_the_same_call(house: House) -> None:
    house.stage_next(status=500)
    assert house.ask("activate", deployment=1)["outcome"] == "reverted"
    assert house.serves_old() and house.instance.history().settled


@pytest.mark.parametrize("how", [{"version": "adopted"}, {"to": 0}])
def test_it_is_gone_back_to_however_many_releases_came_since(house: House, how: dict[str, t.Any]) -> None:
    for number, package in enumerate((V1, V2), start=1):
        house.stage_next(package)
        house.ask("activate", deployment=number)
        house.ask("confirm", deployment=number)
    assert house.says == "2.1.0" and house.ask("info")["release"]["traffic"] == "in"
    assert house.ask("revert", **how)["outcome"] == "reverted"
    assert house.serves_old()


def test_an_upgrade_that_fails_goes_back_to_the_release_and_not_to_what_was_replaced(house: House) -> None:
    house.stage_next()
    house.ask("activate", deployment=1)
    house.ask("confirm", deployment=1)
    house.stage_next(V2, status=500)
    assert house.ask("activate", deployment=2)["outcome"] == "reverted"
    assert house.says == "2.0.0" and house.old.history().replaced == NEXT


@pytest.mark.parametrize("check", [True, False])
def test_what_was_replaced_takes_no_release_until_it_is_back(house: House, check: bool) -> None:
    house.stage_next()
    house.ask("activate", deployment=1)
    house.ask("confirm", deployment=1)
    with _refused("package-replaced"):
        house.stage_old(V2, check=check)
    for verb in ("activate", "confirm"):
        with _refused("package-replaced"):
            house.of_old(verb, deployment=1, check=check)
    house.ask("revert", to=0)
    assert house.stage_old(V2, check=check)["outcome"] == "staged"


def test_a_prune_keeps_what_the_way_back_needs(house: House) -> None:
    house.stage_next()
    house.ask("activate", deployment=1)
    house.ask("confirm", deployment=1)
    house.of_old("prune", keep=0)
    house.ask("revert", to=0)
    assert house.serves_old()


def test_where_the_successor_was_taken_away_by_hand_the_package_is_in_its_place_again(house: House) -> None:
    house.old.journal.write("replaced", by="test/gone")
    assert house.of_old("activate", deployment=1)["outcome"] == "confirmed"
    assert house.serves_old()


def test_what_is_not_final_is_not_replaced(house: House) -> None:
    house.stage_old(V2)
    house.of_old("activate", deployment=2)
    with _refused("replaced-not-final"):
        house.stage_next()
    assert house.instance.history().empty


def test_what_has_passed_a_point_of_no_return_is_not_replaced(house: House) -> None:
    house.of_old("freeze", state="present", deployment=1, reason="its database was changed")
    with _refused("replaced-frozen"):
        house.stage_next()


def test_another_instance_of_it_is_not_replaced(house: House) -> None:
    with _refused("replaced-elsewhere"):
        house.stage_next(instance="spare")


def test_only_one_package_is_replaced(house: House) -> None:
    house.stage_next()
    house.ask("activate", deployment=1)
    house.ask("confirm", deployment=1)
    house.old.journal.write("resumed")
    third = Instance(house.root, "test/third", "main")
    names = [PACKAGE, NEXT]
    with _refused("replaced-ambiguous"):
        predecessor(third, names)


def test_a_release_of_it_that_came_between_stops_the_activation(house: House) -> None:
    house.stage_next()
    house.stage_old(V2)
    house.of_old("activate", deployment=2)
    with _refused("replaced-not-final"):
        house.ask("activate", deployment=1)
    house.of_old("confirm", deployment=2)
    with _refused("adopted-changed"):
        house.ask("activate", deployment=1)
    assert house.stage_next()["changed"]
    assert house.ask("activate", deployment=1)["outcome"] == "provisional"
    house.ask("revert", deployment=1)
    assert house.says == "2.1.0"


def test_a_way_back_that_is_damaged_is_not_left(house: House) -> None:
    house.stage_next()
    (house.old.path / "deployments/1/profile/port.conf").write_text("spoilt")
    with pytest.raises(IntegrityError) as refused:
        house.ask("activate", deployment=1)
    assert refused.value.code == "capsule-damaged"
    assert not house.old.history().replaced and not house.instance.history().unfinished


def test_a_verb_at_work_on_it_is_not_cut_short(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ansible_collections.relmgmt.release.plugins.module_utils._host.lock.LOCK_WAIT", 0.0, raising=True
    )
    house.stage_next()
    instants = iter(range(10**6))
    house.tools = house.tools._replace(clock=lambda: float(next(instants)))
    with locked(house.old.disk, clock=lambda: 0.0, wait=lambda _seconds: None):
        answer = house.ask("activate", deployment=1)
    assert answer["outcome"] in ("reverted", "failed") and house.says == "1.2.0"
    assert "host-locked" in str(answer) or "is in use" in str(answer)


def test_a_person_goes_back_to_it(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.stage_next()
    house.ask("activate", deployment=1)
    house.ask("confirm", deployment=1)
    person = Person(house, capsys)
    assert f"what ran here before, {PACKAGE} 1.2.0" in person.types("status").out
    tool = house.old.path / "bin/relmgmt-host"
    status = person.types("status", tool=tool)
    assert (status.code, f"{NEXT} has taken its place" in status.out) == (18, True)
    assert person.types("verify", tool=tool).code == 0
    said = person.types("revert", "--yes", tool=tool)
    assert said.code == 1 and "has taken the place of" in said.err
    said = person.types("revert", "--yes", "--to", "adopted")
    assert said.code == 0, said
    assert f"REVERTED: back on what ran here before, {PACKAGE} 1.2.0" in said.out
    assert house.serves_old()
    assert (person.types("status", tool=tool).code, person.types("status").code) == (0, 17)
    assert person.types("verify").code == 0
    assert "in its place again" in person.types("log", tool=tool).out


@pytest.mark.parametrize("mark", [True, False])
def test_what_was_killed_on_the_way_is_finished_by_the_next_verb(house: House, mark: bool) -> None:
    house.stage_next()
    house.instance.journal.write("switch", **{"from": 0, "to": 1, "verb": "activate", "reason": ""})
    if mark:
        house.old.journal.write("replaced", by=NEXT)
    assert house.ask("info")["release"]["interrupted"]
    recovered = house.ask("confirm", deployment=1)["recovered"]
    assert recovered and "reverted" in recovered
    assert house.serves_old()
