# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever strikes a verb, wherever: left alone, the host ends on N or N-1, healthy, and stays there."""

from __future__ import annotations

import pytest

from .explore import Explorer
from .scenarios import SCENARIOS


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if not scenario.nightly])
def test_a_host_that_is_struck_anywhere_ends_on_n_or_n_minus_one(name: str) -> None:
    explorer = Explorer(SCENARIOS[name].before(), SCENARIOS[name].act, all_losses=False)
    explorer.explore(depth=1)
    assert explorer.ways > 20
