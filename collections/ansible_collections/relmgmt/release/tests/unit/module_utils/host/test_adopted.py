# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a host ran before relmgmt came to a release, and back, by every way."""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import socket
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import adopting, foreign
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import ConflictError

from .engine import Host, Package, profile
from .foreign import Foreign
from .person import Person

LEGACY = "legacy.service"
V1, V2 = Package("1.0.0"), Package("2.0.0")


class Legacy(Foreign):
    """One that really listens while it runs."""

    def __init__(self, root: pathlib.Path, port: int) -> None:
        super().__init__(root)
        self._port = port
        self._socket: socket.socket | None = None

    def started(self) -> None:
        if self._socket is None:
            self._socket = socket.create_server(("127.0.0.1", self._port))

    def stopped(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


class Adopted(Host):
    """A host with a foreign service on the port of the package."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__(root / "srv")
        self.root.mkdir()
        self.legacy = Legacy(root, self.port)
        self.tools = self.tools._replace(runner=self.legacy)
        self.legacy.install(port=self.port)
        self.legacy.started()

    def adopt(self, package: Package, *, check: bool = False, consent: bool = True, **about: t.Any) -> dict[str, t.Any]:
        rendered = profile(self.instance.path, self.port, **about)
        rendered["runtime"]["adopts"] = {"units": [LEGACY]}
        manifest, payload = package.manifest.to_dict(), package.payload()
        return self.ask("stage", check=check, payload=payload, manifest=manifest, profile=rendered, adopt=consent)

    def serves_legacy(self) -> bool:
        return LEGACY in self.legacy.running and os.path.lexists(self.legacy.wants(LEGACY))

    @property
    def state(self) -> tuple[str, str]:
        release = self.ask("info")["release"]
        return release["state"], release["service"]


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Adopted]:
    made = Adopted(tmp_path)
    looks = functools.partial(foreign.find, units=made.legacy.units, listen=made.legacy.listen)
    monkeypatch.setattr(adopting, "find", looks)
    monkeypatch.setattr(adopting, "kind_of_guard", lambda: "systemd")
    # The test is what really listens.
    monkeypatch.setattr(
        "ansible_collections.relmgmt.release.plugins.module_utils._host.claims._is_ours", lambda *_: True
    )
    with contextlib.ExitStack() as stack:
        stack.callback(made.legacy.stopped)
        stack.callback(made.stop)
        yield made


def test_a_release_takes_the_place_of_what_runs_and_gives_it_back(host: Adopted) -> None:
    predicted = host.adopt(V1, check=True)
    assert not host.instance.path.exists()
    staged = host.adopt(V1)
    assert staged == predicted
    assert [unit["unit"] for unit in staged["adopted"]["units"]] == [LEGACY]
    assert host.serves_legacy() and host.state == ("adopted", "active")
    assert host.ask("activate", deployment=1)["outcome"] == "provisional"
    assert LEGACY not in host.legacy.running and not os.path.lexists(host.legacy.wants(LEGACY))
    reverted = host.ask("revert", deployment=1)
    assert (reverted["outcome"], reverted["to"]) == ("reverted", 0)
    assert host.serves_legacy() and host.state == ("adopted", "active")


def test_a_release_that_is_not_healthy_gives_it_back_in_the_same_call(host: Adopted) -> None:
    host.adopt(V1, status=500)
    assert host.ask("activate", deployment=1)["outcome"] == "reverted"
    assert host.serves_legacy() and host.state == ("adopted", "active")


def test_it_is_adopted_a_second_time_after_it_was_given_back(host: Adopted) -> None:
    host.adopt(V1)
    host.ask("activate", deployment=1)
    host.ask("confirm", deployment=1)
    host.ask("revert", deployment=1)
    (host.legacy.units / LEGACY).write_bytes(b"[Service]\nExecStart=/opt/legacy2\n")
    staged = host.adopt(V2)
    assert staged["deployment"] == 2 and staged["changed"]
    assert host.ask("activate", deployment=2)["outcome"] == "provisional"
    host.ask("revert", deployment=2)
    assert host.serves_legacy()
    assert (host.legacy.units / LEGACY).read_bytes() == b"[Service]\nExecStart=/opt/legacy2\n"


def test_an_upgrade_that_fails_goes_back_to_the_release_and_not_to_what_was_adopted(host: Adopted) -> None:
    host.adopt(V1)
    host.ask("activate", deployment=1)
    host.ask("confirm", deployment=1)
    host.adopt(V2, status=500, consent=False)
    assert host.ask("activate", deployment=2)["outcome"] == "reverted"
    assert host.instance.history().current == 1 and LEGACY not in host.legacy.running


@pytest.mark.parametrize("how", [{"version": "adopted"}, {"to": 0}])
def test_it_is_gone_back_to_however_many_releases_came_since(host: Adopted, how: dict[str, t.Any]) -> None:
    for number, package in enumerate((V1, V2), start=1):
        host.adopt(package)
        host.ask("activate", deployment=number)
        host.ask("confirm", deployment=number)
    assert host.ask("revert", check=True, **how)["to"] == 0
    assert host.ask("revert", **how)["outcome"] == "reverted"
    assert host.serves_legacy() and host.state == ("adopted", "active")
    again = host.ask("revert", **how)
    assert (again["outcome"], again["changed"]) == ("confirmed", False)


def test_what_changed_since_it_was_given_back_is_not_thrown_away_by_a_way_back_to_a_release(host: Adopted) -> None:
    host.adopt(V1)
    host.ask("activate", deployment=1)
    host.ask("confirm", deployment=1)
    host.ask("revert", to=0)
    assert host.ask("revert", version="1.0.0", check=True)["to"] == 1
    (host.legacy.units / LEGACY).write_bytes(b"[Service]\n")
    for check in (True, False):
        with pytest.raises(ConflictError) as refused:
            host.ask("revert", version="1.0.0", check=check)
        assert refused.value.code == "adopted-changed"
    assert host.serves_legacy()


def test_what_changed_between_staging_and_activating_stops_the_activation(host: Adopted) -> None:
    host.adopt(V1)
    (host.legacy.units / LEGACY).write_bytes(b"[Service]\n")
    with pytest.raises(ConflictError) as refused:
        host.ask("activate", deployment=1)
    assert refused.value.code == "adopted-changed"
    assert host.serves_legacy() and not host.instance.history().unfinished
    assert host.adopt(V1)["changed"]
    assert host.ask("activate", deployment=1)["outcome"] == "provisional"


@pytest.mark.parametrize("check", [True, False])
def test_without_consent_nothing_is_staged(host: Adopted, check: bool) -> None:
    with pytest.raises(ConflictError) as refused:
        host.adopt(V1, check=check, consent=False)
    assert refused.value.code == "unit-foreign"
    assert not host.instance.disk.names("deployments") and host.instance.history().empty


@pytest.mark.parametrize("to", [[], ["--to", "adopted"], ["--to", "0"]])
def test_a_person_goes_back_to_what_was_there_before(
    host: Adopted, to: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    host.adopt(V1)
    host.ask("activate", deployment=1)
    host.ask("confirm", deployment=1)
    person = Person(host, capsys)
    assert f"what ran here before, {LEGACY}" in person.types("status").out
    said = person.types("revert", "--yes", *to)
    assert said.code == 0, said
    assert f"REVERTED: back on what ran here before, {LEGACY}" in said.out
    status = person.types("status")
    assert (status.code, "ADOPTED" in status.out) == (17, True)
    assert host.serves_legacy()
    assert person.types("verify").code == 0
