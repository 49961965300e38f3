# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alarm: say what somebody has to look at, where those who watch over hosts listen (private)."""

from __future__ import annotations

import sys
import syslog

from .arming import SYSTEMD, kind_of_guard

__all__ = ["alert"]


def alert(text: str) -> None:
    """Say it with the priority ``alert``: systemd reads that from the line, others are told by syslog."""
    if kind_of_guard() == SYSTEMD:
        text = f"<{syslog.LOG_ALERT}>{text}"
    else:
        syslog.openlog("relmgmt-host")
        syslog.syslog(syslog.LOG_ALERT, text)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
