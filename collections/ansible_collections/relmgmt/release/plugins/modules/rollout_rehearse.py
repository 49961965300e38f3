# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_rehearse
short_description: Judge, measure and sign a rehearsal
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    A rehearsal takes hosts to a release and back, twice, for real. This verb is called before it, behind each of its
    phases, and at its end. The playbook C(relmgmt.release.rehearse) does all of it.
  - >-
    When every phase was well on every host, what was measured is signed: an in-toto statement in a DSSE envelope, one
    for each release that hosts came from. M(relmgmt.release.rollout_plan) asks for it before a rollout to production.
  - From the first phase on, what goes wrong is returned as a verdict, so that hosts can be brought back.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.dml.keys
options:
  phase:
    description:
      - V(begin) sees that the key that signs is here; without one that the registry trusts, it makes one.
      - V(stage), V(forward), V(back), and the same once more with V(_again), judge and measure what was done.
      - V(end) sees that all hosts stand where they should, and signs.
    type: str
    choices: [begin, stage, forward, back, stage_again, forward_again, back_again, end]
    required: true
  rollout:
    description: What M(relmgmt.release.rollout_plan) returned as C(rollout). Only O(phase=begin) needs none.
    type: dict
    default: {}
  results:
    description: >-
      Names of the variables that the hosts' results of the phase are registered in, in the order in which they were
      made.
    type: list
    elements: str
    default: []
  rehearsal:
    description:
      - What the call before returned as C(rehearsal).
      - Before the first phase, C(mark) is the time at which it begins, in seconds since 1970.
    type: dict
    default: {}
  infos:
    description: At the end, the name of the variable that the hosts' results of M(relmgmt.release.host_info) are in.
    type: str
    default: ""
  leave:
    description: Where hosts should stand in the end, on what they came from (V(old)) or on the release (V(new)).
    type: str
    choices: [old, new]
    default: old
  new_key:
    description:
      - At the beginning, have the registry trust the key that is here, or a new one, whatever it trusted before.
      - What was rehearsed before does not count any more then.
    type: bool
    default: false
  registry:
    description: Path or database URL of the registry. Environment form E(RELMGMT_REGISTRY).
    type: str
    default: ""
seealso:
  - module: relmgmt.release.rollout_plan
"""

EXAMPLES = r"""
- name: Judge the way forward
  relmgmt.release.rollout_rehearse:
    phase: forward
    rollout: "{{ planned.rollout }}"
    results: [activated, confirmed]
    rehearsal: "{{ judged.rehearsal }}"
  run_once: true
  delegate_to: localhost
  register: judged
"""

RETURN = r"""
summary:
  description: The same in a line, for people.
  returned: success
  type: str
  sample: "forward: continue, 1 of 1 hosts are well (3.1 s)"
verdict:
  description: V(continue), or V(revert_all) or V(pause) with the reason; behind a phase, and at the end.
  returned: when O(phase) is not V(begin)
  type: dict
  sample: {verdict: continue, reason: 1 of 1 hosts are well, failed: {}, wave: 1, name: forward}
rehearsal:
  description:
    - What was measured so far, for the next call.
    - By the clock of the controller, as C(clock) says, the connection and Ansible's own work counted too. With several
      hosts it is the slowest that counts.
  returned: when O(phase) is not V(begin)
  type: dict
  sample: {mark: 1795257000.0, phases: [{name: stage, seconds: 0.8, clock: controller}]}
evidence:
  description: Ids of what was signed.
  returned: at the end
  type: list
  elements: str
  sample: ["sha256:0d1f..."]
"""
