# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets from Vault and OpenBao: the face of the store (private)."""

from __future__ import annotations

from .leases import Kept, give_back, renew
from .provider import Vault

__all__ = ["Kept", "Vault", "give_back", "renew"]
