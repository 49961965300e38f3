# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the machine has found, each in its smallest form."""

from __future__ import annotations

import pytest

from .play import Play
from .strikes import Strike
from .world import SICK, World

MOST_STEPS = 40


def final(play: Play) -> int:
    number = play.stage()
    play.activate(number)
    play.confirm()
    return number


def provisional(play: Play) -> int:
    number = play.stage()
    play.activate(number)
    return number


@pytest.mark.parametrize("tail", [bytes(20) + b'"}\n', b'{"event": "' + bytes(9) + b"\n"])
def test_a_line_of_which_pieces_were_lost_counts_as_not_written(tail: bytes) -> None:
    play = Play()
    final(play)

    def tear(world: World) -> None:
        disk = world.instance().disk
        disk.write((disk.read("journal") or b"") + tail, "journal")

    play.world.attempt(lambda: tear(play.world))
    assert play.history.current == 1
    assert final(play) == 2


@pytest.mark.parametrize("at", range(MOST_STEPS))
def test_a_host_that_went_into_traffic_twice_stays_there_when_the_power_fails(at: int) -> None:
    play = Play()
    provisional(play)
    play.confirm(Strike(at))
    play.power_fails()


@pytest.mark.parametrize("at", range(MOST_STEPS))
def test_a_confirmation_that_was_answered_the_second_time_is_there_to_stay(at: int) -> None:
    play = Play(traffic=False)
    provisional(play)
    play.confirm(Strike(at, verb=True))
    play.confirm()
    play.power_fails()
    assert play.model.stand.current == 1


@pytest.mark.parametrize("at", range(MOST_STEPS))
def test_a_host_that_left_traffic_twice_stays_out_of_it_when_the_power_fails(at: int) -> None:
    play = Play(units=False)
    final(play)
    play.turns(1, SICK)
    play.activate(1, Strike(at, verb=True))
    play.power_fails(Strike(MOST_STEPS, verb=True))


def test_the_way_back_leads_to_what_was_confirmed() -> None:
    play = Play()
    final(play)
    provisional(play)
    play.activate(play.stage(SICK))
    assert play.model.stand.current == 1
    provisional(play)
    play.activate(1)
    assert (play.model.stand.current, play.model.stand.provisional) == (1, False)


def test_a_provisional_host_that_somebody_took_into_traffic_still_has_to_be_confirmed() -> None:
    play = Play()
    provisional(play)
    play.world.attempt(lambda: play.world.instance().disk.write(b"ready\n", "traffic"))
    play.activate(1)
    assert play.history.deadline is not None
