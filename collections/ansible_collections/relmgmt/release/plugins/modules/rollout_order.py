# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_order
short_description: Pause, resume or revert an open rollout
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Records what somebody asks of a rollout that is open, with who and why. A job that runs it does so at its next
    verdict; where no job runs it, the next one finds the order.
  - >-
    The newest order counts. A revert is not called off.
  - >-
    The playbooks C(relmgmt.release.pause), C(relmgmt.release.resume) and C(relmgmt.release.revert) use it; the latter
    two also do what was ordered.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
options:
  order:
    description:
      - V(pause) stops the rollout where it is and holds the hosts that are not final; no job goes on with it.
      - V(resume) lets it go on.
      - V(revert) takes every host back that it has brought to the release, wave by wave.
    type: str
    choices: [pause, resume, revert]
    required: true
  reason:
    description: Why, for the record.
    type: str
    required: true
  by:
    description: Who; by default the login name of the user who runs Ansible.
    type: str
    default: ""
  rollout:
    description: Id of the rollout. Without it, O(package), O(environment) and O(instance) say which one is meant.
    type: str
    default: ""
  package:
    description: Name of the package, C(team/app).
    type: str
    default: ""
  environment:
    description: The environment that it is rolled out to.
    type: str
    default: ""
  instance:
    description: Name of the instance on the hosts.
    type: str
    default: main
  registry:
    description: Path or database URL of the registry. Environment form E(RELMGMT_REGISTRY).
    type: str
    default: ""
seealso:
  - module: relmgmt.release.rollout_info
"""

EXAMPLES = r"""
- name: Pause what is rolled out
  relmgmt.release.rollout_order:
    order: pause
    package: calendar/radicale
    environment: prod
    reason: the payment provider is down
"""

RETURN = r"""
rollout:
  description: The rollout that was meant.
  returned: success
  type: dict
  sample: {id: 20261121T103000Z-3f9a, package: calendar/radicale, version: 3.9.0, environment: prod, instance: main}
order:
  description: What is on record.
  returned: success
  type: dict
  sample: {kind: pause, by: ann, reason: the payment provider is down}
running:
  description: Whether a job is at work on the rollout now.
  returned: success
  type: bool
summary:
  description: The same in a line, for people.
  returned: success
  type: str
  sample: "pause of rollout 20261121T103000Z-3f9a of calendar/radicale 3.9.0, by ann: a fire; no job runs it at present"
"""
