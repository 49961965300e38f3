# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_migrate
short_description: Decide and judge what a rollout does to databases
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    A release may change the schema of databases. Each database is migrated once, by one of the hosts that share it.
    This verb says which hosts are to be frozen before that, which of them does what, and what follows from what came of
    it. It records who begins before anybody does, so that no other host begins the same again.
  - >-
    It does nothing where the phase is not due by the last verdict. The playbooks C(relmgmt.release.rollout),
    C(relmgmt.release.rollback) and C(relmgmt.release.rehearse) call it.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
options:
  phase:
    description:
      - V(before) the first wave, V(after) the last one, or V(undo) when hosts went back.
    type: str
    choices: [before, after, undo]
    required: true
  step:
    description:
      - V(freeze) says which hosts must not go back any more, V(begin) who migrates what, V(end) what follows.
    type: str
    choices: [freeze, begin, end]
    required: true
  rollout:
    description: What M(relmgmt.release.rollout_plan) returned as C(rollout).
    type: dict
    required: true
  verdict:
    description: The last verdict.
    type: dict
    required: true
  staged:
    description: Name of the variable that the results of M(relmgmt.release.release_stage) are registered in.
    type: str
    default: ""
  results:
    description: >-
      Names of the variables that the results of what switches hosts are registered in, in the order in which they were
      made. They say where a host stands.
    type: list
    elements: str
    default: []
  frozen:
    description: V(begin) only. Name of the variable that the results of M(relmgmt.release.release_freeze) are
      registered in.
    type: str
    default: ""
  jobs:
    description: V(end) only. What V(begin) returned as RV(jobs).
    type: dict
    default: {}
  thaw:
    description: V(end) only. What V(begin) returned as RV(thaw).
    type: dict
    default: {}
  migrated:
    description: V(end) only. Name of the variable that the results of M(relmgmt.release.release_migrate) are registered
      in, of one loop over the jobs of the host.
    type: str
    default: ""
  anew:
    description: V(begin) only. Whether an interrupted rehearsal is to be taken back first.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Say which hosts migrate which databases
  relmgmt.release.rollout_migrate:
    phase: before
    step: begin
    rollout: "{{ planned.rollout }}"
    verdict: "{{ judged.verdict }}"
    staged: staged
    frozen: frozen
  run_once: true
  delegate_to: localhost
  register: migration
"""

RETURN = r"""
summary:
  description: The same in a line, for people.
  returned: success
  type: str
  sample: "databases, before: calendar is at 5e6f"
verdict:
  description: >-
    The verdict that counts from here on. C(frozen) is true behind a point of no return; C(note) says what is still to
    be done.
  returned: success
  type: dict
  sample: {verdict: continue, reason: calendar is at 5e6f, failed: {}}
freeze:
  description: Host to the deployment that it must not go back behind.
  returned: success
  type: dict
  sample: {ci-ber-01: 3}
jobs:
  description: Host to what it is to do, in order.
  returned: success
  type: dict
  sample:
    ci-ber-01:
      - {database: calendar, id: pg-a/calendar, deployment: 3, to: 5e6f, direction: up, again: false}
thaw:
  description: Hosts that were frozen for nothing, to the deployment.
  returned: success
  type: dict
  sample: {}
"""
