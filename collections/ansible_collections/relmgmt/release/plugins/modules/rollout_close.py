# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_close
short_description: Close a rollout
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Records how the rollout ended on every host, gives its lease back, removes the rendered profiles.
  - >-
    Fails if the rollout failed: outcomes are data until here. Hosts that were left behind are named with what they are
    known to run, in a warning, or in the failure those that could not be reached.
  - >-
    Behind a point of no return it fails with the code C(rollout-frozen): no host was taken back, and somebody has to
    bring the release, or a newer one, up.
  - >-
    Where the registry is away, it warns and keeps the record on the controller; the next rollout of the same user
    writes it.
  - >-
    A rollout stays open, and C(result) is V(running), while other jobs work on it, hosts of other jobs are still to
    come, or it was paused; the last job closes it. A rollout that is taken back as was ordered ends as V(failed) in the
    record, without failing the run.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
options:
  rollout:
    description: What M(relmgmt.release.rollout_plan) returned as C(rollout).
    type: dict
    required: true
  leave_open:
    description: >-
      Whether a later job is to go on with it; used after staging. The lease is given back, and the summary has the
      command. Without effect unless the last verdict is to continue.
    type: bool
    default: false
  results:
    description: >-
      Names of the variables that the hosts' results are registered in, in the order in which they were made. The
      last one
      that a host has counts.
    type: list
    elements: str
    required: true
  verdict:
    description: The last verdict, as M(relmgmt.release.rollout_verdict) returned it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Close the rollout
  relmgmt.release.rollout_close:
    rollout: "{{ planned.rollout }}"
    verdict: "{{ judged.verdict }}"
    results: [staged, activated, confirmed, reverted]
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
rollout:
  description: Identity, result and number of hosts by outcome.
  returned: success
  type: dict
  sample: {id: 20261121T103000Z-3f9a, result: succeeded, reason: "", outcomes: {confirmed: 20}}
summary:
  description: The same in a line, for people.
  returned: success
  type: str
  sample: "The rollout 20261121T103000Z-3f9a of calendar/radicale 3.9.0 succeeded (hosts: 20 confirmed)"
hosts:
  description: Outcome and reason of every host.
  returned: success
  type: dict
  sample: {ci-ber-01: {outcome: confirmed, reason: ""}}
"""
