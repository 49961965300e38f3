# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host may say to the controller: the words of the engine, and nothing that steers Ansible."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._model.wire import MARK
from ansible_collections.relmgmt.release.plugins.plugin_utils._host_link import HostAction, Request, _known, _place

HONEST = {"outcome": "staged", "changed": True, "deployment": 3, "reason": "", "diff": {"before": {}, "after": {}}}


def test_an_honest_answer_comes_through_as_it_is() -> None:
    assert _known(HONEST) == HONEST


@pytest.mark.parametrize(
    "key", ["add_host", "add_group", "ansible_facts", "skipped", "failed", "_ansible_no_log", "invocation", "warnings"]
)
def test_what_would_steer_ansible_is_dropped(key: str) -> None:
    assert (
        _known({**HONEST, key: {"host_name": "other", "host_vars": {"ansible_ssh_executable": "/tmp/evil"}}}) == HONEST
    )


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "fine"},
        {"outcome": None},
        {"deployment": "3"},
        {"changed": "yes"},
        {"reason": ["x"]},
        {"diff": []},
        {"cause": "the weather"},
    ],
)
def test_an_answer_in_another_form_is_refused(change: dict[str, t.Any]) -> None:
    with pytest.raises(ValueError):
        _known({**HONEST, **change})


class Wire:
    """What would be handed to a connection."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.command, self.data, self.options = "", b"", dict[str, t.Any]()
        action = HostAction.__new__(HostAction)
        action._task = types.SimpleNamespace(check_mode=False, diff=True)
        action._templar = types.SimpleNamespace(template=lambda text: text)
        monkeypatch.setattr(action, "_low_level_execute_command", self._execute)
        self.action = action

    def _execute(self, command: str, *, in_data: bytes, **options: t.Any) -> dict[str, t.Any]:
        self.command, self.data, self.options = command, in_data, options
        return {"rc": 0, "stdout": MARK + '{"result": {}}'}


@pytest.mark.parametrize("interpreter", ["auto", "/usr/bin/python3.11"])
def test_a_request_goes_over_standard_input_alone(monkeypatch: pytest.MonkeyPatch, interpreter: str) -> None:
    wire = Wire(monkeypatch)
    secret = "hunter2-CANARY"
    request = Request("stage", {"profile": {"files": [secret]}})
    wire.action._send(request, f"payload {secret}".encode(), {"ansible_python_interpreter": interpreter})
    assert wire.data.count(secret.encode()) == 2
    assert wire.command and secret not in wire.command + repr(wire.options)


@pytest.mark.parametrize(
    "change, place",
    [
        ({}, "/srv/relmgmt/web/shop/main"),
        ({"package": ""}, ""),
        ({"instance": None}, ""),
        ({"root": "/srv\n/etc"}, ""),
    ],
)
def test_a_request_about_an_instance_says_where_the_engine_may_lie_compiled(
    change: dict[str, t.Any], place: str
) -> None:
    assert _place({"root": "/srv/relmgmt", "package": "web/shop", "instance": "main", **change}) == place
