# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Engines that nobody needs go with the releases that needed them; all others stay."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from ansible_collections.relmgmt.release.plugins.module_utils._host.engine_file import install
from ansible_collections.relmgmt.release.plugins.module_utils._host.engines import unneeded
from ansible_collections.relmgmt.release.plugins.module_utils._host.guard_systemd import name_of

from .engine import Host, Package

V1, V2 = Package("1.0.0"), Package("2.0.0")


@pytest.fixture
def old(host: Host) -> str:
    """The name of an engine that is not the newest."""
    host.instance.disk.make_directory()
    return install(host.instance, b"an old one").parent.name


def test_one_that_nothing_names_is_pruned(host: Host, old: str) -> None:
    newest = install(host.instance, b"engine").parent.name
    host.deploy(V1)
    assert host.ask("prune", keep=1, check=True)["removed"] == [f"bin/{old}"]
    assert host.ask("prune", keep=1)["removed"] == [f"bin/{old}"]
    assert host.instance.disk.names("bin") == sorted([newest, "relmgmt-host"])
    assert not host.ask("prune", keep=1)["changed"]


def test_the_newest_stays_though_nothing_names_it(host: Host, old: str) -> None:
    assert unneeded(host.instance, []) == []
    assert old in host.instance.disk.names("bin")


def test_one_that_a_capsule_names_stays_as_long_as_the_deployment(host: Host) -> None:
    host.deploy(V1)
    before = host.instance.disk.target("bin", "relmgmt-host").partition("/")[0]
    install(host.instance, b"a newer one")
    assert unneeded(host.instance, [1]) == []
    assert unneeded(host.instance, []) == [before]


@pytest.mark.parametrize("ending", ["", "-boot"])
def test_one_that_a_unit_names_stays(host: Host, old: str, tmp_path: pathlib.Path, ending: str) -> None:
    install(host.instance, b"engine")
    unit = tmp_path / f"{name_of(host.instance.path)}{ending}.service"
    unit.write_text(f'ExecStart="python3" "{host.instance.path}/bin/{old}/relmgmt-host.pyz" guard\n')
    assert unneeded(host.instance, [], units=tmp_path) == []


def test_one_that_a_process_runs_stays(host: Host, old: str) -> None:
    install(host.instance, b"engine")
    waits = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", waits, f"bin/{old}/relmgmt-host.pyz"], stdin=subprocess.PIPE) as guard:
        assert unneeded(host.instance, []) == []
        guard.communicate()
    assert unneeded(host.instance, []) == [old]
