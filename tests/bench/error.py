# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ends a run of the benchmark."""

from __future__ import annotations

__all__ = ["BenchError"]


class BenchError(Exception):
    """Something did not do what is being measured, so that its figure would mean nothing."""
