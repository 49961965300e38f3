# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_hold
short_description: Let a provisional deployment stay so for longer
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Moves the moment at which the host leaves the deployment by itself, so that a person can look at it and decide. It
    is never moved beyond C(health.progress_deadline) of the release, counted from its activation.
  - >-
    Fails when the host has left the deployment meanwhile.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.host
options:
  deployment:
    description: Number of the deployment that was activated.
    type: int
    required: true
  seconds:
    description: How long it may stay provisional from now on.
    type: float
    required: true
  reason:
    description: Why, for the host's journal.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Look at it for an hour
  relmgmt.release.release_hold:
    package: calendar/radicale
    deployment: "{{ staged.deployment }}"
    seconds: 3600
    reason: the error rate is higher than yesterday
"""

RETURN = r"""
outcome:
  description: What happened on the host.
  returned: always
  type: str
  sample: provisional
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
  description: Number of the deployment on the host.
  returned: when the host answered
  type: int
  sample: 3
"""
