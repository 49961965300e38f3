# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every host verb takes and gives."""

from __future__ import annotations


class ModuleDocFragment:
    """Options that name an instance on a host, and how a host verb answers."""

    DOCUMENTATION = r"""
options:
  package:
    description: Name of the package, C(team/app).
    type: str
    required: true
  instance:
    description: Name of the instance; a host may run several of one package.
    type: str
    default: main
  root:
    description: Directory on the host below which packages live. No directory on its path may be writable by others.
    type: str
    default: /srv/relmgmt
  fence:
    description:
      - Which controller speaks, as M(relmgmt.release.rollout_plan) returns it.
      - A host refuses a controller whose rollout has been taken over by a newer one.
    type: dict
    suboptions:
      registry:
        description: Identity of the registry that holds the lease.
        type: str
        required: true
      token:
        description: The lease's fencing token, which only grows.
        type: int
        required: true
  on_failure:
    description: >-
      V(fail) fails the task when the outcome is not a good one. V(report) only returns the outcome, also when the host
      cannot
      be reached, so that a playbook can decide over a whole fleet.
    type: str
    choices: [fail, report]
    default: fail
attributes:
  action:
    description: Runs as an action plugin, in one round trip to the host over its connection, with become.
    support: full
  platform:
    description: Hosts that it works on.
    support: full
    platforms: linux
notes:
  - The host needs Python 3.8 or newer and nothing else.
"""
