# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random lives of a host, always the same ones; ``make crash`` leads other ones, and more."""

from __future__ import annotations

import pytest

pytest.importorskip("hypothesis", reason="random lives need hypothesis")

from hypothesis import HealthCheck, settings

from .machine import Life

TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=70,
    stateful_step_count=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
