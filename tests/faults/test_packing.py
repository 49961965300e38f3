# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which cells share a rollout, and whom they strike."""

from __future__ import annotations

import collections

import pytest

from tests.faults.boundaries import CONTROLLER, HOST, Boundary, Recording, Stand
from tests.faults.cells import cells
from tests.faults.packing import Trial, alone, pack

BOUNDARIES = (
    *(Boundary(HOST, f"stage/disk.write#{number}/before", number) for number in range(10)),
    *(Boundary(HOST, f"activate/step-{number}/before", 10 + number) for number in range(10)),
    *(Boundary(CONTROLLER, f"rollout_verdict#{number}/registry.renew/before", 20 + number) for number in range(10)),
)
CANARY = [Stand(0, f"c{number}", 14.5, 15.5, 22.5) for number in range(4)]
REST = [Stand(1, f"r{number:02}", 24.5, 25.5, 28.5) for number in range(16)]
RECORDING = Recording((*CANARY, *REST), BOUNDARIES, merged=0)
CELLS = cells("canary", RECORDING)[0]


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    return pack(CELLS, RECORDING)


def test_every_cell_is_in_one_trial(trials: list[Trial]) -> None:
    assert sorted(cell.id for trial in trials for cell in trial.cells) == sorted(cell.id for cell in CELLS)


def test_each_cell_has_a_victim_of_its_own_that_it_can_strike(trials: list[Trial]) -> None:
    for trial in trials:
        ranks = [rank for rank in trial.victims.values() if rank is not None]
        assert len(ranks) == len(set(ranks))
        assert all(rank in cell.victims(RECORDING) for cell, rank in trial.victims.items() if rank is not None)


def test_in_every_wave_of_several_hosts_one_stays_well(trials: list[Trial]) -> None:
    for trial in trials:
        waves = collections.Counter(RECORDING.stands[rank].wave for rank in trial.victims.values() if rank is not None)
        assert waves[0] <= 3 and waves[1] <= 12


def test_a_trial_is_as_full_as_it_can_be(trials: list[Trial]) -> None:
    strikes = [len(trial.cells) for trial in trials if not trial.kills and not trial.as_root]
    assert max(strikes) == 15
    assert len(strikes) <= 1 + -(-sum(strikes) // 12)


def test_the_death_of_the_controller_shares_a_trial_only_with_its_own_kind(trials: list[Trial]) -> None:
    for trial in trials:
        if trial.kills:
            assert {cell.fault for cell in trial.cells} == {"controller-killed"}
            held = {(cell.boundary.place, cell.boundary.verb) for cell in trial.cells}
            assert len(held) == 1
            assert len(trial.cells) == 1 or held.pop()[0] == HOST


def test_hosts_that_are_held_for_one_death_are_of_one_wave(trials: list[Trial]) -> None:
    for trial in trials:
        if trial.kills:
            assert len({RECORDING.stands[rank].wave for rank in trial.victims.values() if rank is not None}) <= 1


def test_releases_that_run_as_root_are_among_themselves(trials: list[Trial]) -> None:
    for trial in trials:
        assert len({cell.fault == "appends-to-own-file" for cell in trial.cells}) == 1


def test_the_trials_are_the_same_whatever_the_order_of_the_cells(trials: list[Trial]) -> None:
    assert [trial.victims for trial in pack(reversed(CELLS), RECORDING)] == [trial.victims for trial in trials]


def test_the_only_host_of_a_wave_is_struck_in_a_trial_with_no_other_cell() -> None:
    recording = Recording((Stand(0, "c", 14.5, 15.5, 22.5), *REST), BOUNDARIES, merged=0)
    only = [cell for cell in cells("canary", recording)[0] if cell.victims(recording) == [0]]
    found = {trial.id: trial for trial in pack(cells("canary", recording)[0], recording)}
    assert only
    assert all(found[cell.id].victims == {cell: 0} for cell in only)


def test_a_cell_alone_strikes_the_first_that_it_can() -> None:
    by_id = {cell.id: cell for cell in CELLS}
    late = by_id["canary/controller/rollout_verdict#6/registry.renew/before:dies-after-probes"]
    killed = by_id["canary/controller/rollout_verdict#6/registry.renew/before:controller-killed"]
    assert alone(late, RECORDING).victims == {late: 4}
    assert alone(killed, RECORDING).victims == {killed: None}
