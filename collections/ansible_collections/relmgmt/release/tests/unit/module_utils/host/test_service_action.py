# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change that asks for a reload, or for nothing, leaves the service's process alone; in both directions."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.service_action import action
from ansible_collections.relmgmt.release.plugins.module_utils._model.digest import digest_of
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.module_utils._model.manifest import Manifest, Template

from .engine import AMPLE, SHORT, Host, Package, packed

TEMPLATES = (
    Template("r.j2", "read.conf", on_change="reload"),
    Template("n.j2", "seldom/none.conf", on_change="none"),
    Template("s.j2", "start.conf"),
)


class Reloads:
    """A host whose service says which configuration it read, and reads it anew when it is asked to."""

    def __init__(self, host: Host, directory: pathlib.Path) -> None:
        self.host, self.directory = host, directory
        self.package = Package("1", templates=TEMPLATES)

    def deploy(self, *, package: Package | None = None, reload: t.Sequence[str] = (), **files: str) -> dict[str, t.Any]:
        """Stage and activate with these files."""
        number = self.stage(package=package, reload=reload, about=None, **files)
        return self.host.ask("activate", deployment=number)

    def stage(
        self,
        *,
        package: Package | None = None,
        reload: t.Sequence[str] = (),
        about: t.Mapping[str, t.Any] | None = None,
        **files: str,
    ) -> int:
        package = package or self.package
        names = {"read": "read.conf", "none": "seldom/none.conf", "start": "start.conf"}
        contents = {
            names[key]: value.encode() for key, value in {"read": "1", "none": "1", "start": "1", **files}.items()
        }
        reload = reload or [
            "/bin/sh",
            "-c",
            f"echo reload >> {self.directory}/reloads; cat {self._read} > {self._said}",
        ]
        rendered = packed(
            contents,
            service={
                "driver": "command",
                "command": [
                    "/bin/sh",
                    "-c",
                    f"echo start >> {self.directory}/starts; cat {self._read} > {self._said}; exec sleep 3600",
                ],
                "stop_timeout": 5,
                "reload": list(reload),
            },
            health={"min_healthy_time": 0.05, "healthy_deadline": SHORT if "sick" in files.values() else AMPLE},
            probes=[{"name": "read", "kind": "file", "path": str(self._said), "pattern": "1"}],
        )
        rendered.update(about or {})
        answer = self.host.ask(
            "stage", payload=package.payload(), manifest=package.manifest.to_dict(), profile=rendered
        )
        return int(answer["deployment"])

    @property
    def _read(self) -> pathlib.Path:
        return self.host.instance.path / "current" / "profile" / "read.conf"

    @property
    def _said(self) -> pathlib.Path:
        return self.directory / "said"

    def count(self, what: str) -> int:
        path = self.directory / what
        return len(path.read_text().splitlines()) if path.exists() else 0

    @property
    def said(self) -> str:
        return self._said.read_text()


@pytest.fixture
def service(host: Host, tmp_path: pathlib.Path) -> Reloads:
    service = Reloads(host, tmp_path)
    assert service.deploy()["outcome"] == "provisional"
    host.ask("confirm", deployment=1)
    return service


def test_file_that_asks_for_a_reload_gets_one_and_the_way_back_too(service: Reloads) -> None:
    assert service.deploy(read="11")["outcome"] == "provisional"
    assert (service.said, service.count("starts"), service.count("reloads")) == ("11", 1, 1)
    assert service.host.ask("revert", deployment=2)["outcome"] == "reverted"
    assert (service.said, service.count("starts"), service.count("reloads")) == ("1", 1, 2)


def test_file_that_asks_for_nothing_gets_nothing(service: Reloads) -> None:
    assert service.deploy(none="2")["outcome"] == "provisional"
    assert (service.count("starts"), service.count("reloads")) == (1, 0)
    assert service.host.instance.disk.read("current", "profile", "seldom", "none.conf") == b"2"


def test_one_file_that_asks_for_a_restart_restarts(service: Reloads) -> None:
    assert service.deploy(read="11", start="2")["outcome"] == "provisional"
    assert (service.count("starts"), service.count("reloads")) == (2, 0)


def test_values_that_ask_for_less_than_their_file_are_listened_to_in_both_directions(service: Reloads) -> None:
    asks = {"config/level": "none", "config/depth": "reload"}

    def made(*, level: str = "1", depth: str = "1", port: str = "1", about: str = "a") -> dict[str, t.Any]:
        inputs = {"config/level": level, "config/depth": depth, "config/port": port, "config/unseen": level + port}
        reads = ["config/level", "config/depth", "config/port"]
        origin = {"rest": level + depth + port, "about": about, "secrets": {}, "reads": reads}
        return {"inputs": inputs, "asks": asks, "origins": {"start.conf": origin}}

    profiles = [
        made(),
        made(level="2"),
        made(level="3", depth="2"),
        made(level="3", port="2"),
        made(level="3", about="b"),
    ]
    for number, about in enumerate(profiles, 2):
        service.stage(start=str(number), about=about)
    found = [action(service.host.instance, 2, number) for number in range(3, 7)]
    assert found == ["none", "reload", "restart", "restart"]
    assert [action(service.host.instance, number, 2) for number in range(3, 7)] == found
    assert action(service.host.instance, 1, 2) == "restart"


def test_other_release_restarts(service: Reloads) -> None:
    assert service.deploy(package=Package("2", templates=TEMPLATES), read="11")["outcome"] == "provisional"
    assert (service.count("starts"), service.count("reloads")) == (2, 0)


def test_service_that_is_run_in_another_way_is_restarted(service: Reloads) -> None:
    assert service.deploy(read="11", reload=["/bin/true"])["outcome"] == "provisional"
    assert (service.count("starts"), service.count("reloads")) == (2, 0)


def test_service_that_has_died_is_started(service: Reloads) -> None:
    service.host.instance_service_stop()
    assert service.deploy(read="11")["outcome"] == "provisional"
    assert (service.count("starts"), service.count("reloads")) == (2, 0)


def test_reload_that_makes_it_sick_is_gone_back_from_by_a_reload(service: Reloads) -> None:
    answer = service.deploy(read="sick")
    assert (answer["outcome"], answer["cause"]) == ("reverted", "release")
    assert (service.said, service.count("starts"), service.count("reloads")) == ("1", 1, 2)


def test_reload_that_fails_speaks_against_the_release_and_the_way_back_restarts(
    host: Host, tmp_path: pathlib.Path
) -> None:
    service = Reloads(host, tmp_path)
    broken = ["/bin/sh", "-c", "echo reload >> $0; exit 3", str(tmp_path / "reloads")]
    service.deploy(reload=broken)
    host.ask("confirm", deployment=1)
    answer = service.deploy(reload=broken, read="11")
    assert (answer["outcome"], answer["cause"], "exit code 3" in answer["reason"]) == ("reverted", "release", True)
    assert (service.said, service.count("starts"), service.count("reloads")) == ("1", 2, 2)


def test_reload_that_does_not_end_is_ended(host: Host, tmp_path: pathlib.Path) -> None:
    service = Reloads(host, tmp_path)
    slow = ["/bin/sh", "-c", "sleep 3600"]
    for number, read in ((1, "1"), (2, "11")):
        assert service.stage(reload=slow, read=read) == number
        directory = host.instance.disk.path("deployments", str(number), "profile", "profile.json")
        rendered = json.loads(directory.read_text())
        rendered["runtime"]["service"]["reload_timeout"] = 0.2
        directory.write_text(json.dumps(rendered))
        host.seal(number)
    host.ask("activate", deployment=1)
    host.ask("confirm", deployment=1)
    answer = host.ask("activate", deployment=2)
    assert (answer["outcome"], "no end within 0.2 s" in answer["reason"]) == ("reverted", True)


def test_profile_that_cannot_be_read_means_a_restart(service: Reloads) -> None:
    service.stage(read="11")
    service.host.instance.disk.path("deployments", "2", "profile", "profile.json").write_text("{")
    assert action(service.host.instance, 1, 2) == "restart"


def test_reload_that_nobody_knows_is_refused_when_the_release_is_staged(host: Host, tmp_path: pathlib.Path) -> None:
    package = Package("1", templates=TEMPLATES)
    rendered = packed({"read.conf": b"1"}, service={"driver": "command", "command": ["/bin/true"]})
    with pytest.raises(InputError) as caught:
        host.ask("stage", payload=package.payload(), manifest=package.manifest.to_dict(), profile=rendered)
    assert caught.value.code == "service-reload-missing"


def test_manifest_without_it_is_the_same_as_before_it_was_known() -> None:
    manifest = Package("1", templates=(Template("a.j2", "a"),)).manifest.to_dict()
    assert manifest["config"]["templates"] == [{"source": "a.j2", "destination": "a", "mode": "0640"}]
    declared = Package("1", templates=TEMPLATES).manifest
    assert Manifest.from_dict(declared.to_dict()) == declared
    assert digest_of(declared.to_bytes()) == declared.digest


def test_what_is_no_answer_to_a_change_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        Template.from_dict({"source": "a.j2", "destination": "a", "on_change": "reboot"})
    assert caught.value.code == "on-change-unknown"
