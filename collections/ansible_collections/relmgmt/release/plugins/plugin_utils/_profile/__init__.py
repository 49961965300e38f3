# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles: the face of the topic (private)."""

from __future__ import annotations

from .configure import PREFIX, configure, refuse
from .exposed import require_no_secrets
from .layers import merge_layers, sources
from .limits import Limits
from .render import Request, render
from .schema import Problem, check_schema

__all__ = [
    "PREFIX",
    "Limits",
    "Problem",
    "Request",
    "check_schema",
    "configure",
    "merge_layers",
    "refuse",
    "render",
    "require_no_secrets",
    "sources",
]
