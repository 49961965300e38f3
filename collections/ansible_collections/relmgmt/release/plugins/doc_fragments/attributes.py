# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every verb says of itself."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes, to be extended section by section."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed, or possibly needs changing, when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates
      no change.
    support: full
  action_group:
    description: Use C(group/relmgmt.release.release) in C(module_defaults) to set defaults for all verbs.
    support: full
    membership:
      - relmgmt.release.release
"""

    CONTROLLER = r"""
options: {}
attributes:
  action:
    description: Runs as an action plugin, on the controller.
    support: full
"""
