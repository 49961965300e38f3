# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which cells there are, and which of them are the sample."""

from __future__ import annotations

import dataclasses

import pytest

from tests.faults.boundaries import CONTROLLER, HOST, Boundary, Recording, Stand
from tests.faults.cells import FAULTS, Cell, cells, sample
from tests.faults.injection import ENDS, STRIKES

BOUNDARIES = (
    *(Boundary(HOST, f"stage/disk.write#{number}/before", number) for number in range(10)),
    *(Boundary(HOST, f"activate/step-{number}/before", 10 + number) for number in range(10)),
    *(Boundary(CONTROLLER, f"rollout_verdict#{number}/registry.renew/before", 20 + number) for number in range(10)),
    *(Boundary(CONTROLLER, f"task:Do {number}/before", 30 + number) for number in range(10)),
)
STANDS = (Stand(0, "h1", started=14.5, judged=15.5, confirmed=18.5), Stand(1, "h2", 32.5, 33.5, 36.5))
RECORDING = Recording(STANDS, BOUNDARIES, merged=0)


def found(recording: Recording) -> list[Cell]:
    return cells("canary", recording)[0]


def of(fault: str) -> list[float]:
    """The times at which the fault strikes."""
    return [cell.boundary.time for cell in found(RECORDING) if cell.fault == fault]


@pytest.mark.parametrize("fault", [name for name, kind in FAULTS.items() if not kind.of_release])
def test_what_befalls_hosts_and_controllers_may_strike_anywhere(fault: str) -> None:
    assert len(of(fault)) == len(BOUNDARIES)


def test_what_a_release_is_like_shows_when_it_can() -> None:
    assert max(of("service-will-not-start")) == 32  # the second wave has not begun before that
    assert min(of("appends-to-own-file")) == 15
    assert of("dies-after-probes") == [16, 17, 18, 34, 35, 36]


def test_a_cell_strikes_those_hosts_whose_turn_it_is() -> None:
    by_id = {cell.id: cell for cell in found(RECORDING)}
    assert by_id["canary/host/activate/step-1/before:service-will-not-start"].victims(RECORDING) == [0, 1]
    assert by_id["canary/controller/rollout_verdict#3/registry.renew/before:service-will-not-start"].victims(
        RECORDING
    ) == [1]
    assert by_id["canary/controller/task:Do 5/before:dies-after-probes"].victims(RECORDING) == [1]


def test_what_cannot_occur_is_counted() -> None:
    possible, left_out = cells("canary", RECORDING)
    assert len(possible) + left_out == len(BOUNDARIES) * len(FAULTS)
    assert left_out == 12 + 15 + 34


def test_every_fault_can_be_done_and_what_is_not_of_the_release_ends() -> None:
    assert set(STRIKES) == set(FAULTS)
    assert set(ENDS) == {name for name, kind in FAULTS.items() if not kind.of_release} - {"controller-killed"}


def test_the_sample_has_every_fault_and_every_verb_of_a_host() -> None:
    chosen = sample(found(RECORDING), 12)
    assert len(chosen) == 12
    assert {cell.fault for cell in chosen} == set(FAULTS)
    assert {cell.boundary.verb for cell in chosen if cell.boundary.place == HOST} == {"stage", "activate"}
    assert {cell.boundary.place for cell in chosen} == {HOST, CONTROLLER}


def test_the_sample_is_the_same_wherever_and_however_fast_it_is_made() -> None:
    before = found(RECORDING)
    later = [
        dataclasses.replace(cell, boundary=dataclasses.replace(cell.boundary, time=cell.boundary.time + 1000))
        for cell in before
    ]
    chosen = [cell.id for cell in sample(before, 14)]
    assert chosen == [cell.id for cell in sample(later, 14)]
    assert chosen == [cell.id for cell in before if cell.id in chosen]


def test_a_new_boundary_changes_little_of_the_sample() -> None:
    more = dataclasses.replace(RECORDING, boundaries=(*BOUNDARIES, Boundary(HOST, "stage/new/before", 9.5)))
    before, after = ({cell.id for cell in sample(found(each), 14)} for each in (RECORDING, more))
    assert len(before - after) <= len(FAULTS)


def test_a_sample_of_all_is_all() -> None:
    possible = found(RECORDING)
    assert sample(possible, len(possible)) == possible
