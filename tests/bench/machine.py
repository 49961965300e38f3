# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine that the figures are from, without a name."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import platform

__all__ = ["describe"]


def describe() -> dict[str, str]:
    """Processor, memory, kernel, the versions that matter, and how busy it is already."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return {
        "processor": f"{os.cpu_count()} cores of {_processor()}",
        "memory": f"{memory:.0f} GiB",
        "load": f"load {os.getloadavg()[0]:.1f} when the run began",
        "kernel": f"Linux {'.'.join(platform.release().split('.')[:2])}",
        "python": f"Python {platform.python_version()}",
        "ansible-core": f"ansible-core {importlib.metadata.version('ansible-core')}",
    }


def _processor() -> str:
    """The processor's model, as the kernel knows it."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, separator, value = line.partition(":")
        if separator and name.strip() == "model name" and value.strip():
            return value.strip()
    return platform.machine()
