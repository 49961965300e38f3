# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: config_preview
short_description: Show what hosts would be configured with
version_added: 0.1.0
description:
  - Checks the configuration of hosts, renders it, and shows how it differs from what they have, file by file.
  - A mask that names the reference stands in the place of each secret, on both sides.
  - No host sends its files. What it has is rendered again from what the registry keeps of its profile; where nothing is
    on record, the result says so.
  - A value that is a secret, and is not marked as one in the schema, is shown as any other value.
author: relmgmt contributors (@relmgmt)
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.secrets
options:
  package:
    description: Name of the package.
    type: str
    required: true
  version:
    description: Its version; the newest one that is promoted to O(environment), if empty.
    type: str
    default: ""
  environment:
    description: The environment of the hosts.
    type: str
    required: true
  instance:
    description: Name of the instance on the hosts.
    type: str
    default: main
  hosts:
    description: The hosts to look at.
    type: list
    elements: str
    required: true
  infos:
    description: Name of the variable in which each host holds what M(relmgmt.release.host_info) returned.
    type: str
    required: true
  read_secrets:
    description:
      - Whether secrets are read, so that masks name their versions and the schema is asked whether they fit.
      - Without it, no store is asked.
    type: bool
    default: false
  secrets_down:
    description: As of M(relmgmt.release.rollout_plan), with O(read_secrets).
    type: str
    choices: [fail, previous]
    default: fail
  registry:
    description: Path or database URL of the registry. Environment form E(RELMGMT_REGISTRY).
    type: str
    default: ""
  dml:
    description: Directory of the DML. Environment form E(RELMGMT_DML).
    type: str
    default: ""
  trusted_root:
    description: File with the root that the DML's signatures are verified against. Environment form
      E(RELMGMT_TRUSTED_ROOT).
    type: str
    default: ""
  cache:
    description: Directory for fetched packages. Environment form E(RELMGMT_CACHE).
    type: str
    default: ""
seealso:
  - module: relmgmt.release.rollout_preview
"""

EXAMPLES = r"""
- name: Show what hosts would be configured with, once host_info has asked them
  relmgmt.release.config_preview:
    package: calendar/radicale
    version: 3.9.0
    environment: prod
    hosts: "{{ ansible_play_hosts }}"
    infos: found
  run_once: true
  delegate_to: localhost
  diff: true
"""

RETURN = r"""
version:
  description: The version that was looked at.
  returned: success
  type: str
  sample: 3.9.0
hosts:
  description:
    - Of each host, what changes. C(known) is V(false) where nobody can tell what it has, for the reason in C(unknown).
    - C(files) maps paths in the profile to C(change) (V(added), V(changed), V(removed)) and C(diff). C(release.yml) is
      how the release is run and judged.
  returned: success
  type: dict
  sample:
    ci-ber-01:
      changed: true
      files: {radicale.ini: {change: changed, diff: "-port = 5232\n+port = 5233\n"}}
      known: true
      unknown: ""
unanswered:
  description: Hosts that did not say what they run.
  returned: success
  type: list
  elements: str
  sample: []
"""
