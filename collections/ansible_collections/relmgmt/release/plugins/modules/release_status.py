# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_status
short_description: Show what runs where, and what is not as it was left
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Says of every host that a rollout had to do with what it was last seen with, since when and by whom, and which
    rollouts are open and who holds them, from the registry.
  - Of hosts that were asked before by M(relmgmt.release.host_info), it says what they answered, and what of that is not
    as the last rollout left it.
  - Nothing is written. A registry that does not exist is an empty one.
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
options:
  package:
    description: Show this package only, C(team/app). Needed with O(hosts).
    type: str
    default: ""
  environment:
    description: Show this environment only.
    type: str
    default: ""
  site:
    description: Show hosts at this site only.
    type: str
    default: ""
  instance:
    description: Name of the instance that O(hosts) were asked for.
    type: str
    default: main
  hosts:
    description: Hosts that were asked. Their C(relmgmt_environment) and C(relmgmt_site) say where they belong.
    type: list
    elements: str
    default: []
  infos:
    description: Name of the variable that the answers of M(relmgmt.release.host_info) were registered in.
    type: str
    default: ""
  registry:
    description:
      - Path of the SQLite file, or URL of the PostgreSQL database.
      - If not given, the environment variable E(RELMGMT_REGISTRY) of the controller decides, and last
        V(~/.local/share/relmgmt/registry.db).
    type: str
seealso:
  - module: relmgmt.release.rollout_info
  - module: relmgmt.release.host_info
"""

EXAMPLES = r"""
- name: See what runs in production
  relmgmt.release.release_status:
    environment: prod
  register: seen

- name: Show it
  ansible.builtin.debug:
    msg: "{{ seen.table }}"
"""

RETURN = r"""
hosts:
  description: What runs on each host, by package, environment, instance and host. Times are UTC.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: Name in the inventory.
      type: str
      sample: ci-ber-01
    site:
      description: Site that it stands at.
      type: str
      sample: ber
    package:
      description: Name of the package.
      type: str
      sample: calendar/radicale
    environment:
      description: Environment that it belongs to.
      type: str
      sample: prod
    instance:
      description: Instance of the package.
      type: str
      sample: main
    version:
      description: Version that runs; V(absent) if none does, V(unknown) if nobody knows.
      type: str
      sample: 3.9.0
    state:
      description:
        - What the host says that it stands on, as RV(relmgmt.release.host_info#module:release) has it, or
          V(unreachable).
        - Of a host that was not asked, the outcome of the last rollout.
      type: str
      sample: confirmed
    since:
      description: When that version was recorded first; empty where nobody knows.
      type: str
      sample: "2026-11-21T10:41:12.000000Z"
    by:
      description: Who began the rollout that brought it; empty where nobody said.
      type: str
      sample: ann
    rollout:
      description: Id of the last rollout that had to do with the host.
      type: str
      sample: 20261121T103000Z-3f9a
    heard:
      description: When that recorded what became of the host.
      type: str
    asked:
      description: Whether the host itself said what runs.
      type: bool
    drift:
      description: How it is not as the last rollout left it; empty where it is, and where it was not asked.
      type: list
      elements: str
    notes:
      description: What else somebody should know.
      type: list
      elements: str
drifted:
  description: The hosts that have drifted.
  returned: success
  type: list
  elements: str
rollouts:
  description: The rollouts that are open, the newest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the rollout. RV(rollouts[].kind), RV(rollouts[].package) and others are as
        M(relmgmt.release.rollout_info) has them.
      type: str
      sample: 20261121T103000Z-3f9a
    kind:
      description: V(rollout), V(rollback) or V(rehearsal).
      type: str
    package:
      description: Name of the package.
      type: str
    version:
      description: Version that the hosts are to have.
      type: str
    environment:
      description: Environment that it goes to.
      type: str
    instance:
      description: Instance of the package.
      type: str
    started:
      description: When it began.
      type: str
    by:
      description: Who began it.
      type: str
    waves:
      description: How many waves it has.
      type: int
    waves_done:
      description: How many of them have their verdict.
      type: int
    holders:
      description: Who works on it at the moment, or did and is gone.
      type: list
      elements: str
    order:
      description: What somebody asked of it last; empty if nobody did.
      type: str
table:
  description: All of it for people, in lines of at most 120 columns.
  returned: success
  type: list
  elements: str
"""
