# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real Debian hosts on one machine: see README.md."""

from __future__ import annotations

from .bed import Bed
from .errors import BedError
from .host import Host
from .system import wait_for

__all__ = ["Bed", "BedError", "Host", "wait_for"]
