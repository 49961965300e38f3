# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evidence: signed statements about the way from one release to another, and who may sign them (private).

So far there is one kind, the rehearsal. ``statement`` says what it holds, ``envelope`` signs and verifies, ``signing``
holds the key that the registry trusts, ``ledger`` stores and finds.
"""

from __future__ import annotations

from .ledger import Found, Rule, find, store
from .signing import ready_signer, signer
from .statement import ABSENT, CONTROLLER, Phase, Rehearsal

__all__ = ["ABSENT", "CONTROLLER", "Found", "Phase", "Rehearsal", "Rule", "find", "ready_signer", "signer", "store"]
