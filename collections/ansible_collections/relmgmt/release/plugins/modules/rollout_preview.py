# Copyright (c) relmgmt contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_preview
short_description: Say what a rollout, rollback or rehearsal would do, and what forbids it
version_added: 0.1.0
author: relmgmt contributors (@relmgmt)
description:
  - >-
    Makes the plan of a rollout, a rollback or a rehearsal without its lease, and tells everything that forbids it at
    once, where M(relmgmt.release.rollout_plan) stops at the first. What is refused is told, and the rest all the same.
  - >-
    With C(rollout) in O(request) the plan is that of the open rollout, of which the job may have some hosts alone: then
    the waves are those of the whole, and it says which part of them is the job's.
  - >-
    When every host has been asked in check mode, by M(relmgmt.release.release_stage) or, for a rollback, by
    M(relmgmt.release.release_revert), it says who changes in which wave,
    what changes on each host, how many bytes are sent, how long it takes there and back, and how that is known. Hosts
    with the same change are told together.
  - >-
    No host is touched, no lease is taken, registry and cache are only read. Rendered profiles lie in the run directory
    between the two steps. No value of the configuration and no secret is in what it says, only names.
  - >-
    The playbook C(relmgmt.release.plan) uses it, and C(--check) of C(relmgmt.release.rollout),
    C(relmgmt.release.rollback) and C(relmgmt.release.rehearse).
extends_documentation_fragment:
  - relmgmt.release.attributes
  - relmgmt.release.attributes.controller
  - relmgmt.release.dml.keys
options:
  step:
    description:
      - V(begin) plans. V(end) tells what came of it.
    type: str
    choices: [begin, end]
    required: true
  request:
    description: V(begin) only. The options of M(relmgmt.release.rollout_plan).
    type: dict
    default: {}
  new_key:
    description: V(begin) only, for a rehearsal. As O(relmgmt.release.rollout_rehearse#module:new_key).
    type: bool
    default: false
  leave:
    description: V(end) only, for a rehearsal. Where hosts will stand in the end, as
      O(relmgmt.release.rollout_rehearse#module:leave).
    type: str
    choices: [old, new]
    default: old
  rollout:
    description: V(end) only. What V(begin), or M(relmgmt.release.rollout_plan), returned as RV(rollout).
    type: dict
    default: {}
  blockers:
    description: V(end) only. What V(begin) returned as RV(blockers).
    type: list
    elements: dict
    default: []
  notes:
    description: V(end) only. What V(begin) returned as RV(notes).
    type: list
    elements: str
    default: []
  infos:
    description: V(end) only. Name of the variable that the hosts' results of M(relmgmt.release.host_info) are
      registered in.
    type: str
    default: ""
  tasks:
    description: V(end) only. Name of the variable that holds each host's part of RV(tasks).
    type: str
    default: ""
  staged:
    description: V(end) only. Name of the variable that the results of M(relmgmt.release.release_stage), or
      M(relmgmt.release.release_revert), in check mode, are registered in.
    type: str
    default: ""
  format:
    description: V(end) only. In which form it is shown and returned as RV(text).
    type: str
    choices: [text, json, markdown]
    default: text
  file:
    description:
      - V(end) only. A file to write it to, as text (C(.txt)), JSON (C(.json)) or Markdown for a change ticket (C(.md)),
        as the end of its name says. Only its owner may read it, since it says where a fleet is weak.
      - In check mode nothing is written.
    type: str
    default: ""
  show:
    description: V(end) only. Whether it is shown on the screen.
    type: bool
    default: true
  on_blocked:
    description: V(end) only. Whether the task fails (C(preview-blocked)) where something forbids the rollout.
    type: str
    choices: [fail, report]
    default: fail
  keep_profiles:
    description: V(end) only. Whether the rendered profiles stay, because a rollout that is only checked goes on with
      them.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Plan
  relmgmt.release.rollout_preview:
    step: begin
    request:
      package: calendar/radicale
      environment: prod
      hosts: "{{ ansible_play_hosts_all }}"
      infos: found
  run_once: true
  delegate_to: localhost
  register: planned

- name: Keep the host's part of it
  ansible.builtin.set_fact:
    task: "{{ planned.tasks[inventory_hostname] }}"

- name: Ask what would change
  relmgmt.release.release_stage:
    package: calendar/radicale
    root: "{{ task.root }}"
    source: "{{ task.source }}"
    profile: "{{ task.profile }}"
    on_failure: report
  check_mode: true
  register: staged
  when: task.profile | length > 0

- name: Say it
  relmgmt.release.rollout_preview:
    step: end
    rollout: "{{ planned.rollout }}"
    blockers: "{{ planned.blockers }}"
    notes: "{{ planned.notes }}"
    infos: found
    tasks: task
    staged: staged
    file: change-4711.md
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
rollout:
  description: The plan, as M(relmgmt.release.rollout_plan) returns it.
  returned: V(begin)
  type: dict
  sample: {id: check-4711, waves: [{index: 1, name: canary, hosts: [ci-ber-01]}]}
tasks:
  description: For every host, what its steps need to know. C(profile) is empty for a host that is not to be asked.
  returned: V(begin)
  type: dict
  sample: {ci-ber-01: {action: deploy, profile: /run/user/1000/relmgmt-1000/check-4711/profiles/63.json}}
summary:
  description: The plan in a line, for people.
  returned: V(begin)
  type: str
  sample: "rollout of calendar/radicale 3.9.0 to prod: 20 hosts; waves: canary 1 (madrid-3), rest 19"
notes:
  description: What is worth to be known and forbids nothing.
  returned: V(begin)
  type: list
  elements: str
  sample: []
blockers:
  description: All that forbids the rollout, by stable code, with the next step. C(hosts) may be empty.
  returned: V(begin)
  type: list
  elements: dict
  sample:
    - code: disk-full
      hint: Mend it, or take it out of the target, or raise relmgmt_failure_budget.
      hosts: [ci-ber-02]
      message: "/srv/relmgmt: 3 MiB free, 17 MiB needed"
preview:
  description:
    - All of it as data. C(groups) are the changes, each with the C(hosts) that have it in common; C(group) of a host is
      the place of its change there, counted from 0, or null where it is not known.
    - C(needed) and C(free) are bytes of room on the host, C(send) those that are sent to it. For a rollback, C(leaves)
      and C(to) are its deployments; null else. C(elsewhere) is what is recorded of a host of another job.
    - C(joins) is the rollout that the job joins with some of its hosts, and C(own) are its hosts of a wave. A wave that
      is C(over) takes no time any more.
    - C(phases) are those of a rehearsal.
    - The C(source) of an estimate is V(measured) on waves of the package that the registry has, V(rehearsed),
      V(declared, not measured) by the package, or V(not known).
  returned: V(end), unless the task fails because the rollout is blocked
  type: dict
  sample:
    blocked: false
    blockers: []
    databases: []
    environment: prod
    groups:
      - after: 3.9.0
        before: 3.8.2
        configuration: [{change: changed, name: max_sessions}]
        facts: []
        files: [{change: changed, name: app/radicale/app.py, size: 4711}]
        hosts: [ci-ber-01]
        placements: []
        rendered: [{change: changed, name: radicale.conf}]
        secrets: []
        service: radicale.service is restarted
    hosts:
      ci-ber-01:
        action: deploy
        after: 3.9.0
        before: 3.8.2
        elsewhere: ""
        free: 1073741824
        group: 0
        leaves: null
        needed: 16777216
        reason: ""
        send: 20480
        site: berlin
        to: null
        wave: 1
    joins: ""
    kind: rollout
    phases: []
    send: 20480
    time: {back: 2.1, done: "2026-11-22T01:00:00Z", forward: 3.2, staging: {seconds: 0.4, source: rehearsed}}
    waves:
      - back: {seconds: 2.1, source: rehearsed}
        forward: {seconds: 2.8, source: rehearsed}
        hosts: [ci-ber-01]
        index: 1
        name: canary
        over: false
        own: [ci-ber-01]
text:
  description: The same in the form that O(format) names.
  returned: V(end), unless the task fails because the rollout is blocked
  type: str
  sample: "Preview of the rollout of calendar/radicale 3.9.0 to prod"
file:
  description: Where it was written; empty if nowhere.
  returned: V(end)
  type: str
  sample: /home/release/change-4711.md
"""
