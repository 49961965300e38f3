# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_prune
short_description: Remove releases that a host no longer needs
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Keeps the current deployment, the one that it can go back to, those staged after it, one behind which no way leads
    back, O(keep) further confirmed ones, those that O(keep_days) protects, and the host engines that these and the
    host's units name.
  - >-
    State directories are never touched.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.host
options:
  keep:
    description: How many further confirmed deployments to keep.
    type: int
    default: 1
  keep_days:
    description:
      - Also keep every confirmed deployment that was staged or left within so many days, by the clock of the host.
      - V(0) keeps none for its age. Age never removes anything that O(keep) or the way back needs.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Keep the current release and what it can go back to
  relmgmt.release.release_prune:
    package: calendar/radicale
    keep: 0
"""

RETURN = r"""
outcome:
  description: What happened on the host.
  returned: always
  type: str
  sample: confirmed
reason:
  description: Why, where there is something to say.
  returned: always
  type: str
  sample: ""
code:
  description: Stable identifier of the error.
  returned: when the host refused or could not be reached
  type: str
  sample: host-unreachable
removed:
  description: What was removed, relative to the instance's directory.
  returned: when the host answered
  type: list
  elements: str
  sample: [deployments/1, releases/3.8.3-1c2d3e4f]
kept:
  description: Numbers of the deployments that stay.
  returned: when the host answered
  type: list
  elements: int
  sample: [2, 3]
"""
