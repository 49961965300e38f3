# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets by reference: the face of the topic (private)."""

from __future__ import annotations

from .handed_out import hand_out, handed_out
from .reference import Reference, parse
from .resolve import PROVIDERS, Providers, attempt, bind, resolve, unreadable
from .secret import NOT_ISSUED, Access, Provider, Secret, Versioned
from .stores import read_stores
from .vault import Kept, Vault, give_back, renew

__all__ = [
    "NOT_ISSUED",
    "PROVIDERS",
    "Access",
    "Kept",
    "Provider",
    "Providers",
    "Reference",
    "Secret",
    "Vault",
    "Versioned",
    "attempt",
    "bind",
    "give_back",
    "hand_out",
    "handed_out",
    "parse",
    "read_stores",
    "renew",
    "resolve",
    "unreadable",
]
