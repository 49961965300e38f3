# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a load balancer is told, and the units by which systemd tells it. systemd only notes here what it is asked."""

from __future__ import annotations

import pathlib
import socket
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host import traffic_agent
from ansible_collections.relmgmt.release.plugins.module_utils._host.arming import DETACHED, SYSTEMD
from ansible_collections.relmgmt.release.plugins.module_utils._host.traffic_agent import AgentCheck, forget
from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import BackendError, RelmgmtError
from ansible_collections.relmgmt.release.plugins.module_utils._model.runtime import Traffic

from .engine import Host, Package, free_port
from .test_guard_systemd import Systemctl


class Agent:
    """An agent of an instance, and a systemd beside it."""

    def __init__(self, root: pathlib.Path) -> None:
        self.instance, self.units = root / "web/shop/main", root / "units"
        for directory in (self.instance, self.units):
            directory.mkdir(parents=True)
        self.systemctl = Systemctl()

    def of(self, **declared: t.Any) -> AgentCheck:
        traffic = Traffic.from_dict({"driver": "agent_check", "port": 9707, **declared})
        return AgentCheck(traffic, instance=self.instance, runner=self.systemctl, units=self.units)

    @property
    def answer(self) -> str:
        return (self.instance / "agent-9707").read_text()

    def unit(self, ending: str) -> str:
        (path,) = self.units.glob("*" + ending)
        return path.read_text()


@pytest.fixture
def agent(tmp_path: pathlib.Path) -> Agent:
    return Agent(tmp_path)


@pytest.fixture(autouse=True)
def systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic_agent, "kind_of_guard", lambda: SYSTEMD)


def test_in_traffic_it_is_ready_then_it_drains_and_then_nothing_comes(agent: Agent) -> None:
    driver = agent.of()
    driver.enter()
    assert (agent.answer, driver.inside()) == ("up ready\n", True)
    driver.leave()
    assert (agent.answer, driver.inside()) == ("drain\n", False)
    driver.leave()
    assert agent.answer == "drain\n"
    driver.close()
    assert agent.answer == "maint\n"
    driver.leave()
    assert agent.answer == "maint\n"


def test_what_was_never_in_traffic_does_not_drain(agent: Agent) -> None:
    agent.of().leave()
    assert agent.answer == "maint\n"


def test_in_traffic_nothing_is_closed(agent: Agent) -> None:
    driver = agent.of()
    driver.enter()
    driver.close()
    assert driver.inside()


@pytest.mark.parametrize(
    ("address", "listens"), [("", "9707"), ("192.0.2.7", "192.0.2.7:9707"), ("2001:db8::7", "[2001:db8::7]:9707")]
)
def test_systemd_answers_with_the_file_at_the_declared_address(agent: Agent, address: str, listens: str) -> None:
    agent.of(address=address).leave()
    assert f"ListenStream={listens}\nAccept=yes\n" in agent.unit(".socket")
    assert f"StandardInput=file:{agent.instance}/agent-9707\nStandardOutput=socket\n" in agent.unit("@.service")


def test_the_units_are_written_once(agent: Agent) -> None:
    agent.of().leave()
    assert [call.split()[0] for call in agent.systemctl.calls] == ["daemon-reload", "stop", "enable"]
    agent.systemctl.calls.clear()
    agent.of().leave()
    assert agent.systemctl.calls == []


def test_it_says_so_where_systemd_refuses_and_the_answer_is_right_all_the_same(agent: Agent) -> None:
    agent.of().enter()
    agent.systemctl.code = 1
    with pytest.raises(BackendError):
        agent.of(address="192.0.2.7").leave()
    assert agent.answer == "drain\n"


def test_with_the_instance_all_units_of_all_ports_go(agent: Agent) -> None:
    agent.of().leave()
    agent.of(port=9708).leave()
    (agent.units / "other.socket").write_text("")
    forget(agent.instance, agent.systemctl, units=agent.units)
    assert [path.name for path in agent.units.iterdir()] == ["other.socket"]
    agent.systemctl.calls.clear()
    forget(agent.instance, agent.systemctl, units=agent.units)
    assert agent.systemctl.calls == []


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ({"port": 0}, "traffic-port-missing"),
        ({"port": "ninety"}, "port-malformed"),
        ({"port": 65536}, "port-malformed"),
        ({"address": "shop.example"}, "traffic-address-malformed"),
    ],
)
def test_what_cannot_be_listened_on_is_refused(agent: Agent, declared: dict[str, t.Any], code: str) -> None:
    with pytest.raises(RelmgmtError) as caught:
        agent.of(**declared)
    assert caught.value.code == code


def test_a_port_that_somebody_else_has_is_refused_and_ones_own_is_not(agent: Agent) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RelmgmtError) as caught:
            agent.of(port=port).check()
        assert caught.value.code == "traffic-port-taken"
        agent.of(port=port).leave()
        agent.of(port=port).check()


def test_without_systemd_such_a_release_is_not_staged(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic_agent, "kind_of_guard", lambda: DETACHED)
    with pytest.raises(RelmgmtError) as caught:
        host.stage(Package("1.0.0"), traffic={"driver": "agent_check", "port": free_port()})
    assert caught.value.code == "traffic-needs-systemd"
