# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Release packages: built from ``release.yml``, kept as OCI image layouts, unpacked (private)."""

from __future__ import annotations

from . import version
from .build import Built, build
from .layout import Layout
from .limits import LIMITS, Limits
from .unpack import unpack

__all__ = ["LIMITS", "Built", "Layout", "Limits", "build", "unpack", "version"]
