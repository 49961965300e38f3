# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real server that keeps secrets."""

from __future__ import annotations

import collections.abc

import pytest

from . import bao


@pytest.fixture(scope="session")
def vault_server() -> collections.abc.Iterator[bao.Bao]:
    """One for all tests that do not stop it: each makes mounts and policies of names of its own."""
    if why := bao.problem():
        pytest.skip(f"NOT COVERED: secrets from Vault: {why}")
    with bao.server() as made:
        yield made
