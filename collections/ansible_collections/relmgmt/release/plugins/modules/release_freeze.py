# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_freeze
short_description: Let no way lead behind a deployment any more
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    For the point of no return: a database is going to be changed in a way that nothing takes back, and what ran before
    does not know it so.
  - >-
    From then on the host is never switched to an earlier deployment, not by M(relmgmt.release.release_revert), nor by
    itself. A deployment that is not healthy stays, out of traffic, and the host goes on trying to bring it up; one that
    nobody confirms in time becomes final by itself if it is healthy.
  - >-
    A host that does not yet run the deployment stays on what it runs until it is activated.
  - >-
    A host that is frozen at a later deployment already stays so.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.host
options:
  deployment:
    description: Number of the deployment. Needed with O(state=present).
    type: int
  reason:
    description: Why; the host shows it to whoever wants to go back, and keeps it in its journal.
    type: str
    required: true
  state:
    description: >-
      V(absent) lets ways lead everywhere again, which is right only after the databases were restored to what they were
      before.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Let nothing lead back any more
  relmgmt.release.release_freeze:
    package: calendar/radicale
    deployment: "{{ staged.deployment }}"
    reason: version 3.9.0 drops the table of the old events
"""

RETURN = r"""
outcome:
  description: What the host is now, V(frozen) or V(thawed).
  returned: always
  type: str
  sample: frozen
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
deployment:
  description: Number of the deployment that nothing leads behind any more, or that it was until now; 0 for none.
  returned: when the host answered
  type: int
  sample: 3
"""
