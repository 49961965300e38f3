# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One way back: N is provisional, its controller is gone, something goes wrong, and the host is watched."""

from __future__ import annotations

import collections.abc
import time
import typing as t

from .site import AFTER, BEFORE, UNIT, Place

__all__ = ["CAUSES", "Sample", "prepare", "round_trip"]

_PATIENCE = 120.0
_LOOK, _CLOSELY = 0.02, 0.002
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
    _until(lambda: place.seen() == BEFORE, f"{place.host.name} serves N-1")


def round_trip(place: Place, cause: str) -> Sample:
    """Activate N, let it go wrong, and measure.

    Raises:
        TimeoutError: it did not come back.
    """
    bring, timeout = CAUSES[cause]
    place.activate(AFTER, confirm_timeout=timeout)
    journal = place.journal
    known = journal.stat().st_size
    bring(place)
    _until(lambda: journal.stat().st_size > known, f"{place.host.name} decides to go back", look=_CLOSELY)
    decided = time.monotonic()
    _until(lambda: place.seen() == BEFORE, f"{place.host.name} serves N-1 again")
    served = time.monotonic()
    place.host.path(_SICK).unlink(missing_ok=True)
    shown = place.host.run("systemctl", "show", "-P", "ExecMainStartTimestampMonotonic", UNIT).stdout
    _until(lambda: place.events()[-1]["event"] == "serving", f"{place.host.name} is at rest")
    return Sample(cause, place.host.name, int(shown) / 1e6 - decided, served - decided)


def _until(condition: collections.abc.Callable[[], bool], what: str, *, look: float = _LOOK) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {_PATIENCE:g} s: {what}")
        time.sleep(look)
