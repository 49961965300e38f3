# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_bake
short_description: Wait until a wave has baked
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Waits for the seconds that the plan puts behind a wave. They count from the moment at which the registry has the
    wave as confirmed, so that a run which is started again waits for the rest only.
  - >-
    Keeps the lease meanwhile, says every minute how long it takes, and ends early when somebody asks for the rollout
    to be paused or reverted, or another run has taken it over.
  - >-
    Does not ask the hosts. M(relmgmt.release.release_confirm) with C(probe) and M(relmgmt.release.rollout_verdict) with
    C(baked) have to follow, as in the playbook C(relmgmt.release.rollout).
  - >-
    Does not wait in check mode.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
options:
  rollout:
    description: What M(relmgmt.release.rollout_plan) returned as C(rollout).
    type: dict
    required: true
  wave:
    description: Any host of the wave.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Let the wave bake
  relmgmt.release.rollout_bake:
    rollout: "{{ planned.rollout }}"
    wave: "{{ inventory_hostname }}"
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
ended:
  description: Why it ended early; empty if it did not.
  returned: success
  type: str
  sample: ""
summary:
  description: The same in a line, for people.
  returned: success
  type: str
  sample: "canary: baked for 600 s"
waited:
  description: Seconds that this run waited.
  returned: success
  type: float
  sample: 600.0
"""
