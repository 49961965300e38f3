# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drift_report
short_description: Say what of hosts is not as it was left there, and not as the record wants it
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - Puts together what hosts said when M(relmgmt.release.host_info) was asked to verify, and what the registry says that
    the last rollout left on them; release, profile, deployment, versions of secrets.
  - It tells neither contents of files nor secrets. Nothing is written but O(file).
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.secrets
options:
  package:
    description: Name of the package, C(team/app), that hosts were asked for.
    type: str
    required: true
  environment:
    description:
      - Look at what is on record of this environment only.
      - A host that has the variable C(relmgmt_environment) is compared with what is on record of that.
    type: str
    default: ""
  instance:
    description: Name of the instance that hosts were asked for.
    type: str
    default: main
  hosts:
    description: The hosts that were asked. Their variable C(relmgmt_site) names their site.
    type: list
    elements: str
    required: true
  infos:
    description: Name of the variable that the answers of M(relmgmt.release.host_info) were registered in.
    type: str
    required: true
  secrets:
    description:
      - Whether the store of secrets is asked too, so that hosts are named whose secrets have another version by now.
      - Only references that the plan of the last rollout pinned are read.
    type: bool
    default: false
  format:
    description: Form of RV(text).
    type: str
    choices: [text, markdown, json]
    default: text
  file:
    description: Write the report to this file, too, as its name ends in C(.txt), C(.md) or C(.json). Not in check mode.
    type: str
    default: ""
  show:
    description: Whether the report is shown.
    type: bool
    default: true
  fail:
    description:
      - Whether the task fails where a host has drifted, or where none gave a certain answer. It says which, then; what
        differs is in the report that is shown or written.
      - A host that cannot be reached has not drifted; it is told apart.
    type: bool
    default: true
  registry:
    description:
      - Path of the SQLite file, or URL of the PostgreSQL database.
      - If not given, the environment variable E(RELMGMT_REGISTRY) of the controller decides, and last
        V(~/.local/share/relmgmt/registry.db).
    type: str
seealso:
  - module: relmgmt.release.host_info
  - module: relmgmt.release.release_status
"""

EXAMPLES = r"""
# Before it, on every host: relmgmt.release.host_info with verify=true and on_failure=report, registered as verified.
- name: Fail where hosts have drifted
  relmgmt.release.drift_report:
    package: calendar/radicale
    hosts: "{{ ansible_play_hosts_all }}"
    infos: verified
  run_once: true
  delegate_to: localhost

- name: Write a report for the ticket, and go on whatever it says
  relmgmt.release.drift_report:
    package: calendar/radicale
    hosts: "{{ ansible_play_hosts_all }}"
    infos: verified
    file: drift.md
    fail: false
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
hosts:
  description: Every host that was asked, by name.
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
    version:
      description: Version that runs; V(absent) if none does, V(unknown) if nobody knows.
      type: str
      sample: 3.9.0
    state:
      description: What it says that it stands on, or V(unreachable).
      type: str
      sample: confirmed
    findings:
      description:
        - What is not as it should be. C(what) is one of those that M(relmgmt.release.host_info) tells, or
          V(release), V(profile), V(unknown-deployment) or V(secret-version), which are by the record.
      type: list
      elements: dict
      sample:
        - {path: current/release/app/server.py, what: mode, expected: "0444", found: "0666"}
    more:
      description: How many findings there are beyond those that are told.
      type: int
    problem:
      description: Why the host gave no certain answer; empty where it did.
      type: str
drifted:
  description: The hosts that have drifted.
  returned: when the report could be made
  type: list
  elements: str
unanswered:
  description: The hosts that gave no certain answer.
  returned: when the report could be made
  type: list
  elements: str
report:
  description: All of it as data, as the form V(json) has it.
  returned: success
  type: dict
text:
  description: The report in the form that O(format) names. In diff mode it tells what was expected and what was found.
  returned: success
  type: str
file:
  description: Where it was written to; empty if nowhere.
  returned: when the report could be made
  type: str
code:
  description: Stable identifier of the error; V(drift-found) where hosts have drifted.
  returned: failure
  type: str
  sample: drift-found
"""
