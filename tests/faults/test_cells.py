# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which cells there are, and which of them are the sample."""

from __future__ import annotations

import dataclasses

import pytest

from tests.faults.boundaries import CONTROLLER, HOST, Boundary, Recording
from tests.faults.cells import FAULTS, Cell, cells, sample
from tests.faults.injection import ENDS, STRIKES

BOUNDARIES = (
    *(Boundary(HOST, f"stage/disk.write#{number}/before", number) for number in range(10)),
    *(Boundary(HOST, f"activate/step-{number}/before", 10 + number) for number in range(10)),
    *(Boundary(CONTROLLER, f"rollout_verdict#{number}/registry.renew/before", 20 + number) for number in range(10)),
    *(Boundary(CONTROLLER, f"task:Do {number}/before", 30 + number) for number in range(10)),
)
RECORDING = Recording("h1", BOUNDARIES, started=14.5, judged=15.5, confirmed=18.5, merged=0)


def of(fault: str) -> list[float]:
    """The times at which the fault strikes."""
    return [cell.boundary.time for cell in cells(RECORDING)[0] if cell.fault == fault]


@pytest.mark.parametrize("fault", [name for name, kind in FAULTS.items() if not kind.of_release])
def test_what_befalls_hosts_and_controllers_may_strike_anywhere(fault: str) -> None:
    assert len(of(fault)) == len(BOUNDARIES)


def test_what_a_release_is_like_shows_when_it_can() -> None:
    assert max(of("service-will-not-start")) == 14
    assert min(of("appends-to-own-file")) == 15
    assert of("dies-after-probes") == [16, 17, 18]


def test_what_cannot_occur_is_counted() -> None:
    found, left_out = cells(RECORDING)
    assert len(found) + left_out == len(BOUNDARIES) * len(FAULTS)
    assert left_out == 25 + 15 + 37


def test_every_fault_can_be_done_and_what_is_not_of_the_release_ends() -> None:
    assert set(STRIKES) == set(FAULTS)
    assert set(ENDS) == {name for name, kind in FAULTS.items() if not kind.of_release} - {"controller-killed"}


def test_the_sample_has_every_fault_and_every_verb() -> None:
    chosen = sample(cells(RECORDING)[0], 12)
    assert len(chosen) == 12
    assert {cell.fault for cell in chosen} == set(FAULTS)
    assert {cell.boundary.verb.partition(":")[0] for cell in chosen} == {"stage", "activate", "rollout_verdict", "task"}


def test_the_sample_is_the_same_wherever_and_however_fast_it_is_made() -> None:
    found = cells(RECORDING)[0]
    later = [Cell(dataclasses.replace(cell.boundary, time=cell.boundary.time + 1000), cell.fault) for cell in found]
    chosen = [cell.id for cell in sample(found, 14)]
    assert chosen == [cell.id for cell in sample(later, 14)]
    assert chosen == [cell.id for cell in found if cell.id in chosen]


def test_a_new_boundary_changes_little_of_the_sample() -> None:
    more = dataclasses.replace(RECORDING, boundaries=(*BOUNDARIES, Boundary(HOST, "stage/new/before", 9.5)))
    before, after = ({cell.id for cell in sample(cells(each)[0], 14)} for each in (RECORDING, more))
    assert len(before - after) <= len(FAULTS)


def test_a_sample_of_all_is_all() -> None:
    found = cells(RECORDING)[0]
    assert sample(found, len(found)) == found
