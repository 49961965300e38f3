# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns, versions, and what counts as converged."""

from __future__ import annotations

import pytest

from tests.bench.command import Command
from tests.bench.contestant import Contestant, check_unchanged, version_after
from tests.bench.course import turns
from tests.bench.error import BenchError
from tests.bench.sample import Phase
from tests.bench.trees import DJANGO

RECAP = """
PLAY RECAP *********************************************************************
h1                         : ok=9    changed=0    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0
h2                         : ok=9    changed={}    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0
"""


class Idle(Contestant):
    def __init__(self, name: str) -> None:
        self.name = name

    def command(self, phase: Phase) -> Command:
        return Command(("true",))

    def check(self, phase: Phase, output: str) -> None:
        """It does nothing."""

    def clean(self) -> None:
        """It leaves nothing."""


def test_each_begins_in_turn() -> None:
    contestants = [Idle(name) for name in "abc"]
    orders = ["".join(c.name for c in turns(contestants, repetition)) for repetition in range(4)]
    assert orders == ["abc", "bca", "cab", "abc"]


def test_the_new_version_runs_from_the_upgrade_to_the_revert() -> None:
    versions = [version_after(DJANGO, phase).number for phase in Idle("a").phases]
    assert versions == ["5.2.6", "5.2.7", "5.2.7", "5.2.7", "5.2.6"]


def test_a_re_run_that_changes_nothing_is_converged() -> None:
    check_unchanged(RECAP.format(0))


@pytest.mark.parametrize(("output", "reason"), [(RECAP.format(2), "h2"), ("ERROR!", "there is no recap")])
def test_a_re_run_that_changes_something_is_no_figure(output: str, reason: str) -> None:
    with pytest.raises(BenchError, match=reason):
        check_unchanged(output)
