# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One way back: N is provisional, its controller is gone, something goes wrong, and the host is watched."""

from __future__ import annotations

import collections.abc
import functools
import time
import typing as t

from tests.testbed import wait_for

from .site import AFTER, BEFORE, UNIT, Place

__all__ = ["CAUSES", "Sample", "prepare", "round_trip"]

_PATIENCE = 120.0  # seconds
_CLOSELY = 0.002  # seconds between two looks at what is measured
_until = functools.partial(wait_for, seconds=_PATIENCE, look=0.02)
_SICK = f"/run/sick-{AFTER}"
_UNCONFIRMED = 3.0  # seconds


class Sample(t.NamedTuple):
    """Seconds from the guard's decision, as the journal has it, until N-1 was started, and until the load balancer's
    users got it."""

    cause: str
    host: str
    started: float
    served: float


def _die(place: Place) -> None:
    place.host.run("systemctl", "kill", "--signal=KILL", UNIT)


def _turn_red(place: Place) -> None:
    place.host.path(_SICK).touch()


def _wait(_place: Place) -> None:
    """Nobody confirms."""


# What is done, and how long N may stay provisional.
CAUSES: dict[str, tuple[collections.abc.Callable[[Place], None], float]] = {
    "N dies": (_die, _PATIENCE),
    "a probe of N turns red": (_turn_red, _PATIENCE),
    "nobody confirms N": (_wait, _UNCONFIRMED),
}


def prepare(place: Place) -> None:
    """N-1 is confirmed, and in traffic."""
    number = place.activate(BEFORE)
    place.ask("confirm", deployment=number)
    _until(f"{place.host.name} serves N-1", lambda: place.seen() == BEFORE)


def round_trip(place: Place, cause: str) -> Sample:
    """Activate N, let it go wrong, and measure.

    Raises:
        BedError: it did not come back (``timeout``).
    """
    bring, timeout = CAUSES[cause]
    place.activate(AFTER, confirm_timeout=timeout)
    journal = place.journal
    known = journal.stat().st_size
    bring(place)
    _until(f"{place.host.name} decides to go back", lambda: journal.stat().st_size > known, look=_CLOSELY)
    decided = time.monotonic()
    _until(f"{place.host.name} serves N-1 again", lambda: place.seen() == BEFORE)
    served = time.monotonic()
    place.host.path(_SICK).unlink(missing_ok=True)
    shown = place.host.run("systemctl", "show", "-P", "ExecMainStartTimestampMonotonic", UNIT).stdout
    _until(f"{place.host.name} is at rest", lambda: place.events()[-1]["event"] == "serving")
    return Sample(cause, place.host.name, int(shown) / 1e6 - decided, served - decided)
