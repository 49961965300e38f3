# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host's counters are read from."""

from __future__ import annotations

import pathlib
import subprocess
import types
import typing as t

from tests.bench.fleet import Fleet
from tests.bench.sample import HostCost
from tests.testbed import Bed


class Counting:
    """A host that tells one text after the other."""

    def __init__(self, name: str, texts: list[str]) -> None:
        self.name, self.site, self.address = name, "berlin", "10.0.0.1"
        self.asked: list[str] = []
        self._texts = texts

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        self.asked.append(words[-1])
        return subprocess.CompletedProcess(words, 0, self._texts.pop(0), "")


def fleet_of(*hosts: Counting) -> Fleet:
    bed = types.SimpleNamespace(hosts={host.name: host for host in hosts}, directory=pathlib.Path("/bed"))
    return Fleet(t.cast(Bed, bed))


def test_a_cost_is_the_difference_and_runs_are_counted_from_the_cursor() -> None:
    host = Counting("h1", ["100\n10\n500000\n0\ns=1;i=2\n", "1100\n15\n2000000\n4\ns=1;i=9\n"])
    fleet = fleet_of(host)
    before = fleet.read()
    assert fleet.costs(before) == {"h1": HostCost(runs=4, received=1000, sent=5, cpu=1.5)}
    assert host.asked == ["", "s=1;i=2"]


def test_variables_of_all_hosts_name_their_sites(tmp_path: pathlib.Path) -> None:
    fleet_of(Counting("h1", [])).write_variables(tmp_path / "all.yml", port=1)
    assert (tmp_path / "all.yml").read_text() == (
        "all:\n  hosts:\n    h1:\n      relmgmt_site: berlin\n  vars:\n    port: 1\n"
    )
