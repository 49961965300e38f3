# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a host that is started anew, until it says what came of that (private)."""

from __future__ import annotations

import time
import typing as t

from ..module_utils._model.errors import BackendError, RelmgmtError

__all__ = ["NOT_BACK", "PASSING", "ask_when_back"]

NOT_BACK = "host-not-back"
PASSING = ("host-locked", "host-silent", "host-unreachable")  # codes of what may be over when it is asked again
_NOT_YET = (*PASSING, "host-rebooting")
_PAUSE = 1.0
T = t.TypeVar("T")


def ask_when_back(
    ask: t.Callable[[], T],
    *,
    seconds: float,
    clock: t.Callable[[], float] = time.monotonic,
    wait: t.Callable[[float], None] = time.sleep,
) -> T:
    """The answer of a host that goes down and comes back. ask: asks it, over a new connection.

    Raises:
        BackendError: it does not answer within that time (``host-not-back``).
        RelmgmtError: it is back, and refuses.
    """
    end = clock() + seconds
    while True:
        wait(_PAUSE)
        try:
            return ask()
        except RelmgmtError as exc:
            if exc.code not in _NOT_YET:
                raise
            why = exc.message
        if clock() >= end:
            raise BackendError(
                NOT_BACK,
                f"The host was started anew and is not back after {seconds:g} s: {why}",
                hint="When it is back and nobody confirms, it goes back by itself.",
            )
