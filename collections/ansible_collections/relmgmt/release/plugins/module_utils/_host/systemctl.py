# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the engine speaks to systemd (private)."""

from __future__ import annotations

import pathlib

from .process import Completed, Runner

__all__ = ["TIMEOUT", "UNITS", "systemctl"]

TIMEOUT = 30.0
UNITS = pathlib.Path("/etc/systemd/system")


def systemctl(runner: Runner, *args: str, timeout: float = TIMEOUT) -> Completed:
    """Run systemctl so that it asks nobody and shows everything."""
    return runner.run(("systemctl", "--no-ask-password", "--no-pager", *args), timeout=timeout)
