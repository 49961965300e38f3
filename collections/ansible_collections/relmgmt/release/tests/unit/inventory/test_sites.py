# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin as Ansible runs it, on each ansible-core that is supported."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader

from ansible_collections.relmgmt.release.plugins.inventory.sites import InventoryModule
from ansible_collections.relmgmt.release.plugins.plugin_utils._registry import DeploymentRow, Registry, RolloutRow

COLLECTIONS = pathlib.Path(__file__).parents[6]
FLEET: dict[str, t.Any] = {
    "plugin": "relmgmt.release.sites",
    "packages": ["team/app"],
    "environments": {"prod": {"versions": {"team/app": "1.0"}, "vars": {"of_environment": "file"}}},
    "vars": {"of_all": "{{ 1 + 1 }}"},
    "sites": {
        "berlin": {
            "environment": "prod",
            "packages": ["team/app"],
            "vars": {"of_site": "file", "list": ["{{ 2 + 2 }}"]},
            "hosts": {
                "a": {"address": "192.0.2.1", "vars": {"own": "file"}},
                "b": {"address": "192.0.2.2", "vars": {"own": "file"}},
            },
        }
    },
}


SHOWN = ["of_all", "of_site", "of_environment", "list", "own", "computed", "ansible_host", "relmgmt_site"]
SHOWN += ["relmgmt_environment", "relmgmt_packages"]


def ask(path: pathlib.Path) -> tuple[dict[str, dict[str, t.Any]], str]:
    """The variables of every host as a task sees them, and what was said besides."""
    message = "{{ " + str(SHOWN) + " | map('extract', vars) | list }}".replace("vars", "hostvars[inventory_hostname]")
    command = [str(pathlib.Path(sys.executable).with_name("ansible")), "-i", str(path), "all", "-m", "debug"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(path.parent),
        "ANSIBLE_HOME": str(path.parent / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "COLUMNS": "1000",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        [*command, "-a", f"msg={message}"], capture_output=True, text=True, env=environment, check=False, timeout=300
    )
    found = re.findall(r"^(\w+) \| SUCCESS => (\{.*?^\})", done.stdout, flags=re.MULTILINE | re.DOTALL)
    hosts = {host: dict(zip(SHOWN, json.loads(text)["msg"], strict=True)) for host, text in found}
    return hosts, bare(done.stdout + done.stderr)


def bare(text: str) -> str:
    """Without white space: where warnings are wrapped differs."""
    return "".join(text.split())


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    made = tmp_path / "inventory" / "fleet.sites.yml"
    made.parent.mkdir()
    made.write_text(yaml.safe_dump(FLEET, sort_keys=False))
    return made


def test_variables_of_files_win_and_templates_stay_text(path: pathlib.Path) -> None:
    for name, content in {
        "group_vars/site_berlin.yml": {"of_site": "group_vars", "computed": "{{ 3 + 3 }}"},
        "group_vars/env_prod.yml": {"of_environment": "group_vars"},
        "host_vars/a.yml": {"own": "host_vars", "relmgmt_packages": {}},
    }.items():
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).write_text(yaml.safe_dump(content))
    hosts, said = ask(path.parent)
    both = {
        "of_all": "{{ 1 + 1 }}",
        "of_site": "group_vars",
        "of_environment": "group_vars",
        "list": ["{{ 2 + 2 }}"],
        "relmgmt_site": "berlin",
        "relmgmt_environment": "prod",
    }
    assert {host: str(shown.pop("computed")) for host, shown in hosts.items()} == {"a": "6", "b": "6"}
    assert hosts == {
        "a": {**both, "own": "host_vars", "ansible_host": "192.0.2.1", "relmgmt_packages": {}},
        "b": {**both, "own": "file", "ansible_host": "192.0.2.2", "relmgmt_packages": {"team/app": {"main": "1.0"}}},
    }
    assert bare("vars.of_all: looks like a template and stays text") in said


def test_a_file_with_a_mistake_adds_no_host_and_says_its_line(path: pathlib.Path) -> None:
    path.write_text(path.read_text().replace("environment: prod", "environment: prd"))
    hosts, said = ask(path)
    assert hosts == {}
    assert f"{path}:{path.read_text().splitlines().index('    environment: prd') + 1}:" in said
    assert bare("the environment 'prd' is unknown, did you mean 'prod'?") in said


def read(*paths: pathlib.Path) -> t.Any:
    """The inventory of these files."""
    inventory = InventoryData()
    for path in paths:
        plugin = InventoryModule()
        assert plugin.verify_file(str(path))
        plugin.parse(inventory, DataLoader(), str(path))
    return inventory


def test_only_files_of_its_name_are_its_own(path: pathlib.Path) -> None:
    other = path.with_name("fleet.yml")
    other.write_text(path.read_text())
    assert not InventoryModule().verify_file(str(other))
    assert not InventoryModule().verify_file(str(path.with_name("missing.sites.yml")))


def test_a_host_that_another_file_has_at_another_site_is_refused(path: pathlib.Path) -> None:
    other = path.with_name("more.sites.yml")
    more = {**FLEET, "sites": {"paris": {**FLEET["sites"]["berlin"], "hosts": {"b": {}, "c": {}}}}}
    other.write_text(yaml.safe_dump(more, sort_keys=False))
    with pytest.raises(AnsibleParserError, match="b is at berlin too, by another source of this inventory"):
        read(path, other)
    more["sites"]["paris"]["hosts"] = {"c": {}}
    other.write_text(yaml.safe_dump(more, sort_keys=False))
    assert sorted(read(path, other).hosts) == ["a", "b", "c"]


def test_what_the_registry_knows_is_an_inventory(path: pathlib.Path) -> None:
    with Registry.open(str(path.parent / "registry.db")) as registry:
        about: dict[str, t.Any] = {
            "kind": "rollout",
            "version": "2",
            "digest": "",
            "strategy": "canary",
            "plan": {},
            "token": 1,
        }
        registry.begin_rollout(RolloutRow("r1", package="team/app", environment="prod", instance="main", **about))
        registry.record_deployment("r1", DeploymentRow("a", "berlin", 0, "1", "2", "confirmed"))
    path.write_text("plugin: relmgmt.release.sites\nregistry: registry.db\nvars: {seen: true}\n")
    inventory = read(path)
    assert inventory.hosts["a"].vars["relmgmt_packages"] == {"team/app": {"main": "2"}}
    names = {group.name for group in inventory.hosts["a"].groups}
    assert {"env_prod", "package_team_app", "site_berlin"} <= names
    assert inventory.groups["sites"].vars == {"seen": True}
    path.write_text(path.read_text() + "sites: {berlin: {hosts: {}}}\n")
    with pytest.raises(AnsibleParserError, match="sites and registry are both there"):
        read(path)
