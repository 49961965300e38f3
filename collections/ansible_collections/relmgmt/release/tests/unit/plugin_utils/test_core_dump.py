# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import subprocess
import sys

SCRIPT = """
import resource
from ansible_collections.relmgmt.release.plugins.plugin_utils._core_dump import no_core_dump
no_core_dump()
print(resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def test_a_process_that_holds_secrets_leaves_no_core_dump() -> None:
    root = pathlib.Path(__file__).resolve().parents[6]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"
