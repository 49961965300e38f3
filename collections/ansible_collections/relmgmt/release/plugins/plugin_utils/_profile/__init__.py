# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles: the face of the topic (private)."""

from __future__ import annotations

from .configure import PREFIX, ConfigSecret, Configured, configure, needs_of, refuse, require_fit
from .encrypted import require_none_encrypted
from .exposed import require_no_secrets
from .keywords import keyword_problems, need_name
from .layers import merge_layers, sources
from .limits import Limits
from .render import Request, render
from .schema import Problem, check_schema, pointer

__all__ = [
    "PREFIX",
    "ConfigSecret",
    "Configured",
    "Limits",
    "Problem",
    "Request",
    "check_schema",
    "configure",
    "keyword_problems",
    "merge_layers",
    "need_name",
    "needs_of",
    "pointer",
    "refuse",
    "render",
    "require_fit",
    "require_no_secrets",
    "require_none_encrypted",
    "sources",
]
