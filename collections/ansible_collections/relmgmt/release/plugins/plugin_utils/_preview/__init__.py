# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preview of a rollout, a rollback or a rehearsal: what it would do, how long it takes, what forbids it (private).

``preview`` makes it as data, from a plan and from what the hosts say; ``shown`` writes it down for people.
"""

from __future__ import annotations

from .preview import Joined, preview
from .shown import FORMATS
from .sights import Said, Sight, see
from .ticket import require_form, write

__all__ = ["FORMATS", "Joined", "Said", "Sight", "preview", "require_form", "see", "write"]
