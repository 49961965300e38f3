# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host answers a real HAProxy's agent-check, and whoever ends a drain gives the traffic back."""

from __future__ import annotations

import socket
import typing as t

import pytest

from tests.testbed import Bed, wait_for
from tests.wayback.measure import prepare
from tests.wayback.site import AFTER, AGENT, BALANCER, BEFORE, UNIT, Place, furnish

AMPLE = 120.0


@pytest.fixture(scope="module")
def bed() -> t.Iterator[Bed]:
    with Bed.up({BALANCER: "edge", "h1": "here"}, name="agent") as bed:
        yield bed


@pytest.fixture(scope="module")
def place(bed: Bed) -> Place:
    """N-1 is confirmed, and in traffic."""
    (place,) = furnish(bed)
    prepare(place)
    return place


def answer(place: Place) -> str:
    """What the host says to whoever asks."""
    with socket.create_connection((place.host.address, AGENT), timeout=AMPLE) as connection:
        return connection.makefile().read()


def in_traffic(place: Place, version: str) -> None:
    wait_for(f"traffic to {version}", lambda: place.seen() == version, seconds=AMPLE)
    assert answer(place) == "up ready\n"


def state(bed: Bed) -> str:
    """What HAProxy thinks of the host."""
    ask = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock'); "
    ask += "s.sendall(b'show stat\\n'); sys.stdout.write(s.makefile().read())"
    rows = [line.split(",") for line in bed.hosts[BALANCER].run("python3", "-c", ask).stdout.splitlines()]
    (status,) = (row[17] for row in rows if row[:2] == ["h1", "h1"])
    return status


def out_of_traffic(bed: Bed, place: Place) -> None:
    """The service is well, and yet nobody is sent to it."""
    assert answer(place) == "maint\n"
    assert place.host.run("systemctl", "is-active", UNIT).stdout == "active\n"
    wait_for("the load balancer taking it out", lambda: state(bed) == "MAINT", seconds=AMPLE)
    assert place.seen() == ""


def test_a_provisional_release_gets_no_requests_until_it_is_confirmed(bed: Bed, place: Place) -> None:
    number = place.activate(AFTER)
    out_of_traffic(bed, place)
    assert place.ask("confirm", deployment=number)["outcome"] == "confirmed"
    in_traffic(place, AFTER)
    assert place.ask("revert", deployment=number)["outcome"] == "reverted"
    in_traffic(place, BEFORE)


def test_a_revert_gives_the_traffic_back(bed: Bed, place: Place) -> None:
    number = place.activate(AFTER)
    out_of_traffic(bed, place)
    assert place.ask("revert", deployment=number)["outcome"] == "reverted"
    in_traffic(place, BEFORE)


def test_a_boot_gives_the_traffic_back(bed: Bed, place: Place) -> None:
    place.activate(AFTER)
    out_of_traffic(bed, place)
    place.host.power_off()
    place.host.power_on()
    in_traffic(place, BEFORE)


def test_with_the_last_deployment_nobody_answers_any_more(place: Place) -> None:
    first = min(event["deployment"] for event in place.events() if event["event"] == "staged")
    assert place.ask("revert", deployment=first)["to"] == 0
    units = "systemctl list-unit-files 'relmgmt-*' --no-legend | wc -l"
    wait_for("the end of the units", lambda: place.host.run("sh", "-c", units).stdout == "0\n", seconds=AMPLE)
    with pytest.raises(ConnectionRefusedError):
        answer(place)
