# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing import vault
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ansible_collections.relmgmt.release.plugins.module_utils._model.errors import InputError
from ansible_collections.relmgmt.release.plugins.plugin_utils._action import ControllerAction, plain

try:  # since ansible-core 2.19, where strings are templates only if their author is trusted
    from ansible.template import trust_as_template as template
except ImportError:
    template = str

TEXT = "{text: one, number: 3, ratio: 1.5, flag: true, nothing: null, list: [1, two], 2: key, date: 2026-11-21}"
PLAIN = (dict, list, str, int, float, bool, type(None))


def kinds(value: t.Any) -> set[type]:
    """The types of the value and of all that is in it."""
    inside = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {type(value)}.union(*map(kinds, inside))


def test_what_ansible_loads_becomes_plain(loader: t.Any) -> None:
    loaded = loader.load(TEXT)
    assert kinds(loaded["text"]) != {str}, "this core does not mark what it loads: the test shows nothing"
    made = plain(loaded)
    assert kinds(made) <= set(PLAIN)
    assert made == {
        "text": "one",
        "number": 3,
        "ratio": 1.5,
        "flag": True,
        "nothing": None,
        "list": [1, "two"],
        "2": "key",
        "date": "2026-11-21",
    }
    assert yaml.safe_load(yaml.safe_dump(made)) == made


def test_a_vaulted_value_is_decrypted(loader: t.Any) -> None:
    cipher = vault.VaultLib(loader._vault.secrets).encrypt("hunter2").decode()
    lines = "\n".join(f"  {line}" for line in cipher.splitlines())
    made = plain(loader.load(f"token: !vault |\n{lines}\n"))
    assert made == {"token": "hunter2"}
    assert kinds(made["token"]) == {str}


def test_templates_in_variables_are_resolved(loader: t.Any) -> None:
    inventory = InventoryManager(loader=loader, sources=["host,"])
    host = inventory.get_host("host")
    host.set_variable("port", 8080)
    host.set_variable("config", {"listen": [template("{{ port }}"), template("127.0.0.1:{{ port }}")]})
    variables = HostVars(inventory, VariableManager(loader=loader, inventory=inventory), loader)
    made = plain(variables["host"]["config"])
    assert str(made["listen"][0]) == "8080"
    assert made["listen"][1] == "127.0.0.1:8080"
    assert kinds(made) <= set(PLAIN)


def test_tuples_and_sets_become_lists_and_what_is_no_json_becomes_text() -> None:
    class Path:
        def __str__(self) -> str:
            return "/srv"

    assert plain({"a": (1, 2), "b": {3}, "c": Path()}) == {"a": [1, 2], "b": [3], "c": "/srv"}


def test_true_stays_true_and_does_not_become_one() -> None:
    assert plain([True, False, 1, 0.0]) == [True, False, 1, 0.0]
    assert [type(item) for item in plain([True, 1])] == [bool, int]


def test_an_error_is_shown_with_its_next_step_and_its_code() -> None:
    failure = ControllerAction.failure(InputError("target-empty", "no hosts", hint="Name some."))
    assert failure["msg"] == "no hosts. Name some." and failure["failed"] is True
    assert failure["code"] == "target-empty"
