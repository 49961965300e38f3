# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_verdict
short_description: Judge a wave
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Says what the outcomes of a wave mean for the rollout: continue, pause, revert the wave, or revert everything.
    Records outcomes and verdict. Behind a point of no return nothing is reverted: the verdict is V(pause) then, and
    C(frozen) is true in RV(verdict).
  - >-
    Hosts that speak against the release, because it was tried there and found unhealthy, are counted apart from
    those that are sick by themselves, each against its own budget of M(relmgmt.release.rollout_plan). A host that
    went back and does not say why speaks against the release. Where sites have a budget, both kinds count together
    against that of their site.
  - >-
    Renews the lease. If it is lost the verdict is V(pause). A registry that is away changes no verdict: what it does
    not take is kept on the controller, and recorded later.
  - >-
    What somebody has ordered meanwhile (M(relmgmt.release.rollout_order)) is heard here. V(pause) gives the verdict
    V(pause), V(revert) gives V(revert_all). A job with some of the hosts that stops for what they did orders the others
    to do the same.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
options:
  rollout:
    description: What M(relmgmt.release.rollout_plan) returned as C(rollout).
    type: dict
    required: true
  results:
    description: >-
      Names of the variables that the hosts' results are registered in, in the order in which they were made. The
      last one
      that a host has counts.
    type: list
    elements: str
    required: true
  begins:
    description:
      - Whether the wave is about to begin; none of its hosts was asked yet.
      - A job with some of the hosts waits here until the waves before are over, and the jobs with hosts of the wave are
        there. At the other verdicts it waits for their outcomes.
    type: bool
    default: false
  confirmed:
    description: Whether the hosts were asked to confirm; those that are not final have failed then.
    type: bool
    default: false
  baked:
    description: >-
      Whether hosts that were confirmed have been asked once more, when their wave had baked. The next wave begins only
      then.
    type: bool
    default: false
  wave:
    description: Any host of the wave. Without it, the staging of all hosts is judged.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Judge the wave
  relmgmt.release.rollout_verdict:
    rollout: "{{ planned.rollout }}"
    wave: "{{ inventory_hostname }}"
    results: [staged, activated]
  run_once: true
  delegate_to: localhost
  register: judged
"""

RETURN = r"""
summary:
  description: The same in a line, for people.
  returned: success
  type: str
  sample: "canary: continue, 1 of 1 hosts are well"
verdict:
  description:
    - The verdict, its reason, and the hosts that failed with their reasons.
    - C(bake) is for how many seconds the wave has to bake now, before its hosts are asked once more.
    - C(open) is true where the rollout stops and is not over. It was paused, or hosts of other jobs are missing.
    - C(order) and C(batches) are made for the C(hosts) and C(serial) of a play that takes everything back, the latest
      wave first. They are empty for every other verdict.
  returned: success
  type: dict
  sample:
    verdict: continue
    reason: 1 of 1 hosts are well
    failed: {}
    wave: 1
    name: canary
    bake: 0.0
    order: []
    batches: []
"""
